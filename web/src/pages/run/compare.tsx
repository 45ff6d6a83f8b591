// Two runs side by side: what one did that the other did not.
import { Link, useSearchParams } from "wouter";

import type { Run } from "../../api/client";
import { type Result, useOneRun } from "../../api/watch";
import { duration, exact, number, took } from "../../ui/format";
import { Answer, Empty, Page, RunLink, State, Table, useNow, why } from "../../ui/parts";
import { facts } from "./result";
import "./run.css";
import { Splits } from "./splits";

export function CompareRuns() {
  const [params] = useSearchParams();
  const [a, b] = [params.get("a") ?? "", params.get("b") ?? ""];
  const older = useOneRun(a);
  const newer = useOneRun(b);
  return (
    <Page title="Compare two runs">
      {a === "" || b === "" ? (
        <Empty>
          Choose two runs in the list of <Link href="/runs">runs</Link>.
        </Empty>
      ) : (
        <Answer of={older}>{(one) => <Answer of={newer}>{(other) => <Both a={one} b={other} />}</Answer>}</Answer>
      )}
    </Page>
  );
}

type Line = { name: string; a: string; b: string; difference?: string };

function Both({ a, b }: { a: Run; b: Run }) {
  const now = useNow();
  return (
    <>
      <Table label="Two runs" head={["", <RunLink key="a" run={a} />, <RunLink key="b" run={b} />, "Difference"]}>
        {lines(a, b, now).map((l) => (
          <tr key={l.name}>
            <th scope="row">{l.name}</th>
            <td>{l.name === "State" ? <State state={l.a} /> : l.a}</td>
            <td className={l.a === l.b ? undefined : "changed"}>{l.name === "State" ? <State state={l.b} /> : l.b}</td>
            <td className="nowrap">{l.difference ?? (l.a === l.b ? <span className="soft">the same</span> : "")}</td>
          </tr>
        ))}
      </Table>
      <h2>The SQL that was sent</h2>
      <div className="sides">
        {[a, b].map((r) => (
          <section key={r.id} aria-label={`splits of run ${r.id}`}>
            {r.result?.splits?.length ? <Splits splits={r.result.splits} over /> : <Empty>Nothing was read.</Empty>}
          </section>
        ))}
      </div>
    </>
  );
}

// lines are all facts of both runs, in the order in which the first has them.
function lines(a: Run, b: Run, now: number): Line[] {
  const [of, and] = [told(a, now), told(b, now)];
  const names = [...new Set([...of.keys(), ...and.keys()])];
  return names.map((name) => ({ name, a: of.get(name) ?? "–", b: and.get(name) ?? "–", difference: difference(name, a, b, now) }));
}

function told(r: Run, now: number): Map<string, string> {
  const all = new Map<string, string>([
    ["Pipeline", r.pipeline],
    ["State", r.state],
    ["Wanted by", why(r)],
    ["Began", r.started ? exact(r.started) : "waits"],
    ["Run took", duration(took(r, now))],
    ["Attempts", number(r.attempts?.length ?? 0)],
  ]);
  for (const [name, value] of r.result ? facts(r.result) : []) all.set(name, value);
  if (r.error) all.set("Error", r.error);
  return all;
}

const counts: Record<string, (r: Result) => number> = {
  Read: (r) => r.rows_read,
  New: (r) => r.rows_new,
  "New or updated": (r) => r.rows_new,
  Suppressed: (r) => r.rows_suppressed,
  Rejected: (r) => r.rows_rejected ?? 0,
  Files: (r) => r.files,
  "In the table": (r) => r.rows_total,
};

// difference is how much more the second run has of a number.
function difference(name: string, a: Run, b: Run, now: number): string | undefined {
  if (name === "Run took") {
    const [before, after] = [took(a, now), took(b, now)];
    if (before === undefined || after === undefined) return undefined;
    return after >= before ? `${duration(after - before)} longer` : `${duration(before - after)} shorter`;
  }
  const count = counts[name];
  if (!count || !a.result || !b.result) return undefined;
  const n = count(b.result) - count(a.result);
  return n === 0 ? undefined : `${n > 0 ? "+" : "−"}${number(Math.abs(n))}`;
}
