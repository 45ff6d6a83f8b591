import { Link, useLocation } from "wouter";

import type { Pipeline } from "../api/client";
import { startRun, useAct, usePipeline, useSpec, useWatermarks } from "../api/queries";
import { Only } from "../app";
import { duration } from "../ui/format";
import { Answer, Button, Empty, Facts, Failure, Page, State, When, pipelinePath, runPath, useNow } from "../ui/parts";
import { RunList } from "./runs";
import { TriggerTable } from "./triggers";
import { WatermarkFacts } from "./watermarks";

const tabs: [string, string][] = [
  ["runs", "Runs"],
  ["spec", "Spec"],
  ["triggers", "Triggers"],
  ["watermark", "Watermark"],
];

export function PipelinePage({ name, tab }: { name: string; tab: string }) {
  const pipeline = usePipeline(name);
  const start = useAct(startRun);
  const [, go] = useLocation();
  const run = async () => {
    const begun = (await start.mutateAsync(name)) as { runs: { id: string }[] | null };
    const first = begun.runs?.[0];
    if (first && begun.runs?.length === 1) go(runPath(first.id));
  };
  return (
    <Page
      title={name}
      actions={
        <Only role="operator">
          <Button kind="main" busy={start.isPending} onClick={() => void run()}>
            Run now
          </Button>
        </Only>
      }
    >
      <Failure error={start.error} />
      <Answer of={pipeline}>
        {(p) => (
          <>
            <Head pipeline={p} />
            <nav className="tabs" aria-label="About the pipeline">
              {tabs.map(([key, text]) => (
                <Link key={key} href={`${pipelinePath(name)}/${key}`} aria-current={key === tab ? "page" : undefined}>
                  {text}
                </Link>
              ))}
            </nav>
            {tab === "runs" && <RunList filter={p.group ? {} : { pipeline: name }} without={p.group ? undefined : "pipeline"} />}
            {tab === "spec" && <Spec name={name} />}
            {tab === "triggers" && <TriggerTable triggers={p.triggers ?? []} />}
            {tab === "watermark" && <Marks name={name} />}
          </>
        )}
      </Answer>
    </Page>
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

function Spec({ name }: { name: string }) {
  const spec = useSpec(name);
  return (
    <Answer of={spec}>
      {(s) => (
        <pre className="text" tabIndex={0} aria-label="YAML of the pipeline">
          {s.yaml}
        </pre>
      )}
    </Answer>
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
