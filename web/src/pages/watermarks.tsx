import { useState } from "react";
import { Link } from "wouter";

import type { Pipeline, Schemas } from "../api/client";
import { usePipelines, useWatermarks } from "../api/queries";
import { duration, number } from "../ui/format";
import { Answer, Empty, Facts, Page, State, Table, When, pipelinePath, runPath, useNow } from "../ui/parts";
import { More } from "./watermark/more";

type Row = Schemas["WatermarkRow"];

const atOnce = 200;

export function Watermarks() {
  const marks = useWatermarks();
  const pipelines = usePipelines();
  const [wanted, setWanted] = useState("");
  const now = useNow();
  const byName = new Map((pipelines.data?.pipelines ?? []).map((p) => [p.name, p]));
  return (
    <Page title="Watermarks">
      <div className="filters">
        <label>
          Find
          <input type="search" value={wanted} onChange={(e) => setWanted(e.target.value)} />
        </label>
      </div>
      <Answer of={marks}>
        {(data) => {
          const found = (data.watermarks ?? []).filter((m) => `${m.pipeline} ${m.source.database}.${m.source.name}`.toLowerCase().includes(wanted.toLowerCase()));
          return found.length === 0 ? (
            <Empty>{wanted ? `No pipeline has “${wanted}” in its name or table.` : "There are no pipelines."}</Empty>
          ) : (
            <>
              <Table label="Watermarks" head={["Pipeline", "Source", "High", "Settled", "Lag", "Last run", "Loaded", "Commit", "Committed"]}>
                {found.slice(0, atOnce).map((m) => (
                  <MarkRow key={m.pipeline} mark={m} pipeline={byName.get(m.pipeline)} now={now} />
                ))}
              </Table>
              {found.length > atOnce && <p className="soft">{number(found.length - atOnce)} more: type a part of the name.</p>}
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

// lagOf is by the last run that succeeded, also where that had nothing to commit; of a member of a group the last commit tells.
const lagOf = (m: Row, p?: Pipeline) => p?.lag_seconds ?? (m.lag_ns ? m.lag_ns / 1e9 : undefined);

function MarkRow({ mark: m, pipeline, now }: { mark: Row; pipeline?: Pipeline; now: number }) {
  const run = pipeline?.running ?? pipeline?.last;
  return (
    <tr>
      <td>
        <Link href={`${pipelinePath(m.pipeline)}/watermark`}>{m.pipeline}</Link>
      </td>
      <td>
        {m.source.database}.{m.source.name}
      </td>
      {m.error ? (
        <td colSpan={2} className="problem">
          {m.error}
        </td>
      ) : (
        <>
          <td className="nowrap">{m.watermark.high ?? "–"}</td>
          <td className="nowrap">{m.watermark.settled ?? "–"}</td>
        </>
      )}
      <td className={pipeline?.late ? "nowrap late" : "nowrap"}>{duration(lagOf(m, pipeline))}</td>
      <td className="nowrap">
        {run ? (
          <>
            <Link href={runPath(run.id)}>
              <State state={run.state} />
            </Link>{" "}
            <When at={run.ended ?? run.started ?? run.queued} now={now} />
          </>
        ) : (
          <span className="soft">–</span>
        )}
      </td>
      <td className="n">{m.error ? "–" : number(m.watermark.total)}</td>
      <td className="n">{m.watermark.seq || "–"}</td>
      <td className="nowrap">
        <When at={m.watermark.seq ? m.watermark.committed : undefined} now={now} />
      </td>
    </tr>
  );
}

// WatermarkFacts is how far one pipeline has come, how that came to be, and what the next run would read.
export function WatermarkFacts({ row, now }: { row: Row; now: number }) {
  const w = row.watermark;
  return (
    <>
      {row.error && <p className="failure">{row.error}</p>}
      {!row.error && !w.seq && <Empty>Nothing was loaded yet.</Empty>}
      {!row.error && w.seq > 0 && (
        <Facts
          facts={[
            ["High: the largest cursor loaded", w.high ?? "–"],
            ["Settled: below it all is loaded", w.settled ?? "–"],
            ["Settled by", [w.settled_by, w.held_by && `held back by ${w.held_by}`].filter(Boolean).join(", ") || "–"],
            ["Overlap: read again and recognised", `${number(w.overlap?.rows ?? 0)} ${w.overlap?.rows === 1 ? "row" : "rows"}`],
            ["Loaded by all commits", `${number(w.total)} rows`],
            ["Commit", `${w.seq}, ${number(w.rows)} rows`],
            ["Committed", <When key="c" at={w.committed} now={now} />],
            ["Lag at the last commit", duration(row.lag_ns / 1e9)],
            ["Cursor", w.cursor ?? "–"],
            ["Mode", w.mode],
          ]}
        />
      )}
      <More pipeline={row.pipeline} loaded={w.seq > 0} />
    </>
  );
}
