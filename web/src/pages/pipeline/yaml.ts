// Edits of the YAML of a pipeline that leave alone what they are not about: comments, order, and how a line is written.
import { type Document, type Pair, type YAMLMap, LineCounter, Scalar, YAMLSeq, isCollection, isMap, isScalar, isSeq, parseDocument } from "yaml";

import type { Mark } from "../../ui/editor";
import { diff, linesOf } from "./lines";
import { type Path, type Spec, specOf } from "./spec";

// Read is what came of reading a text.
export type Read = {
  spec?: Spec; // none: the text is no YAML, or cannot be understood alone
  marks: Mark[]; // where it is no YAML
  why?: string; // there is no spec
};

export function read(text: string): Read {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines });
  if (doc.errors.length > 0) {
    const marks = doc.errors.map((e) => ({ line: e.linePos?.[0].line ?? 1, column: e.linePos?.[0].col, message: (e.message.split(" at line ")[0] ?? "").trim() }));
    return { marks, why: `Line ${marks[0]?.line}: the text is no YAML. ${marks[0]?.message}.` };
  }
  if (doc.contents && !isMap(doc.contents) && !(isScalar(doc.contents) && doc.contents.value === null)) {
    return { marks: [{ line: 1, message: "keys and values are wanted, as in source: {…}" }], why: "Line 1: keys and values are wanted, as in source: {…}" };
  }
  try {
    return { spec: specOf(doc.toJS()), marks: [] };
  } catch {
    return { marks: [], why: "The YAML uses an anchor from another place of the config file, which cannot be drawn." };
  }
}

// edit makes a change of the document, and returns the new text.
export function edit(text: string, change: (doc: Document) => void): string {
  const doc = parseDocument(text);
  const how = { lineWidth: 0, flowCollectionPadding: /\{ /.test(text), indentSeq: !/^\w+:[^\n]*\n(\s*#[^\n]*\n)*- /m.test(text) };
  const before = doc.toString(how);
  if (!isMap(doc.contents)) doc.contents = doc.createNode({}) as never;
  change(doc);
  const after = doc.toString(how);
  return asWritten(text, before, after);
}

// asWritten returns after, with lines that the change has not touched as they were in text, of which before is the tidy form.
function asWritten(text: string, before: string, after: string): string {
  const written = linesOf(text);
  if (written.length !== linesOf(before).length) return after;
  const kept = diff(before, after)
    .filter((l) => l.kind !== "gone")
    .map((l) => (l.kind === "same" ? written[l.from]! : l.text));
  const result = kept.join("\n") + "\n";
  return JSON.stringify(parseDocument(result).toJS()) === JSON.stringify(parseDocument(after).toJS()) ? result : after;
}

const order = ["source", "transforms", "checks", "target"];

// ensure returns the collection at a path, which it makes where there is none, each section in its usual place.
function ensure(doc: Document, path: Path, empty: "map" | "seq"): YAMLMap | YAMLSeq {
  const there = path.length === 0 ? doc.contents : doc.getIn(path, true);
  if (isCollection(there)) {
    if (there.items.length === 0 && path.length < 4) there.flow = false; // {} has room for more only in a line of its own
    return there as YAMLMap | YAMLSeq;
  }
  const made = doc.createNode(empty === "map" ? {} : []) as YAMLMap | YAMLSeq;
  const key = path.at(-1)!;
  const parent = ensure(doc, path.slice(0, -1), "map");
  if (path.length === 1 && isMap(parent) && !parent.has(key)) {
    const rank = order.indexOf(String(key));
    const at = parent.items.findIndex((p) => order.indexOf(String((p as Pair<Scalar>).key.value)) > rank);
    parent.items.splice(at < 0 || rank < 0 ? parent.items.length : at, 0, doc.createPair(key, made) as never);
  } else {
    made.flow = isCollection(parent) && (parent.flow || (empty === "map" && path.length > 3)); // of a column in one line
    parent.set(key, made);
  }
  return made;
}

type Value = string | number | boolean | string[] | (string | number)[] | undefined;

// put sets what is at a path; undefined and what is empty takes it away. Comments beside it stay.
export function put(doc: Document, path: Path, value: Value) {
  if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) {
    if (doc.hasIn(path)) doc.deleteIn(path);
    return;
  }
  const there = doc.getIn(path, true);
  if (isScalar(there) && !Array.isArray(value)) {
    there.value = value;
    there.type = styleOf(value, there.type);
    delete there.source;
    return;
  }
  const parent = ensure(doc, path.slice(0, -1), "map");
  const node = doc.createNode(value, { flow: Array.isArray(value) && (!isSeq(there) || there.flow) });
  if (isScalar(node)) node.type = parent.flow ? undefined : styleOf(value, undefined);
  else if (isSeq(there)) node.comment = there.comment;
  parent.set(path.at(-1)!, node);
}

// styleOf writes texts of many lines as they are.
function styleOf(value: Value, was: Scalar["type"]): Scalar["type"] {
  if (typeof value !== "string") return undefined;
  if (value.includes("\n")) return "BLOCK_LITERAL";
  return was === "BLOCK_LITERAL" || was === "BLOCK_FOLDED" ? undefined : was;
}

// add puts a value behind the others of a list, in one line or in a block.
export function add(doc: Document, list: "transforms" | "checks", value: unknown, flow: boolean, at?: number) {
  const seq = ensure(doc, [list], "seq") as YAMLSeq;
  const node = doc.createNode(value, { flow: seq.flow || false }) as YAMLMap;
  if (flow) node.flow = true;
  seq.items.splice(at ?? seq.items.length, 0, node);
}

// remove takes an item out of a list, and the list when it was the last one.
export function remove(doc: Document, list: "transforms" | "checks", at: number) {
  const seq = doc.get(list);
  if (!isSeq(seq)) return;
  seq.items.splice(at, 1);
  if (seq.items.length === 0) doc.delete(list);
}

// move puts an item of a list into another place.
export function move(doc: Document, list: "transforms" | "checks", from: number, to: number) {
  const seq = doc.get(list);
  if (!isSeq(seq)) return;
  const [item] = seq.items.splice(from, 1);
  if (item) seq.items.splice(to, 0, item);
}

// replace puts another value in the place of what is at a path.
export function replace(doc: Document, path: Path, value: unknown, flow: boolean) {
  const node = doc.createNode(value) as YAMLMap;
  const there = doc.getIn(path, true);
  if (isCollection(there)) {
    node.comment = there.comment;
    node.commentBefore = there.commentBefore;
  }
  node.flow = flow;
  doc.setIn(path, node);
}

// place finds where the text says what is at a path, or the nearest above it.
export function place(text: string, path: Path): { line: number; column: number } {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines });
  for (let n = path.length; n > 0; n--) {
    const range = keyRange(doc, path.slice(0, n)) ?? (doc.getIn(path.slice(0, n), true) as Scalar | undefined)?.range;
    if (range) {
      const { line, col } = lines.linePos(range[0]);
      return { line, column: col };
    }
  }
  return { line: 1, column: 1 };
}

function keyRange(doc: Document, path: Path) {
  const parent = path.length === 1 ? doc.contents : doc.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((p) => isScalar(p.key) && String(p.key.value) === String(path.at(-1)));
  return (pair?.key as Scalar | undefined)?.range;
}

// statementPlace is where in the text a place of a statement of many or one lines is.
export function statementPlace(text: string, path: Path, line: number, column: number): { line: number; column: number } {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines });
  const node = doc.getIn(path, true);
  if (!isScalar(node) || !node.range) return place(text, path);
  const at = lines.linePos(node.range[0]);
  if (node.type !== "BLOCK_LITERAL" && node.type !== "BLOCK_FOLDED") return { line: at.line, column: line === 1 ? at.col + column - 1 : 1 };
  const first = text.split("\n").slice(at.line).find((row) => row.trim() !== "") ?? ""; // its depth is that of the block
  return { line: at.line + line, column: (/^ */.exec(first)?.[0].length ?? 0) + column };
}
