// What a new pipeline is to be, its YAML, and what is wrong with it.
import { type Document, type YAMLMap, parse, parseDocument } from "yaml";

import { Problem, type Schemas, api } from "../../api/client";
import { told } from "../connections/data";

export type SourceTable = Schemas["SourceTableBody"];

export type Draft = {
  name: string;
  lake: string; // a connection
  target: string;
  format: string;
  mode: string;
  cursor: string; // "" for none
  key: string; // columns with commas between them
};

type Parts = { source: Record<string, unknown>; target: Record<string, unknown> };

// proposed is what the server proposes, as the form shows it.
export function proposed(t: SourceTable, lake: string): Draft {
  const p = t.proposal;
  const { target } = parse(p.yaml) as Parts;
  return { name: p.name, lake, target: String(target.table ?? ""), format: String(target.format ?? "iceberg"), mode: p.mode, cursor: p.cursor ?? "", key: (p.key ?? []).join(", ") };
}

// yamlOf is the proposal with what was changed of it: the reasons stay in it as a comment as long as they are true.
export function yamlOf(t: SourceTable, d: Draft): string {
  const doc: Document = parseDocument(t.proposal.yaml);
  const set = (path: [string, string], value: unknown) => {
    if (value === undefined) doc.deleteIn(path);
    else if (JSON.stringify(valueAt(doc, path)) !== JSON.stringify(value)) doc.setIn(path, doc.createNode(value, { flow: true }));
  };
  set(["target", "connection"], d.lake);
  set(["target", "table"], d.target);
  set(["target", "format"], d.format === "iceberg" ? undefined : d.format);
  set(["target", "mode"], d.mode);
  set(["source", "cursor"], d.mode === "replace" || !d.cursor ? undefined : d.cursor);
  const key = keyOf(d);
  set(["target", "key"], d.mode === "merge" && key.join() !== (t.key ?? []).join() ? key : undefined); // without one it is the primary key
  if (d.cursor !== (t.proposal.cursor ?? "") || d.mode !== t.proposal.mode) removeComment(doc);
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false });
}

const valueAt = (doc: Document, path: [string, string]) => ((doc.toJS() as Record<string, Record<string, unknown> | undefined>)[path[0]] ?? {})[path[1]];

function removeComment(doc: Document) {
  doc.commentBefore = null;
  const top = doc.contents as YAMLMap | null;
  if (!top) return;
  top.commentBefore = null;
  const first = top.items[0]?.key as { commentBefore?: string | null } | undefined;
  if (first) first.commentBefore = null;
}

export const keyOf = (d: Draft) =>
  d.key
    .split(",")
    .map((c) => c.trim())
    .filter(Boolean);

// checkDraft returns what is wrong, by the field.
export function checkDraft(t: SourceTable, d: Draft, taken: string[]): Map<string, string> {
  const wrong = new Map<string, string>();
  const say = (field: keyof Draft, text: string | false) => text && !wrong.has(field) && wrong.set(field, text);
  say("name", !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(d.name) && (d.name ? "a name has lower-case letters, digits, “_”, “-” and single dots" : "this is needed"));
  say("name", taken.includes(d.name) && "there is a pipeline of this name already");
  say("lake", !d.lake && "choose where the rows go");
  say("target", !/^[a-z0-9{][a-z0-9_{}-]*\.[a-z0-9{][a-z0-9_{}-]*$/.test(d.target) && "write NAMESPACE.TABLE, in lower-case letters, digits, “_” and “-”");
  say("mode", d.mode === "merge" && d.format === "parquet" && "a folder of Parquet files cannot be merged into");
  say("cursor", d.mode !== "replace" && !d.cursor && "only replace does without a cursor");
  if (d.mode === "merge") {
    const key = keyOf(d);
    const columns = new Set((t.columns ?? []).map((c) => c.name.toLowerCase()));
    const unknown = key.find((c) => !columns.has(c.toLowerCase()));
    say("key", key.length === 0 && "a merge goes by a key: name columns that tell two rows apart");
    say("key", unknown !== undefined && `the table has no column ${unknown}`);
  }
  return wrong;
}

// fieldOf is the field of the form for a key of the pipeline.
export function fieldOf(key: string): keyof Draft | undefined {
  const found: Record<string, keyof Draft> = {
    "target.connection": "lake", "target.table": "target", "target.format": "format", "target.mode": "mode", "target.key": "key", "source.cursor": "cursor", "source": "cursor", target: "target", "": "name",
  };
  return found[key];
}

export const planOf = (name: string, yaml: string, signal: AbortSignal) =>
  withBraces((body) => told(api.POST("/api/v1/pipelines/{name}/plan", { params: { path: { name } }, body, signal })), yaml);

export const savePipeline = (name: string, yaml: string) =>
  withBraces((body) => told(api.PUT("/api/v1/pipelines/{name}", { params: { path: { name }, header: { "If-None-Match": "*" } }, body })), yaml);

// withBraces leaves the comments out where a config file is written in braces and has no place for them.
async function withBraces<T>(send: (body: Schemas["EntryBody"]) => Promise<T>, yaml: string): Promise<T> {
  try {
    return await send({ yaml });
  } catch (e) {
    if (!(e instanceof Problem) || e.status !== 422 || !e.message.includes("in braces")) throw e;
    return send({ spec: parse(yaml) as Record<string, unknown> });
  }
}
