import { type ReactNode } from "react";

import { Button } from "../../ui/parts";
import { Labelled } from "../connections/field";
import type { Draft, SourceTable } from "./draft";

type Props = {
  table: SourceTable;
  draft: Draft;
  lakes: string[];
  wrong: Map<string, string>;
  onChange: (d: Draft) => void;
  onNewLake: () => void;
};

// DraftForm shows what is proposed, each with its reason, to be changed.
export function DraftForm({ table: t, draft: d, lakes, wrong, onChange, onNewLake }: Props) {
  const set = (field: keyof Draft) => (e: { target: { value: string } }) => onChange({ ...d, [field]: e.target.value });
  const text = (field: keyof Draft, label: string, hint?: ReactNode) => (
    <Labelled label={label} hint={hint} wrong={wrong.get(field)}>
      {(p) => <input {...p} value={d[field]} onChange={set(field)} autoComplete="off" spellCheck={false} />}
    </Labelled>
  );
  const choice = (field: keyof Draft, label: string, options: [string, string][], hint?: ReactNode) => (
    <Labelled label={label} hint={hint} wrong={wrong.get(field)}>
      {(p) => (
        <select {...p} value={d[field]} onChange={set(field)}>
          {options.map(([value, says]) => (
            <option key={value} value={value}>
              {says}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
  const cursors: [string, string][] = (t.cursors ?? []).map((c) => [c.column, `${c.column} (${c.kind})`]);
  return (
    <section className="proposal" aria-label="Proposal">
      <h3>What is proposed, and why</h3>
      <div className="fields">
        {d.mode !== "replace" && choice("cursor", "Cursor", [["", "none"], ...cursors], whyCursor(t, d.cursor))}
        {choice("mode", "Mode", modes, whyMode(t, d))}
        {d.mode === "merge" && text("key", "Key", whyKey(t, d))}
      </div>
      <div className="fields">
        {text("name", "Name", "It is for good: the watermark in the lake is kept under it.")}
        <div className="lake">
          {choice("lake", "Lake", lakes.map((l) => [l, l]))}
          <Button onClick={onNewLake}>New lake</Button>
        </div>
        {text("target", "Table in the lake")}
        {choice("format", "Format", formats)}
      </div>
    </section>
  );
}

const modes: [string, string][] = [
  ["append", "append: every version of a row"],
  ["merge", "merge: the newest version by key"],
  ["replace", "replace: the whole table, each run"],
];

const formats: [string, string][] = [
  ["iceberg", "Iceberg"],
  ["parquet", "folder of Parquet files"],
];

// whyCursor is the server's reason, or what is to be said of another choice.
function whyCursor(t: SourceTable, column: string): string {
  if (column === (t.proposal.cursor ?? "")) return sentence(t.proposal.cursor_reason);
  const c = t.cursors?.find((one) => one.column === column);
  if (!c) return "";
  const says = [
    c.kind === "integer" ? "new rows are found, later changes of a row are not, unless they set it anew" : c.server_set ? "the server sets it at each change" : "applications set it: see that each does at each change",
    !c.indexed && "it has no index, so that each run scans the table",
    c.nullable && "rows where it is NULL are told of in the plan",
  ];
  return sentence(says.filter(Boolean).join("; "));
}

function whyMode(t: SourceTable, d: Draft): string {
  if (d.mode === t.proposal.mode) return sentence(t.proposal.mode_reason);
  return { append: "Every version of a row stays in the lake.", merge: "The newest version by key stays.", replace: "The whole table is loaded in each run." }[d.mode] ?? "";
}

function whyKey(t: SourceTable, d: Draft): string {
  const key = t.key ?? [];
  if (key.length > 0 && d.key === key.join(", ")) return sentence(t.proposal.mode === "merge" ? t.proposal.key_reason : "it is the primary key");
  return "Columns, with commas between them, that tell any two rows apart.";
}

const sentence = (text: string) => (text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : "");
