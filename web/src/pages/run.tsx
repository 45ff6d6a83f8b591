import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";

import type { LogLine, Schemas } from "../api/client";
import { useRun } from "../api/follow";
import { cancelRun, startRun, useAct } from "../api/queries";
import { isOver, useRunBefore } from "../api/watch";
import { Only } from "../app";
import { duration, exact, took } from "../ui/format";
import { Button, Empty, Facts, Failure, Loading, Page, State, Table, When, pipelinePath, runPath, cause, useNow } from "../ui/parts";
import { Progress } from "./run/progress";
import { ResultFacts } from "./run/result";
import "./run/run.css";
import { comparePath } from "./runs";

type RunEvent = Schemas["RunEvent"];

function Away() {
  return (
    <p className="notice" role="status">
      The server cannot be reached. This page goes on by itself when it is back.
    </p>
  );
}

export function RunPage({ id }: { id: string }) {
  const { run, lines, connected, gone } = useRun(id);
  const now = useNow();
  if (gone) {
    return (
      <Page title="Run">
        <Empty>There is no run {id}: it may have been forgotten.</Empty>
      </Page>
    );
  }
  if (!run) {
    return (
      <Page title="Run">
        {connected ? <Loading /> : <Away />}
      </Page>
    );
  }
  const over = isOver(run);
  return (
    <Page title={`Run of ${run.pipeline}`} actions={<Acts run={run} over={over} />}>
      {!connected && !over && <Away />}
      <Facts
        facts={[
          ["State", <State key="s" state={run.state} />],
          ["Pipeline", <Link key="p" href={pipelinePath(run.pipeline)}>{run.pipeline}</Link>],
          ["Began", run.started ? <When key="w" at={run.started} now={now} /> : "waits"],
          ["Took", duration(took(run, now))],
          ["Wanted by", run.causes?.map(cause).join(", ")],
          ["Id", <span key="i" className="mono">{run.id}</span>],
        ]}
      />
      {run.error && (
        <div className="failure" role="alert">
          <p>{run.error}</p>
          {run.hint && <p className="hint">{run.hint}</p>}
        </div>
      )}
      {run.state === "running" && run.progress && <Progress progress={run.progress} now={now} />}
      {run.result && <ResultFacts result={run.result} />}
      {over && <Before run={run} />}
      <Attempts run={run} now={now} />
      <h2>Log</h2>
      <Log lines={lines} />
    </Page>
  );
}

function Acts({ run, over }: { run: RunEvent; over: boolean }) {
  const cancel = useAct(cancelRun);
  const again = useAct(startRun);
  const [, go] = useLocation();
  const runAgain = async () => {
    const begun = (await again.mutateAsync(run.pipeline)) as { runs: { id: string }[] | null };
    const first = begun.runs?.[0];
    if (first) go(runPath(first.id));
  };
  return (
    <Only role="operator">
      <Failure error={cancel.error ?? again.error} />
      {over ? (
        <Button kind="main" busy={again.isPending} onClick={() => void runAgain()}>
          Run again
        </Button>
      ) : (
        <Button kind="danger" busy={cancel.isPending || !!run.cancel} onClick={() => cancel.mutate(run.id)}>
          {run.cancel ? "Is being cancelled" : "Cancel"}
        </Button>
      )}
    </Only>
  );
}

// Before leads to what the run before did otherwise.
function Before({ run }: { run: RunEvent }) {
  const before = useRunBefore(run.pipeline, run.id).data?.runs?.[0];
  if (!before) return null;
  return (
    <p>
      <Link href={comparePath(before.id, run.id)}>Compare with the run before</Link>
    </p>
  );
}

function Attempts({ run, now }: { run: RunEvent; now: number }) {
  if ((run.attempts?.length ?? 0) < 2) return null;
  return (
    <>
      <h2>Attempts</h2>
      <Table label="Attempts" head={["", "Began", "Took", "Ended by"]}>
        {run.attempts?.map((a) => (
          <tr key={a.n}>
            <td className="n">{a.n}</td>
            <td className="nowrap">{exact(a.started)}</td>
            <td className="n">{duration(took(a, now))}</td>
            <td>{a.error || (a.ended ? "its end" : "runs")}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

// Log shows lines, and stays at the last one as long as somebody does not scroll up.
function Log({ lines }: { lines: LogLine[] }) {
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  if (lines.length === 0) return <Empty>Nothing was logged.</Empty>;
  return (
    <pre
      ref={box}
      className="text log"
      tabIndex={0}
      aria-label="Log"
      onScroll={(e) => {
        const b = e.currentTarget;
        follows.current = b.scrollHeight - b.scrollTop - b.clientHeight < 40;
      }}
    >
      {lines.map((l) => (
        <div key={l.n} className={l.level}>
          {new Date(l.at).toLocaleTimeString("en-GB")} {l.level.padEnd(5)} {l.text} <span className="soft">{attrs(l.attrs)}</span>
        </div>
      ))}
    </pre>
  );
}

function attrs(text: string | undefined): string {
  if (!text) return "";
  try {
    return Object.entries(JSON.parse(text) as Record<string, unknown>)
      .map(([k, v]) => `${k}=${typeof v === "string" ? v : JSON.stringify(v)}`)
      .join(" ");
  } catch {
    return text;
  }
}
