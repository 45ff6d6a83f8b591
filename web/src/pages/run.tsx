import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";

import type { LogLine, Schemas } from "../api/client";
import { useRun } from "../api/follow";
import { cancelRun, startRun, useAct } from "../api/queries";
import { Only } from "../app";
import { duration, exact, number, size, took } from "../ui/format";
import { Button, Empty, Facts, Failure, Loading, Page, State, Table, When, pipelinePath, runPath, useNow } from "../ui/parts";

type RunEvent = Schemas["RunEvent"];

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
        <Loading />
      </Page>
    );
  }
  const over = run.state !== "queued" && run.state !== "running";
  return (
    <Page title={`Run of ${run.pipeline}`} actions={<Acts run={run} over={over} />}>
      {!connected && !over && (
        <p className="notice" role="status">
          The server cannot be reached. This page goes on by itself when it is back.
        </p>
      )}
      <Facts
        facts={[
          ["State", <State key="s" state={run.state} />],
          ["Pipeline", <Link key="p" href={pipelinePath(run.pipeline)}>{run.pipeline}</Link>],
          ["Began", run.started ? <When key="w" at={run.started} now={now} /> : "waits"],
          ["Took", duration(took(run, now))],
          ["Wanted by", run.causes?.map((c) => c.detail || c.id).join(", ")],
          ["Id", <span key="i" className="mono">{run.id}</span>],
        ]}
      />
      {run.error && (
        <div className="failure" role="alert">
          <p>{run.error}</p>
          {run.hint && <p className="hint">{run.hint}</p>}
        </div>
      )}
      {run.state === "running" && <Progress run={run} now={now} />}
      {run.result && <Result result={run.result} />}
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

function Progress({ run, now }: { run: RunEvent; now: number }) {
  const p = run.progress;
  if (!p) return null;
  const seconds = took(run, now) ?? 0;
  const rate = seconds > 0 ? p.rows_read / seconds : 0;
  const left = p.rows_expected > p.rows_read && rate > 0 ? (p.rows_expected - p.rows_read) / rate : undefined;
  return (
    <section aria-label="Progress">
      <progress max={Math.max(p.rows_expected, p.rows_read, 1)} value={p.rows_read} aria-label="rows read" />
      <p className="soft">
        {number(p.rows_read)}
        {p.rows_expected > 0 ? ` of about ${number(p.rows_expected)}` : ""} rows · {number(Math.round(rate))} rows/s · {size(p.bytes_read)} · {p.splits_done} of {p.splits} splits
        {left !== undefined ? ` · about ${duration(left)} left` : ""}
      </p>
    </section>
  );
}

function Result({ result: r }: { result: Schemas["RunResult"] }) {
  const facts: [string, string][] = [
    ["Read", number(r.rows_read)],
    ["New", number(r.rows_new)],
    ["Suppressed", number(r.rows_suppressed)],
    ["Rejected", number(r.rows_rejected ?? 0)],
    ["Files", `${number(r.files)}, ${size(r.bytes)}`],
    ["Watermark", r.high_before && r.high_before !== r.high ? `${r.high_before} → ${r.high ?? "–"}` : (r.high ?? "–")],
    ["Commit", r.committed ? number(r.seq) : "none: nothing was new"],
    ["In the table", `${number(r.rows_total)} loaded`],
  ];
  return (
    <section aria-label="Result">
      <h2>Result</h2>
      <Facts facts={facts} />
      {r.notices?.map((n) => (
        <p key={n} className="notice">
          {n}
        </p>
      ))}
    </section>
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
