// What fails and what is late comes first, with why.
import { type ReactNode, useState } from "react";
import { Link } from "wouter";

import type { Pipeline } from "../api/client";
import { usePipelines } from "../api/queries";
import { type Recent, useRecent } from "../api/watch";
import { Only } from "../app";
import { duration, exact, number, took } from "../ui/format";
import { Answer, Button, Empty, Facts, Page, State, When, pipelinePath, runPath, useNow } from "../ui/parts";

const atOnce = 60; // cards of pipelines that are well

export function Home() {
  const pipelines = usePipelines();
  const now = useNow();
  const recent = useRecent(new Date(now).setHours(0, 0, 0, 0)); // the day of who looks
  const byName = new Map((recent.data?.pipelines ?? []).map((r) => [r.pipeline, r]));
  const card = (p: Pipeline) => <Card key={p.name} pipeline={p} recent={byName.get(p.name)} now={now} />;
  return (
    <Page title="Home">
      <Answer of={pipelines}>
        {(data) => {
          const all = data.pipelines ?? [];
          if (all.length === 0) return <Start />;
          const bad = all.filter(isBad).sort((a, b) => urgency(b) - urgency(a));
          return (
            <>
              <Glance all={all} recent={recent.data?.pipelines ?? undefined} />
              <h2>{bad.length === 0 ? "All is well" : `Needs a look (${number(bad.length)})`}</h2>
              <Cards of={bad.map(card)} />
              {bad.length < all.length && bad.length > 0 && <h2>The others</h2>}
              <Cards of={all.filter((p) => !isBad(p)).map(card)} />
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

function Start() {
  return (
    <Empty>
      The config has no pipelines yet.{" "}
      <Only role="admin">
        <Link href="/new">Make the first one</Link>
      </Only>
    </Empty>
  );
}

const failed = (p: Pipeline) => p.last?.state === "failed";
const isBad = (p: Pipeline) => failed(p) || !!p.late;

// urgency puts failed ones before late ones, and of those the later first.
const urgency = (p: Pipeline) => (failed(p) ? 1e12 : 0) + (p.lag_seconds ?? 1e9);

function Glance({ all, recent }: { all: Pipeline[]; recent?: Recent[] }) {
  const count = (wanted: (p: Pipeline) => unknown) => number(all.filter(wanted).length);
  return (
    <Facts
      facts={[
        ["Pipelines", number(all.length)],
        ["Failed", count(failed)],
        ["Late", count((p) => p.late)],
        ["Running or waiting", count((p) => p.running)],
        ["Rows today", number(recent?.reduce((n, r) => n + r.rows_new, 0))],
      ]}
    />
  );
}

function Cards({ of }: { of: ReactNode[] }) {
  const [whole, setWhole] = useState(false);
  const more = of.length - atOnce;
  return (
    <>
      <div className="cards">{whole ? of : of.slice(0, atOnce)}</div>
      {!whole && more > 0 && (
        <p>
          <Button onClick={() => setWhole(true)}>Show {number(more)} more</Button>
        </p>
      )}
    </>
  );
}

function Card({ pipeline: p, recent, now }: { pipeline: Pipeline; recent?: Recent; now: number }) {
  const run = p.running ?? p.last;
  return (
    <section className={isBad(p) ? "card bad" : "card"} aria-label={p.name}>
      <h3>
        <Link href={pipelinePath(p.name)}>{p.name}</Link>
      </h3>
      <div>
        {run ? (
          <>
            <Link href={runPath(run.id)}>
              <State state={run.state} />
            </Link>{" "}
            <When at={run.ended ?? run.started ?? run.queued} now={now} />
          </>
        ) : (
          <span className="soft">has not run yet</span>
        )}
      </div>
      <div className={p.late ? "late" : "soft"}>
        {p.lag_seconds !== undefined ? `lag ${duration(p.lag_seconds)}` : "never loaded"}
        {p.freshness_seconds ? ` of ${duration(p.freshness_seconds)}` : ""}
        {p.late ? ", late" : ""} · {number(recent?.rows_new)} rows today
      </div>
      <Why pipeline={p} />
      <Spark runs={[...(recent?.runs ?? [])].reverse()} />
    </section>
  );
}

// Why says what is wrong with a pipeline that needs a look.
function Why({ pipeline: p }: { pipeline: Pipeline }) {
  if (failed(p)) {
    return (
      <div className="problem">
        {p.last?.error?.split("\n")[0]}
        {p.running && p.last && (
          <>
            {" "}
            <Link href={runPath(p.last.id)}>The run that failed</Link>
          </>
        )}
      </div>
    );
  }
  if (!p.late) return null;
  const next = p.running ? "a run is under way" : p.next ? `the next run is due ${exact(p.next)}` : "no trigger with a time starts the next run";
  return <div className="soft">{p.lag_seconds === undefined ? `nothing was loaded since the server knows it; ${next}` : `the last complete run is too long ago; ${next}`}</div>;
}

// Spark draws how long the last runs took, and how they ended.
function Spark({ runs }: { runs: Past[] }) {
  if (runs.length === 0) return null;
  const lengths = runs.map((r) => took(r, 0) ?? 0);
  const longest = Math.max(...lengths, 0.001);
  return (
    <div className="spark" role="img" aria-label={`the last ${runs.length} runs: ${runs.filter((r) => r.state === "failed").length} failed`}>
      {runs.map((r, i) => (
        <i
          key={r.id}
          className={r.state}
          title={`${r.state}, ${duration(lengths[i])}, ${number(r.rows_new)} rows, ${exact(r.ended)}`}
          style={{ height: `${20 + (80 * (lengths[i] ?? 0)) / longest}%` }}
        />
      ))}
    </div>
  );
}

type Past = NonNullable<Recent["runs"]>[number];
