import { useState } from "react";

import type { Mark } from "../../../ui/editor";
import { Button, Empty } from "../../../ui/parts";
import { useDraft, useLook } from "../draft";
import { Choice, List, Text } from "../fields";
import { type Check, type CheckKind, type Column, type Path, checkKind, checkKinds, checkName, scalarOf, words } from "../spec";
import { add, move, put, remove, replace } from "../yaml";
import { Statement } from "./sql";

const kinds: Record<CheckKind, string> = {
  not_null: "no NULL",
  unique: "unique",
  accepted_values: "accepted values",
  range: "range",
  regex: "regular expression",
  row_count: "number of rows",
  freshness: "freshness",
  sql: "SQL",
};

// begin is what a new check says: about the first column, until somebody says more.
function begin(kind: CheckKind, columns: Column[]): unknown {
  const column = columns[0]?.name ?? "id";
  const of: Record<CheckKind, unknown> = {
    not_null: [column],
    unique: [column],
    accepted_values: { column, values: [0] },
    range: { column, min: 0 },
    regex: { column, pattern: ".*" },
    row_count: { min: 1 },
    freshness: "1d",
    sql: "SELECT * FROM rows WHERE false",
  };
  return of[kind];
}

export const firstCheck = (columns: Column[]) => ({ not_null: begin("not_null", columns) });

// ChecksPanel is the list of checks, each of which opens to be changed.
export function ChecksPanel({ columns }: { columns: Column[] }) {
  const { read, edit, mayChange } = useDraft();
  const checks = read.spec?.checks ?? [];
  const [open, setOpen] = useState<number>();
  const adding = () => {
    edit((doc) => add(doc, "checks", firstCheck(columns), true));
    setOpen(checks.length);
  };
  return (
    <>
      {checks.length === 0 && <Empty>No check looks at the rows. One that fails stops the run before anything is published, warns, or sets rows aside.</Empty>}
      <ol className="checklist" aria-label="Checks">
        {checks.map((c, i) => (
          <li key={i}>
            <button type="button" className="check" aria-expanded={open === i} onClick={() => setOpen(open === i ? undefined : i)}>
              <span className="mono">{checkName(c)}</span> <span className="soft">{c.on_fail ?? "stop"}</span>
            </button>
            {open === i && <CheckForm at={i} check={c} columns={columns} last={i === checks.length - 1} moved={setOpen} />}
          </li>
        ))}
      </ol>
      {mayChange && <Button onClick={adding}>Add a check</Button>}
    </>
  );
}

type FormProps = { at: number; check: Check; columns: Column[]; last: boolean; moved: (to: number | undefined) => void };

export function CheckForm({ at, check, columns, last, moved }: FormProps) {
  const { edit, mayChange } = useDraft();
  const kind = checkKind(check);
  const set = (key: string, v: string | undefined) => edit((doc) => put(doc, ["checks", at, key], v));
  const become = (next: CheckKind) =>
    edit((doc) => {
      const { name, on_fail } = check;
      const mayAside = ["not_null", "accepted_values", "range", "regex"].includes(next);
      replace(doc, ["checks", at], { ...(name && { name }), [next]: begin(next, columns), ...(on_fail && (mayAside || on_fail !== "quarantine") && { on_fail }) }, next !== "sql");
    });
  const shift = (by: number) => {
    edit((doc) => move(doc, "checks", at, at + by));
    moved(at + by);
  };
  return (
    <div className="checkform">
      <fieldset disabled={!mayChange} className="fields">
        <label>
          Kind
          <select value={kind} onChange={(e) => become(e.target.value as CheckKind)}>
            {checkKinds.map((k) => (
              <option key={k} value={k}>
                {kinds[k]}
              </option>
            ))}
          </select>
        </label>
        <Parameters at={at} check={check} kind={kind} columns={columns} />
        <Choice label="When it fails" value={check.on_fail ?? ""} onChange={(v) => set("on_fail", v)} options={["stop", "warn", "quarantine"]} byDefault="stop the run (default)" />
        <Text label="Name" value={check.name ?? ""} onChange={(v) => set("name", v)} placeholder={checkName({ ...check, name: undefined })} />
      </fieldset>
      {mayChange && (
        <p className="actions">
          {at > 0 && <Button onClick={() => shift(-1)}>Move up</Button>}
          {!last && <Button onClick={() => shift(1)}>Move down</Button>}
          <Button
            kind="danger"
            onClick={() => {
              edit((doc) => remove(doc, "checks", at));
              moved(undefined);
            }}
          >
            Remove this check
          </Button>
        </p>
      )}
    </div>
  );
}

function Parameters({ at, check, kind, columns }: { at: number; check: Check; kind: CheckKind; columns: Column[] }) {
  const { edit } = useDraft();
  const names = columns.map((c) => c.name);
  const path: Path = ["checks", at, kind];
  const said = (typeof check[kind] === "object" && check[kind] ? check[kind] : {}) as Record<string, unknown>;
  const set = (key: string, v: string | number | (string | number)[] | undefined) => edit((doc) => put(doc, [...path, key], v));
  const column = <Text label="Column" value={words(said.column)} onChange={(v) => set("column", v)} options={names} />;
  const bound = (key: "min" | "max", label: string) => <Text label={label} value={words(said[key])} onChange={(v) => set(key, v === undefined ? v : scalarOf(v))} placeholder="none" />;
  switch (kind) {
    case "not_null":
    case "unique":
      return (
        <>
          <List label="Columns" value={check[kind]} onChange={(v) => edit((doc) => put(doc, path, v.length > 0 ? v : [" "]))} options={names} />
          {kind === "unique" && <Choice label="Among" value={check.in ?? ""} onChange={(v) => edit((doc) => put(doc, ["checks", at, "in"], v))} options={["table"]} byDefault="the rows of the run" />}
        </>
      );
    case "accepted_values":
      return (
        <>
          {column}
          <List label="Values" value={said.values} onChange={(v) => set("values", v.map(scalarOf))} />
        </>
      );
    case "range":
      return (
        <>
          {column}
          {bound("min", "Least")}
          {bound("max", "Greatest")}
        </>
      );
    case "regex":
      return (
        <>
          {column}
          <Text label="Expression" value={words(said.pattern)} onChange={(v) => set("pattern", v)} />
        </>
      );
    case "row_count":
      return (
        <>
          {bound("min", "At least")}
          {bound("max", "At most")}
        </>
      );
    case "freshness":
      return <Text label="Newest row at most" value={words(check.freshness)} onChange={(v) => edit((doc) => put(doc, path, v ?? "1d"))} placeholder="1h" />;
    case "sql":
      return <CheckSQL at={at} value={words(check.sql)} columns={columns} />;
  }
}

const noMarks: Mark[] = [];

function CheckSQL({ at, value, columns }: { at: number; value: string; columns: Column[] }) {
  const look = useLook();
  const mistake = look.mistakes.find((m) => m.path[0] === "checks" && m.path[1] === at);
  return (
    <div className="wide">
      <p className="soft">A SELECT that must return no row.</p>
      <Statement key={at} label="SQL of the check" path={["checks", at, "sql"]} value={value} columns={columns} marks={noMarks} />
      {mistake && <p className="problem">{mistake.message}</p>}
    </div>
  );
}

