import { Link } from "wouter";

import type { Schemas } from "../api/client";
import { useWatermarks } from "../api/queries";
import { duration, number } from "../ui/format";
import { Answer, Empty, Facts, Page, Table, When, pipelinePath, useNow } from "../ui/parts";

type Row = Schemas["WatermarkRow"];

export function Watermarks() {
  const marks = useWatermarks();
  const now = useNow();
  return (
    <Page title="Watermarks">
      <Answer of={marks}>
        {(data) =>
          (data.watermarks ?? []).length === 0 ? (
            <Empty>There are no pipelines.</Empty>
          ) : (
            <Table label="Watermarks" head={["Pipeline", "Source", "High", "Settled", "Loaded", "Commit", "Committed"]}>
              {data.watermarks?.map((m) => (
                <tr key={m.pipeline}>
                  <td>
                    <Link href={`${pipelinePath(m.pipeline)}/watermark`}>{m.pipeline}</Link>
                  </td>
                  <td>
                    {m.source.database}.{m.source.name}
                  </td>
                  {m.error ? (
                    <td colSpan={5} className="problem">
                      {m.error}
                    </td>
                  ) : (
                    <>
                      <td className="nowrap">{m.watermark.high ?? "–"}</td>
                      <td className="nowrap">{m.watermark.settled ?? "–"}</td>
                      <td className="n">{number(m.watermark.total)}</td>
                      <td className="n">{m.watermark.seq || "–"}</td>
                      <td className="nowrap">
                        <When at={m.watermark.seq ? m.watermark.committed : undefined} now={now} />
                      </td>
                    </>
                  )}
                </tr>
              ))}
            </Table>
          )
        }
      </Answer>
    </Page>
  );
}

// WatermarkFacts is how far one pipeline has come.
export function WatermarkFacts({ row, now }: { row: Row; now: number }) {
  const w = row.watermark;
  if (row.error) return <p className="failure">{row.error}</p>;
  if (!w.seq) return <Empty>Nothing was loaded yet.</Empty>;
  return (
    <Facts
      facts={[
        ["High: the largest cursor loaded", w.high ?? "–"],
        ["Settled: below it all is loaded", w.settled ?? "–"],
        ["Settled by", [w.settled_by, w.held_by && `held back by ${w.held_by}`].filter(Boolean).join(", ") || "–"],
        ["Overlap: read again and recognised", `${number(w.overlap?.rows ?? 0)} rows`],
        ["Loaded by all commits", `${number(w.total)} rows`],
        ["Commit", `${w.seq}, ${number(w.rows)} rows`],
        ["Committed", <When key="c" at={w.committed} now={now} />],
        ["Lag at the last commit", duration(row.lag_ns / 1e9)],
        ["Cursor", w.cursor ?? "–"],
        ["Mode", w.mode],
      ]}
    />
  );
}
