// What fails and what is late comes first.
import { Link } from "wouter";

import type { Pipeline, Run } from "../api/client";
import { usePipelines, useRuns } from "../api/queries";
import { Only } from "../app";
import { duration, number, took } from "../ui/format";
import { Answer, Empty, Page, State, When, pipelinePath, runPath, useNow } from "../ui/parts";

export function Home() {
  const pipelines = usePipelines();
  const runs = useRuns({ limit: 1000 });
  const now = useNow();
  return (
    <Page title="Home">
      <Answer of={pipelines}>
        {(data) => {
          const all = data.pipelines ?? [];
          const bad = all.filter((p) => p.late || p.last?.state === "failed");
          const history = byPipeline(runs.data?.runs ?? []);
          return all.length === 0 ? (
            <Empty>The config has no pipelines yet. <Only role="admin"><Link href="/new">Make the first one</Link></Only></Empty>
          ) : (
            <>
              <h2>{bad.length === 0 ? "All is well" : `Needs a look (${bad.length})`}</h2>
              <div className="cards">
                {bad.map((p) => (
                  <Card key={p.name} pipeline={p} runs={history.get(p.name) ?? []} now={now} bad />
                ))}
              </div>
              {bad.length < all.length && bad.length > 0 && <h2>The others</h2>}
              <div className="cards">
                {all
                  .filter((p) => !bad.includes(p))
                  .map((p) => (
                    <Card key={p.name} pipeline={p} runs={history.get(p.name) ?? []} now={now} />
                  ))}
              </div>
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

function byPipeline(runs: Run[]): Map<string, Run[]> {
  const found = new Map<string, Run[]>();
  for (const r of runs) {
    const list = found.get(r.pipeline) ?? [];
    list.push(r);
    found.set(r.pipeline, list);
  }
  return found;
}

function Card({ pipeline: p, runs, now, bad }: { pipeline: Pipeline; runs: Run[]; now: number; bad?: boolean }) {
  const last = p.running ?? p.last;
  const today = new Date(now).toDateString();
  const rows = runs.filter((r) => r.ended && new Date(r.ended).toDateString() === today).reduce((n, r) => n + (r.result?.rows_new ?? 0), 0);
  return (
    <section className={bad ? "card bad" : "card"} aria-label={p.name}>
      <h3>
        <Link href={pipelinePath(p.name)}>{p.name}</Link>
      </h3>
      <div>
        {last ? (
          <>
            <Link href={runPath(last.id)}>
              <State state={last.state} />
            </Link>{" "}
            <When at={last.ended ?? last.started ?? last.queued} now={now} />
          </>
        ) : (
          <span className="soft">has not run yet</span>
        )}
      </div>
      <div className={p.late ? "late" : "soft"}>
        {p.lag_seconds !== undefined ? `lag ${duration(p.lag_seconds)}` : "never loaded"}
        {p.freshness_seconds ? ` of ${duration(p.freshness_seconds)}` : ""}
        {p.late ? ", late" : ""} · {number(rows)} rows today
      </div>
      {p.last?.state === "failed" && <div className="problem">{p.last.error?.split("\n")[0]}</div>}
      <Spark runs={runs.slice(0, 20).reverse()} now={now} />
    </section>
  );
}

// Spark draws how long the last runs took, and how they ended.
function Spark({ runs, now }: { runs: Run[]; now: number }) {
  if (runs.length === 0) return null;
  const lengths = runs.map((r) => took(r, now) ?? 0);
  const longest = Math.max(...lengths, 0.001);
  return (
    <div className="spark" role="img" aria-label={`the last ${runs.length} runs: ${runs.filter((r) => r.state === "failed").length} failed`}>
      {runs.map((r, i) => (
        <i key={r.id} className={r.state} style={{ height: `${20 + (80 * (lengths[i] ?? 0)) / longest}%` }} />
      ))}
    </div>
  );
}
