import { useState } from "react";
import { Link } from "wouter";

import { usePipelines } from "../api/queries";
import { Only } from "../app";
import { duration } from "../ui/format";
import { Answer, Empty, Page, State, Table, When, pipelinePath, useNow } from "../ui/parts";

const atOnce = 200;

export function Pipelines() {
  const pipelines = usePipelines();
  const [wanted, setWanted] = useState("");
  const now = useNow();
  return (
    <Page title="Pipelines" actions={<Only role="admin"><Link href="/new" className="button main">New pipeline</Link></Only>}>
      <div className="filters">
        <label>
          Find
          <input type="search" value={wanted} onChange={(e) => setWanted(e.target.value)} />
        </label>
      </div>
      <Answer of={pipelines}>
        {(data) => {
          const found = (data.pipelines ?? []).filter((p) => `${p.name} ${p.target ?? ""} ${p.tables?.join(" ") ?? ""}`.toLowerCase().includes(wanted.toLowerCase()));
          return found.length === 0 ? (
            <Empty>{wanted ? `No pipeline has “${wanted}” in its name or tables.` : <>The config has no pipelines yet. <Only role="admin"><Link href="/new">Make the first one</Link></Only></>}</Empty>
          ) : (
            <>
              <Table label="Pipelines" head={["Pipeline", "Source", "Target", "Last run", "", "Lag", "Next run"]}>
                {found.slice(0, atOnce).map((p) => {
                  const run = p.running ?? p.last;
                  return (
                    <tr key={p.name}>
                      <td>
                        <Link href={pipelinePath(p.name)}>{p.name}</Link>
                      </td>
                      <td>{p.tables?.join(", ")}</td>
                      <td>{p.target ?? `many in ${p.lake}`}</td>
                      <td>{run ? <State state={run.state} /> : <span className="soft">never</span>}</td>
                      <td className="nowrap">{run && <When at={run.ended ?? run.started ?? run.queued} now={now} />}</td>
                      <td className={p.late ? "nowrap late" : "nowrap"}>{p.lag_seconds === undefined ? "–" : duration(p.lag_seconds)}</td>
                      <td className="nowrap">{p.next ? <When at={p.next} now={now} /> : <span className="soft">–</span>}</td>
                    </tr>
                  );
                })}
              </Table>
              {found.length > atOnce && <p className="soft">{found.length - atOnce} more: type a part of the name.</p>}
            </>
          );
        }}
      </Answer>
    </Page>
  );
}
