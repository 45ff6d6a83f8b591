import type { CompletionContext } from "@codemirror/autocomplete";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { useMemo, useRef } from "react";

import type { Mark } from "../../../ui/editor";
import { Editor } from "../../../ui/lazy";
import { useDraft } from "../draft";
import { Text } from "../fields";
import type { Column, Path } from "../spec";
import { put } from "../yaml";

type Props = { label: string; path: Path; value: string; columns: Column[]; marks: Mark[] };

// Statement is an editor of SQL over the rows, which knows their columns.
export function Statement({ label, path, value, columns, marks }: Props) {
  const { edit, read, mayChange } = useDraft();
  const known = useRef<{ columns: Column[]; tables: string[] }>({ columns: [], tables: [] });
  const table = typeof read.spec?.source.table === "string" ? read.spec.source.table.split(".").at(-1) : undefined;
  const step = path[0] === "transforms" ? read.spec?.transforms[Number(path[1])] : undefined;
  known.current = { columns, tables: ["rows", ...(table ? [table] : []), ...Object.keys(step?.lookups ?? {})] };
  const language = useMemo(() => [sql({ dialect: PostgreSQL }), PostgreSQL.language.data.of({ autocomplete: (c: CompletionContext) => complete(c, known.current) })], []);
  return <Editor label={label} value={value} language={language} marks={marks} onChange={mayChange ? (text) => edit((doc) => put(doc, path, text || " ")) : undefined} />;
}

function complete(context: CompletionContext, known: { columns: Column[]; tables: string[] }) {
  const word = context.matchBefore(/\w*/);
  if (!word || (word.from === word.to && !context.explicit && !/\.$/.test(context.state.sliceDoc(word.from - 1, word.from)))) return null;
  const options = [
    ...known.columns.map((c) => ({ label: c.name, detail: c.type, type: "property", boost: 2 })),
    ...known.tables.map((t) => ({ label: t, detail: "table", type: "type", boost: 1 })),
    { label: "watermark()", detail: "where the window begins", type: "function" },
    { label: "fetch_details", detail: "table", type: "type" },
  ];
  return { from: word.from, options, validFor: /^\w*$/ };
}

// SQLPanel is a step of SQL.
export function SQLPanel({ step, columns, marks }: { step: number; columns: Column[]; marks: Mark[] }) {
  const { read, edit } = useDraft();
  const s = read.spec?.transforms[step];
  const lookups = Object.entries(s?.lookups ?? {});
  return (
    <>
      <p className="soft">
        A SELECT in DuckDB&apos;s SQL over the rows of the run, which are the table <code>rows</code>.
      </p>
      <Statement key={step} label="SQL" path={["transforms", step, "sql"]} value={s?.sql ?? ""} columns={columns} marks={marks} />
      {marks.map((m) => (
        <p key={m.message} className="problem" role="alert">
          Line {m.line}
          {m.column ? `, column ${m.column}` : ""}: {m.message}
        </p>
      ))}
      <div className="fields">
        <Text label="Name of the step" value={s?.name ?? ""} onChange={(v) => edit((doc) => put(doc, ["transforms", step, "name"], v))} />
      </div>
      {lookups.length > 0 && <p className="soft">Other tables that it reads: {lookups.map(([name]) => name).join(", ")}. They are edited in the YAML.</p>}
    </>
  );
}
