// Follows a run to its end, over a lost connection and a restart of the server too.
import { useEffect, useState } from "react";

import type { LogLine, Schemas } from "./client";

type RunEvent = Schemas["RunEvent"];
export type Followed = { run?: RunEvent; lines: LogLine[]; connected: boolean; gone: boolean };

const nothing: Followed = { lines: [], connected: true, gone: false };

export function useRun(id: string): Followed {
  const [state, setState] = useState<Followed>(nothing);
  useEffect(() => {
    setState(nothing);
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0; // the number of the last line that is here
    let over = false;
    const open = () => {
      source = new EventSource(`/api/v1/runs/${encodeURIComponent(id)}/events?after=${last}`);
      source.addEventListener("run", (e) => {
        const run = JSON.parse(e.data) as RunEvent;
        over = run.state !== "queued" && run.state !== "running";
        setState((s) => ({ ...s, run, connected: true }));
        if (over) source?.close();
      });
      source.addEventListener("log", (e) => {
        const lines = (JSON.parse(e.data) as { lines: LogLine[] }).lines.filter((l) => l.n > last);
        last = lines.at(-1)?.n ?? last;
        setState((s) => ({ ...s, lines: [...s.lines, ...lines], connected: true }));
      });
      source.onerror = () => {
        source?.close();
        if (over) return;
        setState((s) => ({ ...s, connected: false }));
        // A browser gives up for good on some answers, so the line is opened anew here.
        timer = setTimeout(() => void find(), 1000);
      };
    };
    const find = async () => {
      try {
        const got = await fetch(`/api/v1/runs/${encodeURIComponent(id)}`);
        if (got.status === 404) {
          setState((s) => ({ ...s, gone: true }));
          return;
        }
      } catch {
        // The server is not there: it may be starting.
      }
      open();
    };
    void find();
    return () => {
      source?.close();
      clearTimeout(timer);
    };
  }, [id]);
  return state;
}
