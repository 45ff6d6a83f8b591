// The checks of a pipeline, and what the last runs said of them.
import { Link } from "wouter";

import type { Run, Schemas } from "../../api/client";
import { useRuns } from "../../api/queries";
import { exact, number } from "../../ui/format";
import { Empty, Failure, Loading, Table, When, runPath, useNow } from "../../ui/parts";
import { useDraft, useLook } from "./draft";
import { ChecksPanel } from "./panel/checks";
import { checkName } from "./spec";

type CheckResult = Schemas["CheckResult"];
type Said = { run: Run; result?: CheckResult };

export default function Checks({ group }: { group: boolean }) {
  const draft = useDraft();
  const look = useLook();
  if (draft.pending) return <Loading />;
  if (draft.error) return <Failure error={draft.error} />;
  if (!draft.read.spec) return <Failure error={new Error(`${draft.read.why} Mend it in the tab Spec.`)} />;
  const columns = look.data?.steps?.[draft.read.spec.transforms.length]?.columns ?? [];
  return (
    <>
      <h2>Checks</h2>
      <fieldset disabled={!draft.mayChange} className="plain">
        <ChecksPanel columns={columns} />
      </fieldset>
      {look.mistakes
        .filter((m) => m.path[0] === "checks")
        .map((m) => (
          <p key={m.path.join(".") + m.message} className="problem" role="alert">
            {m.path.join(".")}: {m.message}
          </p>
        ))}
      {draft.base && !group && <History name={draft.name} names={draft.read.spec.checks.map(checkName)} />}
      {group && <p className="soft">What runs have found is on the pages of the pipelines that the group stands for.</p>}
    </>
  );
}

// History is one row for each check that the last runs know, and for each that there is.
function History({ name, names }: { name: string; names: string[] }) {
  const runs = useRuns({ pipeline: name, limit: 20 });
  const now = useNow();
  if (runs.error) return <Failure error={runs.error} />;
  if (!runs.data) return <Loading />;
  const ended = (runs.data.runs ?? []).filter((r) => r.ended && (r.state === "succeeded" || r.state === "failed"));
  const all = [...new Set([...names, ...ended.flatMap((r) => r.result?.checks?.map((c) => c.check) ?? [])])];
  return (
    <>
      <h2>What the last runs found</h2>
      {all.length === 0 || ended.length === 0 ? (
        <Empty>{all.length === 0 ? "There are no checks." : "No run has ended yet."}</Empty>
      ) : (
        <Table label="What the last runs found" head={["Check", "Last run", "Found", "The runs before"]}>
          {all.map((check) => (
            <CheckRow key={check} check={check} removed={!names.includes(check)} said={ended.map((run) => ({ run, result: resultOf(run, check) }))} now={now} />
          ))}
        </Table>
      )}
    </>
  );
}

// resultOf is what a run said of a check: one that has stopped the run is told by its error too.
function resultOf(run: Run, check: string): CheckResult | undefined {
  const told = run.result?.checks?.find((c) => c.check === check);
  if (told) return told;
  const m = new RegExp(`(?:checks failed: |; )${check.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}: (\\d+) failed, ([^;]*)`).exec(run.error ?? "");
  return m ? { check, on_fail: "stop", failed: Number(m[1]), detail: m[2] } : undefined;
}

function CheckRow({ check, removed, said, now }: { check: string; removed: boolean; said: Said[]; now: number }) {
  const last = said.find((s) => s.result);
  return (
    <tr>
      <td>
        <span className="mono">{check}</span>
        {removed && <span className="soft"> not in the draft</span>}
      </td>
      <td className="nowrap">
        {last ? (
          <Link href={runPath(last.run.id)}>
            <When at={last.run.ended} now={now} />
          </Link>
        ) : (
          <span className="soft">not yet</span>
        )}
      </td>
      <td>{last?.result && <Verdict result={last.result} />}</td>
      <td>
        <span className="dots">
          {said
            .slice(0, 12)
            .filter((s) => s.result)
            .map((s) => (
              <Link key={s.run.id} href={runPath(s.run.id)} className={s.result!.failed === 0 ? "pass" : s.result!.on_fail} aria-label={`${verdict(s.result!)}, ${exact(s.run.ended)}`} title={`${verdict(s.result!)}, ${exact(s.run.ended)}`}>
                {s.result!.failed === 0 ? "✓" : number(s.result!.failed)}
              </Link>
            ))}
        </span>
      </td>
    </tr>
  );
}

function verdict(r: CheckResult): string {
  if (r.failed === 0) return "passed";
  const did = r.on_fail === "quarantine" ? "rejected" : r.on_fail === "warn" ? "warned of" : "stopped by";
  return `${did} ${number(r.failed)}`;
}

function Verdict({ result: r }: { result: CheckResult }) {
  return (
    <>
      <span className={`verdict ${r.failed === 0 ? "pass" : r.on_fail}`}>{verdict(r)}</span>
      {r.detail && <div className="soft">{r.detail}</div>}
    </>
  );
}
