// Runs what stands in the editor, and tells what came of it.
import { useEffect, useRef, useState } from "react";

import { Problem } from "../../api/client";
import { type Answered, ask } from "../../api/lake";
import type { Mark } from "../../ui/editor";
import { type Part, placeIn, placeOf, statements } from "../../ui/sql";
import type { Past } from "./store";

export type Rows = (string | null)[][];
export type Result = { sql: string; answer: Answered; rows: Rows; seconds: number };
export type Outcome = { results: Result[]; error?: unknown; marks?: Mark[]; cancelled?: boolean; since?: number };

const nothing: Outcome = { results: [] };

export type Request = { tab: string; text: string; from: number; whole: string; lake: string; limit: number };

// useRuns has the outcome of each tab. Several statements run one behind the other, up to the first that fails.
export function useRuns(note: (past: Past) => void) {
  const [all, setAll] = useState<Record<string, Outcome>>({});
  const running = useRef(new Map<string, AbortController>());
  useEffect(() => {
    const open = running.current;
    return () => open.forEach((c) => c.abort()); // nobody waits for them any more
  }, []);
  const set = (tab: string, to: Outcome) => setAll((was) => ({ ...was, [tab]: to }));
  const run = async (r: Request) => {
    running.current.get(r.tab)?.abort();
    const control = new AbortController();
    running.current.set(r.tab, control);
    const since = Date.now();
    let done: Outcome = nothing;
    for (const part of statements(r.text)) {
      set(r.tab, { ...done, since });
      done = await one(r, part, done, control.signal, note);
      if (running.current.get(r.tab) !== control) return; // begun anew, or closed
      if (done.error || done.cancelled) break;
    }
    running.current.delete(r.tab);
    set(r.tab, done);
  };
  const cancel = (tab: string) => running.current.get(tab)?.abort();
  const drop = (tab: string) => {
    cancel(tab);
    running.current.delete(tab);
    setAll(({ [tab]: _, ...others }) => others);
  };
  const edited = (tab: string) => setAll((was) => (was[tab]?.marks ? { ...was, [tab]: { ...was[tab], marks: undefined } } : was));
  return { of: (tab: string) => all[tab] ?? nothing, run, cancel, drop, edited };
}

async function one(r: Request, part: Part, before: Outcome, signal: AbortSignal, note: (past: Past) => void): Promise<Outcome> {
  const began = Date.now();
  const past = () => ({ sql: part.text, lake: r.lake, at: new Date(began).toISOString(), seconds: (Date.now() - began) / 1000 });
  try {
    const answer = await ask(part.text, r.lake, r.limit, signal);
    const rows = (answer.rows ?? []) as Rows;
    note({ ...past(), rows: rows.length, more: answer.truncated });
    return { results: [...before.results, { sql: part.text, answer, rows, seconds: past().seconds }] };
  } catch (error) {
    if (signal.aborted) {
      note({ ...past(), error: "cancelled" });
      return { ...before, cancelled: true };
    }
    const message = error instanceof Error ? error.message : String(error);
    note({ ...past(), error: message });
    const there = placeOf(message);
    if (!there) return { ...before, error };
    const place = placeIn(r.whole, r.from + part.from, part.text, there);
    const told = `line ${place.line}${place.column ? `, column ${place.column}` : ""}: ${there.message}`; // of the editor, not of the statement
    return { ...before, error: new Problem(422, told, error instanceof Problem ? error.hint : undefined), marks: [{ ...place, message: there.message }] };
  }
}
