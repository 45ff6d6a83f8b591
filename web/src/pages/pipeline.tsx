import { Suspense, lazy, useRef } from "react";
import { Link, useLocation } from "wouter";

import { type Pipeline, Problem } from "../api/client";
import { startRun, useAct, usePipeline, useWatermarks } from "../api/queries";
import { Only } from "../app";
import { duration } from "../ui/format";
import { Answer, Button, Empty, Facts, Failure, Loading, Page, State, When, pipelinePath, runPath, useNow } from "../ui/parts";
import "./pipeline/pipeline.css";
import { hasDraft } from "./pipeline/stored";
import { RunList } from "./runs";
import { TriggerTable } from "./triggers";
import { WatermarkFacts } from "./watermarks";

const Visual = lazy(() => import("./pipeline/visual"));
const SpecEditor = lazy(() => import("./pipeline/editor"));
const Checks = lazy(() => import("./pipeline/checks"));
const DraftOf = lazy(() => import("./pipeline/draft").then((m) => ({ default: m.DraftOf })));
const Unsaved = lazy(() => import("./pipeline/save").then((m) => ({ default: m.Unsaved })));

const tabs: [string, string][] = [
  ["visual", "Visual"],
  ["spec", "Spec"],
  ["runs", "Runs"],
  ["triggers", "Triggers"],
  ["watermark", "Watermark"],
  ["checks", "Checks"],
];
const ofDrafts = ["visual", "spec", "checks"];

export function PipelinePage({ name, tab }: { name: string; tab: string }) {
  const pipeline = usePipeline(name);
  const [, go] = useLocation();
  // The run is shown at once, and not when all that it may have changed was read again.
  const start = useAct(async (of: string) => {
    const begun = (await startRun(of)) as { runs: { id: string }[] | null };
    const first = begun.runs?.[0];
    if (first && begun.runs?.length === 1) go(runPath(first.id));
  });
  // What the config does not have yet may be a draft in this browser.
  const p = pipeline.data;
  const missing = useRef(""); // which pipeline the server did not have; while it is asked again there is no error
  if (pipeline.error instanceof Problem && pipeline.error.status === 404) missing.current = name;
  const isNew = !p && missing.current === name && hasDraft(name);
  const shown = isNew && !ofDrafts.includes(tab) ? "visual" : tab;
  return (
    <Page
      title={name}
      actions={
        p && (
          <Only role="operator">
            <Button kind="main" busy={start.isPending} onClick={() => start.mutate(name)}>
              Run now
            </Button>
          </Only>
        )
      }
    >
      <Failure error={start.error ?? (isNew ? undefined : pipeline.error)} />
      {pipeline.isPending && !isNew && <Loading />}
      {p && <Head pipeline={p} />}
      {(p || isNew) && (
        <Suspense fallback={<Loading />}>
          <DraftOf key={name} name={name}>
            <Tabs name={name} tab={shown} all={isNew ? tabs.filter(([key]) => ofDrafts.includes(key)) : tabs} />
            <Unsaved />
            {p && tab === "runs" && <RunList filter={p.group ? {} : { pipeline: name }} without={p.group ? undefined : "pipeline"} />}
            {p && tab === "triggers" && <TriggerTable triggers={p.triggers ?? []} />}
            {p && tab === "watermark" && <Marks name={name} />}
            <Suspense fallback={<Loading />}>
              {shown === "visual" && <Visual />}
              {shown === "spec" && <SpecEditor />}
              {shown === "checks" && <Checks group={!!p?.group} />}
            </Suspense>
          </DraftOf>
        </Suspense>
      )}
    </Page>
  );
}

function Tabs({ name, tab, all }: { name: string; tab: string; all: [string, string][] }) {
  return (
    <nav className="tabs" aria-label="About the pipeline">
      {all.map(([key, text]) => (
        <Link key={key} href={`${pipelinePath(name)}/${key}`} aria-current={key === tab ? "page" : undefined}>
          {text}
        </Link>
      ))}
    </nav>
  );
}

function Head({ pipeline: p }: { pipeline: Pipeline }) {
  const now = useNow();
  const run = p.running ?? p.last;
  return (
    <Facts
      facts={[
        ["Source", `${p.source}: ${p.tables?.join(", ") ?? ""}`],
        ["Target", p.target ? `${p.lake}: ${p.target}` : p.lake],
        ["Format and mode", [p.format, p.mode].filter(Boolean).join(", ") || "by table"],
        [
          "Last run",
          run ? (
            <span key="r">
              <Link href={runPath(run.id)}>
                <State state={run.state} />
              </Link>{" "}
              <When at={run.ended ?? run.started ?? run.queued} now={now} />
            </span>
          ) : (
            "never"
          ),
        ],
        ["Lag", p.lag_seconds === undefined ? "never loaded" : <span key="l" className={p.late ? "late" : ""}>{duration(p.lag_seconds)}{p.freshness_seconds ? ` of ${duration(p.freshness_seconds)}` : ""}</span>],
        ["Next run", p.next ? <When key="n" at={p.next} now={now} /> : "by hand or by what its triggers wait for"],
      ]}
    />
  );
}

function Marks({ name }: { name: string }) {
  const marks = useWatermarks();
  const now = useNow();
  return (
    <Answer of={marks}>
      {(data) => {
        const rows = (data.watermarks ?? []).filter((m) => m.pipeline === name || m.pipeline.startsWith(`${name}.`));
        return rows.length === 0 ? (
          <Empty>Nothing was loaded yet.</Empty>
        ) : (
          rows.map((row) => (
            <section key={row.pipeline} aria-label={row.pipeline}>
              {rows.length > 1 && <h2>{row.pipeline}</h2>}
              <WatermarkFacts row={row} now={now} />
            </section>
          ))
        );
      }}
    </Answer>
  );
}
