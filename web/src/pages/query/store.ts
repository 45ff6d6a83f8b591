// What a browser keeps of the query editor, for each person who logs in with it: the tabs, the history, the saved queries.
import { useEffect, useState } from "react";

export type Tab = { id: string; name: string; sql: string };
export type Past = { sql: string; lake: string; at: string; seconds: number; rows?: number; more?: boolean; error?: string };
export type Saved = { name: string; sql: string };
export type Tabs = { all: Tab[]; active: string };

const pastAtMost = 100;
const key = (who: string, what: string) => `tidemark.query.${who}.${what}`;

function read<T>(name: string, otherwise: T): T {
  try {
    return (JSON.parse(localStorage.getItem(name) ?? "null") as T | null) ?? otherwise;
  } catch {
    return otherwise; // somebody else's, or a browser that keeps nothing
  }
}

// useKept is a state that the browser keeps. What has no room is not kept, and still is there until the page goes.
export function useKept<T>(who: string, what: string, otherwise: T, begin: (kept: T) => T = (kept) => kept): [T, (change: (was: T) => T) => void] {
  const name = key(who, what);
  const [value, setValue] = useState(() => begin(read(name, otherwise)));
  useEffect(() => {
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // as said above
    }
  }, [name, value]);
  return [value, setValue];
}

const fresh = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;

// added has one more tab, which is shown. An empty one is used before another is made.
export function added(tabs: Tabs, sql: string, name?: string): Tabs {
  const shown = tabs.all.find((t) => t.id === tabs.active);
  if (sql && shown && shown.sql.trim() === "") return changed(tabs, shown.id, { sql, name: name ?? shown.name });
  const taken = new Set(tabs.all.map((t) => t.name));
  let n = 1;
  while (taken.has(`Query ${n}`)) n++;
  const tab = { id: fresh(), name: name ?? `Query ${n}`, sql };
  return { all: [...tabs.all, tab], active: tab.id };
}

export const changed = (tabs: Tabs, id: string, change: Partial<Tab>): Tabs => ({ ...tabs, all: tabs.all.map((t) => (t.id === id ? { ...t, ...change } : t)) });

// without has one tab less, and never none.
export function without(tabs: Tabs, id: string): Tabs {
  const at = tabs.all.findIndex((t) => t.id === id);
  const all = tabs.all.filter((t) => t.id !== id);
  const next = all[Math.min(at, all.length - 1)];
  return next ? { all, active: tabs.active === id ? next.id : tabs.active } : added({ all: [], active: "" }, "");
}

export const withPast = (all: Past[], one: Past): Past[] => [one, ...all].slice(0, pastAtMost);

export const withSaved = (all: Saved[], one: Saved): Saved[] => [...all.filter((s) => s.name !== one.name), one].sort((a, b) => a.name.localeCompare(b.name));
