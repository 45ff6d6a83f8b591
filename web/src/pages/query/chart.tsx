// A simple chart of a result. It is loaded when it is first wanted.
import { useState } from "react";

import { number } from "../../ui/format";
import { isNumber } from "./grid";
import { Plot } from "./plot";
import type { Result } from "./run";

const most = { bars: 60, line: 5000, points: 5000 };
export type Kind = keyof typeof most;
export type Point = { label: string; x: number; y: number };

export default function Chart({ result }: { result: Result }) {
  const columns = result.answer.columns ?? [];
  const numbers = columns.flatMap((c, i) => (isNumber(c.type) ? [i] : []));
  const [kind, setKind] = useState<Kind>("bars");
  const [x, setX] = useState(() => Math.max(0, columns.findIndex((_, i) => i !== numbers.at(-1))));
  const [y, setY] = useState(numbers.at(-1) ?? -1);
  const [cx, cy] = [columns[x], columns[y]];
  if (!cx || !cy) return <p className="empty">A chart needs a column of numbers.</p>;
  const continuous = kind !== "bars" && (isNumber(cx.type) || isTime(cx.type));
  const points = pointsOf(result, x, y, continuous ? cx.type : "").slice(0, most[kind]);
  if (kind === "line" && continuous) points.sort((a, b) => a.x - b.x);
  const choice = (label: string, value: number, set: (n: number) => void, of: number[]) => (
    <label>
      {label}
      <select value={value} onChange={(e) => set(Number(e.target.value))}>
        {of.map((i) => (
          <option key={i} value={i}>
            {columns[i]?.name}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <>
      <div className="filters">
        <label>
          Kind
          <select value={kind} onChange={(e) => setKind(e.target.value as Kind)}>
            {Object.keys(most).map((k) => (
              <option key={k}>{k}</option>
            ))}
          </select>
        </label>
        {choice("Across", x, setX, columns.map((_, i) => i))}
        {choice("Up", y, setY, numbers)}
      </div>
      {points.length === 0 ? <p className="empty">No row has a number in both columns.</p> : <Plot kind={kind} points={points} continuous={continuous} time={isTime(cx.type)} names={[cx.name, cy.name]} />}
      {result.rows.length > most[kind] && (
        <p className="soft">
          The first {number(most[kind])} of {number(result.rows.length)} rows: group them in the query to see all.
        </p>
      )}
    </>
  );
}

const isTime = (type: string) => /^(DATE|TIMESTAMP)/i.test(type) && !type.endsWith("]");

function pointsOf(result: Result, x: number, y: number, type: string): Point[] {
  return result.rows.flatMap((row, i) => {
    const label = row[x] ?? "NULL";
    const across = !type ? i : isTime(type) ? Date.parse(instant(label)) : Number(label);
    const up = row[y] === null ? NaN : Number(row[y]);
    return Number.isFinite(across) && Number.isFinite(up) ? [{ label, x: across, y: up }] : [];
  });
}

// instant is a date or a time without a zone as one in UTC, as the lake means it.
const instant = (text: string) => (/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : /(Z|[+-]\d\d(:?\d\d)?)$/.test(text.slice(10)) ? text : `${text.replace(" ", "T")}Z`);
