// A chart of commits: the rows of each as bars, and the high watermark as a line. It is loaded when it is first shown.
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import type { Change } from "../../api/watch";
import { exact, number } from "../../ui/format";

export default function Chart({ changes }: { changes: Change[] }) {
  const host = useRef<HTMLDivElement>(null);
  const scheme = useScheme();
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const box = host.current;
    if (!box) return;
    const seen = new ResizeObserver(() => setWidth(Math.floor(box.clientWidth)));
    seen.observe(box);
    return () => seen.disconnect();
  }, []);
  useEffect(() => {
    if (!host.current || width === 0) return;
    const plot = new uPlot(options(changes, width, host.current), data(changes), host.current);
    return () => plot.destroy();
  }, [changes, width, scheme]);
  const [first, last] = [changes[0], changes.at(-1)];
  const label = `${changes.length} commits from ${exact(first?.at)} to ${exact(last?.at)}, ${number(changes.reduce((n, c) => n + c.rows_loaded, 0))} rows, up to ${last?.high ?? "no cursor"}. The table below has the same.`;
  return <div ref={host} className="chart" role="img" aria-label={label} />;
}

// useScheme changes when the page becomes light or dark, for what draws its colours once.
function useScheme(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return dark;
}

const isTime = (cursor: string | undefined) => !!cursor && /^\d{4}-\d\d-\d\d/.test(cursor);

// place is where a cursor value lies on its axis: seconds of a time, or the number itself.
function place(cursor: string | undefined): number | null {
  if (!cursor) return null;
  const n = isTime(cursor) ? Date.parse(`${cursor.slice(0, 19).replace(" ", "T")}${cursor.length > 10 ? "Z" : ""}`) / 1000 : Number(cursor);
  return Number.isFinite(n) ? n : null;
}

function data(changes: Change[]): uPlot.AlignedData {
  return [changes.map((c) => Date.parse(c.at) / 1000), changes.map((c) => c.rows_loaded), changes.map((c) => place(c.high))];
}

// colour is that of a variable of the style sheet, as it is now.
function colour(of: HTMLElement, variable: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${variable})`;
  of.append(probe);
  const is = getComputedStyle(probe).color;
  probe.remove();
  return is;
}

const short = new Intl.NumberFormat("en", { notation: "compact" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "2-digit", timeZone: "UTC" });
const minute = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

// Commits are told in the zone of who looks, as everywhere; cursor values as the source has them.
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "2-digit" });
const hour = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

function options(changes: Change[], width: number, host: HTMLElement): uPlot.Options {
  const [ink, line, bar, high] = ["--soft", "--line", "--good", "--busy"].map((v) => colour(host, v)) as [string, string, string, string];
  const times = isTime(changes.at(-1)?.high);
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const at = (_: uPlot, values: number[]) => values.map((v) => (span(values) > 3 * 86400 ? date : span(values) > 600 ? hour : second).format(v * 1000));
  const highs = (_: uPlot, values: number[]) => values.map((v) => (times ? (span(values) > 3 * 86400 ? day : minute).format(v * 1000) : short.format(v)));
  return {
    width,
    height: 260,
    cursor: { y: false },
    legend: { live: width > 600 },
    scales: { x: { range: padded }, rows: { range: (_u, _min, max) => [0, Math.max(max, 1) * 1.1] }, high: {} },
    axes: [{ ...axis, space: 90, values: at }, { ...axis, scale: "rows", size: 60, values: (_, values) => values.map((v) => short.format(v)) }, { ...axis, scale: "high", side: 1, size: times ? 90 : 60, grid: { show: false }, values: highs }],
    series: [
      { value: (_, v) => (v === null ? "–" : exact(new Date(v * 1000).toISOString())) },
      { label: "Rows", scale: "rows", stroke: bar, fill: bar, width: 0, paths: uPlot.paths.bars?.({ size: [0.6, 24], align: 0 }), points: { show: false }, value: (_, v) => (v === null ? "–" : number(v)) },
      { label: "High", scale: "high", stroke: high, width: 2, points: { show: true, size: 6, fill: high }, value: (_u, _v, _s, i) => (i === null ? "–" : (changes[i]?.high ?? "–")) },
    ],
  };
}

const span = (values: number[]) => (values.at(-1) ?? 0) - (values[0] ?? 0);

// padded leaves room for half a bar at both ends.
function padded(_: uPlot, from: number, to: number): [number, number] {
  const room = Math.max((to - from) * 0.04, 1);
  return [from - room, to + room];
}
