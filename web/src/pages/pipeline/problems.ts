// What the server has against a draft, and where in its text that is.
import type { Schemas } from "../../api/client";
import { Problem } from "../../api/client";
import type { Mark } from "../../ui/editor";
import type { Path } from "./spec";
import { place, statementPlace } from "./yaml";

// A Mistake is one thing that is wrong with a draft.
export type Mistake = { path: Path; message: string };

// mistakes reads the details of a 422: each has "LINE:COLUMN PATH" of the config file as its location.
export function mistakes(error: unknown, name: string): Mistake[] {
  if (!(error instanceof Problem) || error.status !== 422) return [];
  return error.details
    .filter((d) => /^\d+:\d+ /.test(d.location ?? ""))
    .map((d) => ({ path: within(pathOf((d.location ?? "").replace(/^\d+:\d+ /, "")), name), message: d.message ?? "" }));
}

// pathOf takes a path apart: a.b[0]["c.d"].
function pathOf(text: string): Path {
  const path: Path = [];
  for (const m of text.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([A-Za-z0-9_-]+)/g)) {
    if (m[1] !== undefined) path.push(Number(m[1]));
    else if (m[2] !== undefined) path.push(JSON.parse(m[2]) as string);
    else path.push(m[3]!);
  }
  return path;
}

const within = (path: Path, name: string): Path => (path[0] === "pipelines" && path[1] === name ? path.slice(2) : []);

export const markOf = (text: string, m: Mistake): Mark => ({ ...place(text, m.path), message: m.message });

type Failed = NonNullable<Schemas["PreviewedBody"]["failed"]>;

// reason is what a failed step says, without the words in front that tell where: the page shows that.
export const reason = (f: Failed) => f.error.replace(/^.*?step .*?: (line \d+(, column \d+)?: )?/, "");

// failedMark is the place of a failed step in the text.
export function failedMark(text: string, step: number, f: Failed): Mark {
  const path: Path = ["transforms", step];
  const at = f.line ? statementPlace(text, [...path, "sql"], f.line, f.column ?? 1) : place(text, path);
  return { ...at, message: reason(f) };
}
