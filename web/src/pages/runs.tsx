import { useState } from "react";
import { Link } from "wouter";

import type { Run } from "../api/client";
import { type RunFilter, useRuns } from "../api/queries";
import { duration, number, took } from "../ui/format";
import { Answer, Button, Empty, Page, RunLink, State, Table, When, pipelinePath, useNow, why } from "../ui/parts";

const states = ["queued", "running", "succeeded", "failed", "cancelled", "skipped"];

export function Runs() {
  const [pipeline, setPipeline] = useState("");
  const [state, setState] = useState("");
  return (
    <Page title="Runs">
      <div className="filters">
        <label>
          Pipeline
          <input type="search" value={pipeline} onChange={(e) => setPipeline(e.target.value.trim())} />
        </label>
        <label>
          State
          <select value={state} onChange={(e) => setState(e.target.value)}>
            <option value="">any</option>
            {states.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
      </div>
      <RunList filter={{ pipeline: pipeline || undefined, state: state || undefined }} />
    </Page>
  );
}

// RunList is runs by pages, the newest first.
export function RunList({ filter, without }: { filter: RunFilter; without?: "pipeline" }) {
  const [pages, setPages] = useState<string[]>([]);
  const runs = useRuns({ ...filter, before: pages.at(-1) });
  const now = useNow();
  return (
    <Answer of={runs}>
      {(data) =>
        (data.runs ?? []).length === 0 ? (
          <Empty>{pages.length > 0 ? "There are no older runs." : "No run yet."}</Empty>
        ) : (
          <>
            <RunTable runs={data.runs ?? []} now={now} without={without} />
            <p className="actions">
              {pages.length > 0 && <Button onClick={() => setPages(pages.slice(0, -1))}>Newer</Button>}
              {data.next && <Button onClick={() => setPages([...pages, data.next ?? ""])}>Older</Button>}
            </p>
          </>
        )
      }
    </Answer>
  );
}

function RunTable({ runs, now, without }: { runs: Run[]; now: number; without?: "pipeline" }) {
  const head = ["Run", "Pipeline", "State", "Wanted by", "Began", "Took", "Read", "New", "Suppressed", "Error"];
  return (
    <Table label="Runs" head={without ? head.filter((h) => h !== "Pipeline") : head}>
      {runs.map((r) => (
        <tr key={r.id}>
          <td>
            <RunLink run={r} />
          </td>
          {!without && (
            <td>
              <Link href={pipelinePath(r.pipeline)}>{r.pipeline}</Link>
            </td>
          )}
          <td>
            <State state={r.state} />
          </td>
          <td>{why(r)}</td>
          <td className="nowrap">
            <When at={r.started ?? r.queued} now={now} />
          </td>
          <td className="n">{duration(took(r, now))}</td>
          <td className="n">{number(r.result?.rows_read)}</td>
          <td className="n">{number(r.result?.rows_new)}</td>
          <td className="n">{number(r.result?.rows_suppressed)}</td>
          <td>{r.error?.split("\n")[0]}</td>
        </tr>
      ))}
    </Table>
  );
}
