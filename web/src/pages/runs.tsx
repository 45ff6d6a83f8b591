import { useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";

import type { Run } from "../api/client";
import { type RunFilter, usePipelines, useRuns } from "../api/queries";
import { duration, number, took } from "../ui/format";
import { Answer, Button, Empty, Page, RunLink, State, Table, When, pipelinePath, useNow, why } from "../ui/parts";

const states = ["queued", "running", "succeeded", "failed", "cancelled", "skipped"];

const hour = 3600_000;
const spans: [string, string, number][] = [
  ["1h", "the last hour", hour],
  ["1d", "the last 24 hours", 24 * hour],
  ["7d", "the last 7 days", 7 * 24 * hour],
  ["30d", "the last 30 days", 30 * 24 * hour],
];

// Runs keeps its filters in the address, so that a list can be sent to somebody.
export function Runs() {
  const [params, setParams] = useSearchParams();
  const pipelines = usePipelines();
  const [pipeline, state, since] = ["pipeline", "state", "since"].map((name) => params.get(name) ?? "");
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        if (value) before.set(name, value);
        else before.delete(name);
        return before;
      },
      { replace: true },
    );
  const span = spans.find(([key]) => key === since)?.[2];
  const from = useMemo(() => (span ? new Date(Date.now() - span).toISOString() : undefined), [span]);
  return (
    <Page title="Runs">
      <div className="filters">
        <label>
          Pipeline
          <input type="search" list="pipelines" value={pipeline} onChange={(e) => set("pipeline", e.target.value.trim())} />
        </label>
        <datalist id="pipelines">
          {pipelines.data?.pipelines?.map((p) => !p.group && <option key={p.name} value={p.name} />)}
        </datalist>
        <label>
          State
          <select value={state} onChange={(e) => set("state", e.target.value)}>
            <option value="">any</option>
            {states.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
        <label>
          Queued in
          <select value={since} onChange={(e) => set("since", e.target.value)}>
            <option value="">all the time that is kept</option>
            {spans.map(([key, text]) => (
              <option key={key} value={key}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      <RunList key={`${pipeline} ${state} ${since}`} filter={{ pipeline: pipeline || undefined, state: state || undefined, since: from }} />
    </Page>
  );
}

// RunList is runs by pages, the newest first. Two of them can be chosen, also of different pages, to be compared.
export function RunList({ filter, without }: { filter: RunFilter; without?: "pipeline" }) {
  const [pages, setPages] = useState<string[]>([]);
  const [chosen, setChosen] = useState<string[]>([]);
  const runs = useRuns({ ...filter, before: pages.at(-1) });
  const now = useNow();
  const narrowed = filter.state || filter.since || (filter.pipeline && !without);
  const choose = (id: string) => setChosen(chosen.includes(id) ? chosen.filter((c) => c !== id) : [...chosen, id].slice(-2));
  return (
    <Answer of={runs}>
      {(data) =>
        (data.runs ?? []).length === 0 && pages.length === 0 ? (
          <Empty>{narrowed ? "No run passes the filter." : "No run yet."}</Empty>
        ) : (
          <>
            <Compare chosen={chosen} clear={() => setChosen([])} />
            {(data.runs ?? []).length === 0 ? <Empty>There are no older runs.</Empty> : <RunTable runs={data.runs ?? []} now={now} without={without} chosen={chosen} choose={choose} />}
            <p className="actions" role="group" aria-label="Pages">
              {pages.length > 1 && <Button onClick={() => setPages([])}>Newest</Button>}
              {pages.length > 0 && <Button onClick={() => setPages(pages.slice(0, -1))}>Newer</Button>}
              {data.next && (
                <Button busy={runs.isPlaceholderData} onClick={() => setPages([...pages, data.next ?? ""])}>
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

export const comparePath = (a: string, b: string) => `/runs/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`;

function Compare({ chosen, clear }: { chosen: string[]; clear: () => void }) {
  if (chosen.length === 0) return null;
  const [a, b] = [...chosen].sort(); // ids grow with the time, so that the older one comes first
  return (
    <p className="notice" role="status">
      {a && b ? (
        <Link href={comparePath(a, b)}>Compare the two runs</Link>
      ) : (
        "Choose a second run to compare with."
      )}{" "}
      <Button onClick={clear}>Choose none</Button>
    </p>
  );
}

type TableProps = { runs: Run[]; now: number; without?: "pipeline"; chosen: string[]; choose: (id: string) => void };

function RunTable({ runs, now, without, chosen, choose }: TableProps) {
  const head = ["Compare", "Run", "Pipeline", "State", "Wanted by", "Began", "Took", "Read", "New", "Suppressed", "Error"];
  return (
    <Table label="Runs" head={without ? head.filter((h) => h !== "Pipeline") : head}>
      {runs.map((r) => (
        <tr key={r.id}>
          <td>
            <input type="checkbox" aria-label={`compare run ${r.id}`} checked={chosen.includes(r.id)} onChange={() => choose(r.id)} />
          </td>
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
          <td className="nowrap">{why(r)}</td>
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
