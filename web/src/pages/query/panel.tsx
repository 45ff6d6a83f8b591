// What stands below the editor: the result, its chart, what was asked before, and what is saved.
import { Suspense, lazy, useState } from "react";

import { duration } from "../../ui/format";
import { Empty, Failure, Loading, useNow } from "../../ui/parts";
import { PastList, SavedList } from "./lists";
import { ResultView } from "./result";
import type { Outcome } from "./run";
import type { Past, Saved } from "./store";
import { TabRow } from "./tabs";

const Chart = lazy(() => import("./chart"));

type Props = {
  outcome: Outcome;
  lake: string;
  name: string;
  past: Past[];
  saved: Saved[];
  open: (sql: string, name?: string) => void;
  drop: (name: string) => void;
  forget: () => void;
};

const tabs: [string, string][] = [
  ["result", "Result"],
  ["chart", "Chart"],
  ["history", "History"],
  ["saved", "Saved"],
];

export function Panel(p: Props) {
  const [tab, setTab] = useState("result");
  const [picked, setPicked] = useState(-1);
  const [seen, setSeen] = useState(p.outcome.since);
  if (p.outcome.since !== seen) {
    setSeen(p.outcome.since);
    setPicked(-1);
    if (p.outcome.since !== undefined && tab !== "chart") setTab("result"); // who looks at the chart wants the new one
  }
  const { results } = p.outcome;
  const result = results[picked] ?? results.at(-1);
  return (
    <section className="below" aria-label="What came of it">
      <TabRow label="Below the editor" tabs={tabs} active={tab} show={setTab} />
      {(tab === "result" || tab === "chart") && (
        <div role="tabpanel" aria-label={tab === "chart" ? "Chart" : "Result"}>
          <Status outcome={p.outcome} />
          {results.length > 1 && (
            <label className="inline which">
              Statement
              <select value={result ? results.indexOf(result) : 0} onChange={(e) => setPicked(Number(e.target.value))}>
                {results.map((r, i) => (
                  <option key={i} value={i}>{`${i + 1}: ${r.sql.slice(0, 60)}`}</option>
                ))}
              </select>
            </label>
          )}
          {!result ? (
            p.outcome.error === undefined && !p.outcome.cancelled && p.outcome.since === undefined && <Empty>Write a SELECT and run it: its rows come here.</Empty>
          ) : tab === "result" ? (
            <ResultView key={`${result.sql}${result.seconds}`} result={result} lake={p.lake} name={p.name} />
          ) : (
            <Suspense fallback={<Loading />}>
              <Chart key={result.sql + (result.answer.columns ?? []).map((c) => c.name).join()} result={result} />
            </Suspense>
          )}
        </div>
      )}
      {tab === "history" && (
        <div role="tabpanel" aria-label="History">
          <PastList past={p.past} open={p.open} forget={p.forget} />
        </div>
      )}
      {tab === "saved" && (
        <div role="tabpanel" aria-label="Saved">
          <SavedList saved={p.saved} open={p.open} drop={p.drop} />
        </div>
      )}
    </section>
  );
}

function Status({ outcome }: { outcome: Outcome }) {
  return (
    <>
      {outcome.since !== undefined && <Running since={outcome.since} />}
      {outcome.cancelled && (
        <p className="notice" role="status">
          Cancelled.
        </p>
      )}
      <Failure error={outcome.error} />
    </>
  );
}

function Running({ since }: { since: number }) {
  const now = useNow();
  return (
    <p className="notice" role="status">
      Running, {duration(Math.max(0, Math.round((now - since) / 1000)))} so far…
    </p>
  );
}
