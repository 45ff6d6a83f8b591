// Bars, a line or points, with their axes.
import { number } from "../../ui/format";
import type { Kind, Point } from "./chart";

const [width, height, left, right, top, bottom] = [860, 320, 76, 16, 14, 64];
const inner = { width: width - left - right, height: height - top - bottom };

type Props = { kind: Kind; points: Point[]; continuous: boolean; time: boolean; names: [string, string] };

export function Plot({ kind, points, continuous, time, names }: Props) {
  const ys = points.map((p) => p.y);
  const up = scale(least(ys, kind === "bars"), greatest(ys, kind === "bars"));
  const xs = points.map((p) => p.x);
  const across = continuous ? scale(Math.min(...xs), Math.max(...xs), time) : undefined;
  const px = (p: Point, i: number) => left + (across ? across.part(p.x) : (i + 0.5) / points.length) * inner.width;
  const py = (n: number) => top + (1 - up.part(n)) * inner.height;
  const every = Math.ceil(points.length / 12);
  const says = `${kind} of ${names[1]} by ${names[0]}: ${number(points.length)} of them, from ${number(Math.min(...ys))} to ${number(Math.max(...ys))}`;
  return (
    <div className="table chart" role="region" aria-label="Chart" tabIndex={0}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} role="img" aria-label={says}>
        {up.ticks.map((t) => (
          <g key={t}>
            <line x1={left} x2={width - right} y1={py(t)} y2={py(t)} className="faint" />
            <text x={left - 8} y={py(t) + 4} className="end">
              {short(t)}
            </text>
          </g>
        ))}
        {kind === "line" && <polyline points={points.map((p, i) => `${px(p, i)},${py(p.y)}`).join(" ")} />}
        {points.map((p, i) => (kind === "line" && points.length > 200 ? null : <Dot key={i} kind={kind} x={px(p, i)} y={py(p.y)} zero={py(Math.max(up.from, Math.min(up.to, 0)))} width={(inner.width / points.length) * 0.8} title={`${p.label}: ${p.y}`} />))}
        {across
          ? across.ticks.map((t) => (
              <text key={t} x={left + across.part(t) * inner.width} y={height - bottom + 20} className="middle">
                {time ? moment(t, across.to - across.from) : short(t)}
              </text>
            ))
          : points.map((p, i) =>
              i % every === 0 ? (
                <text key={i} transform={`translate(${px(p, i)} ${height - bottom + 18}) rotate(${points.length > 6 ? -18 : 0})`} className={points.length > 6 ? "end" : "middle"}>
                  {p.label.length > 16 ? `${p.label.slice(0, 15)}…` : p.label}
                </text>
              ) : null,
            )}
        <text x={left + inner.width / 2} y={height - 6} className="middle name">
          {names[0]}
        </text>
        <text transform={`translate(14 ${top + inner.height / 2}) rotate(-90)`} className="middle name">
          {names[1]}
        </text>
      </svg>
    </div>
  );
}

function Dot(p: { kind: Kind; x: number; y: number; zero: number; width: number; title: string }) {
  const title = <title>{p.title}</title>;
  if (p.kind !== "bars")
    return (
      <circle cx={p.x} cy={p.y} r={3}>
        {title}
      </circle>
    );
  return (
    <rect x={p.x - p.width / 2} width={Math.max(1, p.width)} y={Math.min(p.y, p.zero)} height={Math.max(1, Math.abs(p.zero - p.y))}>
      {title}
    </rect>
  );
}

const least = (all: number[], zero: boolean) => all.reduce((a, b) => Math.min(a, b), zero ? 0 : Infinity);
const greatest = (all: number[], zero: boolean) => all.reduce((a, b) => Math.max(a, b), zero ? 0 : -Infinity);

// scale lays numbers out from 0 to 1, with round ones as ticks; moments keep their own ends.
function scale(from: number, to: number, time = false) {
  if (from === to) [from, to] = [from - 1, to + 1];
  const raw = (to - from) / 5;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = time ? raw : ([1, 2, 5, 10].find((m) => m * ten >= raw) ?? 10) * ten;
  if (!time) [from, to] = [Math.floor(from / step) * step, Math.ceil(to / step) * step];
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toPrecision(12)));
  return { from, to, ticks, part: (n: number) => (n - from) / (to - from) };
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const short = (n: number) => compact.format(n);
const moment = (t: number, span: number) => new Date(t).toISOString().slice(span > 3 * 86_400_000 ? 0 : 11, span > 3 * 86_400_000 ? 10 : 19);
