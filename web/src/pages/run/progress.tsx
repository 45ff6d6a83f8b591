// How far a run has come that is under way.
import type { Schemas } from "../../api/client";
import { duration, number, size } from "../../ui/format";
import { Splits } from "./splits";

export function Progress({ progress: p, now }: { progress: Schemas["Progress"]; now: number }) {
  const splits = p.each ?? [];
  const began = Math.min(...splits.flatMap((s) => (s.began ? [Date.parse(s.began)] : [])));
  const seconds = Number.isFinite(began) ? Math.max((now - began) / 1000, 0.5) : 0;
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
      {splits.length > 0 && <Splits splits={splits} now={now} expected={p.rows_expected} />}
    </section>
  );
}
