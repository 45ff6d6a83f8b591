// What the YAML of a pipeline says, as far as the canvas shows it. Nothing of it is certain before the server has looked.
export type Path = (string | number)[];
export type Column = { name: string; type: string };
export type ColumnChange = { rename?: string; type?: string; drop?: boolean; on_fail?: string };
export type Step = { name?: string; change_schema?: Record<string, ColumnChange | null>; order?: string[]; sql?: string; go?: string; lookups?: Record<string, unknown> };
export type Check = { name?: string; on_fail?: string; in?: string } & Record<string, unknown>;
export type Section = Record<string, unknown>;
export type Spec = { source: Section; transforms: Step[]; checks: Check[]; target: Section };

const isMap = (v: unknown): v is Section => typeof v === "object" && v !== null && !Array.isArray(v);
const section = (v: unknown): Section => (isMap(v) ? v : {});
const list = <T>(v: unknown): T[] => (Array.isArray(v) ? v.map((x) => section(x) as T) : []);

// specOf reads what can be read of a document's value.
export function specOf(value: unknown): Spec {
  const v = section(value);
  return { source: section(v.source), transforms: list<Step>(v.transforms), checks: list<Check>(v.checks), target: section(v.target) };
}

export type StepKind = "change_schema" | "sql" | "go";

export const kindOf = (s: Step): StepKind => ("sql" in s ? "sql" : "go" in s ? "go" : "change_schema");

const stepTitles: Record<StepKind, string> = { change_schema: "Change Schema", sql: "SQL Query", go: "Go" };

export const stepTitle = (s: Step) => s.name || stepTitles[kindOf(s)];

// checkKinds are what a check may look at, by their keys in the YAML.
export const checkKinds = ["not_null", "unique", "accepted_values", "range", "regex", "row_count", "freshness", "sql"] as const;
export type CheckKind = (typeof checkKinds)[number];

export const checkKind = (c: Check): CheckKind => checkKinds.find((k) => k in c) ?? "not_null";

// checkName is what the server calls a check.
export function checkName(c: Check): string {
  if (c.name) return c.name;
  const kind = checkKind(c);
  const said = c[kind];
  const of = Array.isArray(said) ? said.join(", ") : isMap(said) ? String(said.column ?? "") : "";
  return (of ? `${kind}(${of})` : kind) + (kind === "unique" && c.in === "table" ? " in table" : "");
}

// sourceText and targetText are one line about where rows come from and go to.
export const sourceText = (s: Spec) => [s.source.connection, s.source.table ?? words(s.source.tables)].filter(Boolean).join(": ") || "not chosen yet";
export const targetText = (s: Spec) => [s.target.connection, s.target.table].filter(Boolean).join(": ") || "by the defaults";

// words shows a value that may be one or a list of them.
export const words = (v: unknown): string => (Array.isArray(v) ? v.map(String).join(", ") : v === undefined || v === null ? "" : String(v));

// listOf splits what somebody has typed at its commas, but not those of bucket(16, id).
export const listOf = (text: string): string[] =>
  text
    .split(/,(?![^(]*\))/)
    .map((w) => w.trim())
    .filter(Boolean);

// scalarOf takes what looks like a number as one.
export const scalarOf = (text: string): string | number => (/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text) ? Number(text) : text);
