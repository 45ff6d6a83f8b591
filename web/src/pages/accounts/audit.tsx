import { useDeferredValue, useState } from "react";

import { type Act, type ActFilter, useAudit } from "../../api/accounts";
import { exact, number } from "../../ui/format";
import { Answer, Button, Empty, Page, Table } from "../../ui/parts";

// Audit is what was asked of the server: who, from where, and how it ended.
export function Audit() {
  const [filter, setFilter] = useState<ActFilter>({});
  const wanted = useDeferredValue(filter);
  const text = (name: "who" | "action" | "object") => (e: { target: { value: string } }) => setFilter({ ...filter, [name]: e.target.value.trim() || undefined });
  return (
    <Page title="Audit log">
      <div className="filters">
        <label>
          Who
          <input type="search" onChange={text("who")} />
        </label>
        <label>
          Did
          <input type="search" placeholder="run, login, user …" onChange={text("action")} />
        </label>
        <label>
          To
          <input type="search" onChange={text("object")} />
        </label>
        <label>
          Outcome
          <select onChange={(e) => setFilter({ ...filter, refused: e.target.value === "refused" || undefined })}>
            <option value="">any</option>
            <option value="refused">refused or failed</option>
          </select>
        </label>
      </div>
      <Entries key={JSON.stringify(wanted)} filter={wanted} />
    </Page>
  );
}

function Entries({ filter }: { filter: ActFilter }) {
  const [pages, setPages] = useState<number[]>([]);
  const audit = useAudit({ ...filter, before: pages.at(-1) });
  return (
    <Answer of={audit}>
      {(data) =>
        (data.acts ?? []).length === 0 ? (
          <Empty>{Object.values(filter).some(Boolean) ? "No entry passes the filter." : "Nothing was asked yet that changes something."}</Empty>
        ) : (
          <>
            <ActTable acts={data.acts ?? []} />
            <p className="actions" role="group" aria-label="Pages">
              {pages.length > 0 && <Button onClick={() => setPages(pages.slice(0, -1))}>Newer</Button>}
              {data.next && (
                <Button busy={audit.isPlaceholderData} onClick={() => setPages([...pages, data.next ?? 0])}>
                  Older
                </Button>
              )}
              {pages.length > 0 && <span className="soft">page {number(pages.length + 1)}</span>}
            </p>
          </>
        )
      }
    </Answer>
  );
}

function ActTable({ acts }: { acts: Act[] }) {
  return (
    <Table label="Audit log" head={["At", "Who", "Did", "To", "Outcome", "Detail", "From"]}>
      {acts.map((a) => (
        <tr key={a.n}>
          <td className="nowrap">{exact(a.at)}</td>
          <td>{a.who ? `${a.who}${a.kind === "token" ? " (token)" : ""}` : <span className="soft">somebody unknown</span>}</td>
          <td className="nowrap">{a.action}</td>
          <td>{a.object}</td>
          <td className={a.outcome === "done" ? "nowrap" : "nowrap problem"}>{a.outcome}</td>
          <td>{a.detail}</td>
          <td className="nowrap">{a.address}</td>
        </tr>
      ))}
    </Table>
  );
}
