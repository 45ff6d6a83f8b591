// What a run has done, in full.
import type { ReactNode } from "react";

import type { Result } from "../../api/watch";
import { duration, number, size } from "../../ui/format";
import { Facts, Table } from "../../ui/parts";
import { Splits } from "./splits";

// facts are all that is known of a result; two runs are compared by them.
export function facts(r: Result): [string, string][] {
  const all: [string, string][] = [
    ["Read", number(r.rows_read)],
    [r.mode === "merge" ? "New or updated" : "New", number(r.rows_new)],
    ["Suppressed", number(r.rows_suppressed)],
    ["Rejected", number(r.rows_rejected ?? 0)],
    ["Deleted", number((r.rows_deleted ?? 0) + (r.rows_marked ?? 0))],
    ["Files", number(r.files)],
    ["Bytes", size(r.bytes)],
    ["Watermark from", r.high_before ?? "the beginning"],
    ["Watermark to", r.high ?? "–"],
    ["Settled", [r.settled ?? "–", r.settled_by && `by ${r.settled_by}`, r.held_by && `held back by ${r.held_by}`].filter(Boolean).join(", ")],
    ["Read again next time", `${number(r.overlap_rows)} ${r.overlap_rows === 1 ? "row" : "rows"}`],
    ["Commit", r.committed ? number(r.seq) : "none: nothing was new"],
    ["In the table", `${number(r.rows_total)} loaded`],
    ["Took", duration(r.took_ns / 1e9)],
  ];
  if (r.open) all.push(["May still bring older rows", r.open]);
  if (r.mirrored) all.push(["Watermark table", r.mirrored]);
  if (r.maintenance) {
    const m = r.maintenance;
    all.push(["Maintenance", `${number(m.files_compacted)} files into ${number(m.files_written)}, ${number(m.snapshots_expired)} snapshots expired, ${size(m.bytes_removed)} freed`]);
  }
  return all;
}

export function ResultFacts({ result: r }: { result: Result }) {
  return (
    <section aria-label="Result">
      <h2>Result</h2>
      <Facts facts={facts(r) as [string, ReactNode][]} />
      {[...(r.notices ?? []), ...(r.maintenance?.notices ?? [])].map((n) => (
        <p key={n} className="notice">
          {n}
        </p>
      ))}
      {(r.checks ?? []).length > 0 && (
        <>
          <h3>Checks</h3>
          <Table label="Checks" head={["Check", "Found", "On failure", ""]}>
            {r.checks?.map((c) => (
              <tr key={c.check}>
                <td>{c.check}</td>
                <td className={c.failed ? "n problem" : "n"}>{c.failed ? `${number(c.failed)} rows` : "nothing"}</td>
                <td>{c.on_fail}</td>
                <td>{c.detail}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
      {(r.splits ?? []).length > 0 && (
        <>
          <h3>The SQL that was sent</h3>
          <Splits splits={r.splits ?? []} over />
        </>
      )}
    </section>
  );
}
