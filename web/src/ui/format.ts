// Numbers, times and sizes as people read them.
const whole = new Intl.NumberFormat("en");
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium", hour12: false });

export const number = (n: number | undefined) => (n === undefined ? "–" : whole.format(n));

export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function ago(at: string | undefined, now: number): string {
  if (!at) return "never";
  const s = (now - Date.parse(at)) / 1000;
  if (s < 0) return `in ${duration(-s)}`;
  return s < 5 ? "just now" : `${duration(s)} ago`;
}

export const exact = (at: string | undefined) => (at ? day.format(new Date(at)) : "never");

export function size(bytes: number | undefined): string {
  if (bytes === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let n = bytes;
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

// took is how long a run has taken so far, in seconds.
export function took(run: { started?: string; ended?: string }, now: number): number | undefined {
  if (!run.started) return undefined;
  return ((run.ended ? Date.parse(run.ended) : now) - Date.parse(run.started)) / 1000;
}
