// The history of a table, and from each of its moments a query.
import { useState } from "react";
import { Link } from "wouter";

import { type Change, useHistory } from "../../api/lake";
import { exact, number } from "../../ui/format";
import { Answer, Button, Empty, Table, When, pipelinePath, runPath, useNow } from "../../ui/parts";
import { tableSQL } from "../../ui/sql";
import { queryPath } from "./paths";

const atOnce = 100;

export function Snapshots({ lake, table }: { lake: string; table: string }) {
  const [limit, setLimit] = useState(atOnce);
  const history = useHistory(lake, table, limit);
  const now = useNow();
  return (
    <Answer of={history}>
      {(h) =>
        (h.changes ?? []).length === 0 ? (
          <Empty>Nothing is known of what the table was.</Empty>
        ) : (
          <>
            <Table label="Snapshots" head={["When", "What", "Pipeline", "Run", "Loaded", "Rows then", "Files then", "Watermark", ""]}>
              {h.changes?.map((c, i) => (
                <tr key={`${c.snapshot ?? ""}${c.at}${i}`} className={c.aside ? "soft" : undefined}>
                  <td className="nowrap">
                    <When at={c.at} now={now} />
                    <div className="soft">{exact(c.at)}</div>
                  </td>
                  <td>
                    {c.what}
                    {c.commit ? <div className="soft">commit {c.commit}</div> : null}
                    {c.aside && <div className="soft">set aside: the table was set back behind it</div>}
                  </td>
                  <td>{c.pipeline ? <Link href={pipelinePath(c.pipeline)}>{c.pipeline}</Link> : "–"}</td>
                  <td>{c.run ? <RunOf change={c} /> : "–"}</td>
                  <td className="n">{c.commit ? number(c.rows_loaded) : "–"}</td>
                  <td className="n">{c.rows < 0 ? "–" : number(c.rows)}</td>
                  <td className="n">{c.files < 0 ? "–" : number(c.files)}</td>
                  <td className="nowrap">{c.high ?? "–"}</td>
                  <td className="nowrap">
                    <Link href={queryPath(lake, asOf(table, c))} aria-label={`Query as of ${c.commit ? `commit ${c.commit}` : (c.snapshot ?? exact(c.at))}`}>
                      Query as of this
                    </Link>
                  </td>
                </tr>
              ))}
            </Table>
            {h.of > limit && (
              <p className="more">
                <Button onClick={() => setLimit(limit * 10)}>Show more</Button> <span className="soft">{number(h.of - limit)} older ones</span>
              </p>
            )}
          </>
        )
      }
    </Answer>
  );
}

// RunOf links to the run of this server; a run of the command line is not in its store, and its page says so.
function RunOf({ change: c }: { change: Change }) {
  const id = c.run ?? "";
  return (
    <Link href={runPath(id)} className="mono" aria-label={`run ${id}`}>
      {id.length > 12 ? `${id.slice(0, 10)}…` : id}
    </Link>
  );
}

// asOf asks for the table as it was then: by its snapshot, or by the pipeline's commit in a format that has none.
function asOf(table: string, c: Change): string {
  const version = c.snapshot || (c.commit ? `'${(c.pipeline ?? "").replaceAll("'", "''")}:${c.commit}'` : "");
  const when = version ? `FOR VERSION AS OF ${version}` : `FOR TIMESTAMP AS OF TIMESTAMP '${c.at}'`;
  return `SELECT * FROM ${tableSQL(table)} ${when} LIMIT 100`;
}
