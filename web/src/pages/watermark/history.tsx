// How a watermark came to be: the commits, as a chart and as a table.
import { Suspense, lazy, useMemo } from "react";
import { Link } from "wouter";

import { type Change, useHistory } from "../../api/watch";
import { exact, number } from "../../ui/format";
import { Answer, Empty, Loading, Table, runPath } from "../../ui/parts";

const Chart = lazy(() => import("./chart"));

export function History({ pipeline }: { pipeline: string }) {
  const history = useHistory(pipeline);
  const told = history.data?.changes;
  const kept = useMemo(() => (told ?? []).filter((c) => !c.aside).reverse(), [told]); // from the oldest on
  return (
    <section aria-label="History">
      <h2>History</h2>
      <Answer of={history}>
        {(data) => {
          const changes = data.changes ?? [];
          if (changes.length === 0) return <Empty>The table does not know its commits any more.</Empty>;
          return (
            <>
              {kept.length > 1 && (
                <Suspense fallback={<Loading />}>
                  <Chart changes={kept} />
                </Suspense>
              )}
              <Commits changes={changes} of={data.of} />
            </>
          );
        }}
      </Answer>
    </section>
  );
}

const atOnce = 100;

function Commits({ changes, of }: { changes: Change[]; of: number }) {
  const shown = changes.slice(0, atOnce);
  return (
    <>
      <Table label="Commits" head={["Commit", "At", "Rows", "High", "In the table", "Run", ""]}>
        {shown.map((c, i) => (
          <tr key={`${c.snapshot ?? ""} ${c.commit ?? ""} ${i}`}>
            <td className="n">{c.commit ?? "–"}</td>
            <td className="nowrap">{exact(c.at)}</td>
            <td className="n">{number(c.rows_loaded)}</td>
            <td className="nowrap">{c.high ?? "–"}</td>
            <td className="n">{c.rows < 0 ? "–" : number(c.rows)}</td>
            <td>
              {c.run ? (
                <Link href={runPath(c.run)} className="mono" aria-label={`run ${c.run}`}>
                  {c.run.slice(0, 10)}…
                </Link>
              ) : (
                "–"
              )}
            </td>
            <td>{c.aside ? <span className="soft">set aside</span> : c.what}</td>
          </tr>
        ))}
      </Table>
      {of > shown.length && <p className="soft">{number(of - shown.length)} older commits.</p>}
    </>
  );
}
