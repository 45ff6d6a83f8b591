// The form of a connection: it is tried before it is saved, and what is wrong is told at the field.
import type { FormEvent, ReactNode } from "react";

import { Button, Failure } from "../../ui/parts";
import "./connections.css";
import { Mistakes } from "./data";
import { FieldInput, Labelled } from "./field";
import { type Kind, kinds } from "./fields";
import { Findings } from "./findings";
import { type About, useConnectionForm } from "./state";

export function ConnectionForm({ extra, ...about }: About & { extra?: ReactNode }) {
  const f = useConnectionForm(about);
  const { check, save, kind, wrong } = f;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    f.keep();
  };
  const fields = (more: boolean) =>
    kinds[kind].fields
      .filter((one) => !!one.more === more)
      .map((one) => <FieldInput key={`${kind} ${one.key}`} field={one} value={f.values[one.key] ?? ""} wrong={wrong.get(one.key)} onChange={(value) => f.set(one.key, value)} />);
  const open = kinds[kind].fields.some((one) => one.more && (f.values[one.key] || wrong.has(one.key)));
  const error = save.error ?? check.error;
  return (
    <form className="connection" ref={f.form} onSubmit={submit} noValidate aria-label={about.name ? `Connection ${about.name}` : "New connection"}>
      {!about.name && (
        <div className="fields">
          <Labelled label="Name" needed hint="Pipelines refer to it by this name." wrong={wrong.get("name")}>
            {(p) => <input {...p} value={f.name} placeholder={kind === "mysql" ? "shop" : "lake"} onChange={(e) => f.rename(e.target.value)} autoComplete="off" spellCheck={false} />}
          </Labelled>
          {f.offered.length > 1 && <KindChoice offered={f.offered} kind={kind} onChange={f.turn} />}
        </div>
      )}
      <div className="fields">{fields(false)}</div>
      <details key={kind} open={open || undefined}>
        <summary>More settings</summary>
        <div className="fields">{fields(true)}</div>
      </details>
      {error instanceof Mistakes && wrong.size > 0 && !wrong.has("") ? null : <Failure error={error} />}
      {check.data && <Findings checked={check.data} name={f.name} />}
      <div className="actions">
        <Button busy={check.isPending} onClick={f.tryIt}>
          {check.isPending ? "Is being tested…" : "Test"}
        </Button>
        <Button type="submit" kind="main" busy={save.isPending}>
          Save connection
        </Button>
        {extra}
      </div>
    </form>
  );
}

function KindChoice({ offered, kind, onChange }: { offered: Kind[]; kind: Kind; onChange: (kind: Kind) => void }) {
  return (
    <fieldset className="kinds">
      <legend>Kind</legend>
      {offered.map((k) => (
        <label key={k}>
          <input type="radio" name="kind" checked={k === kind} onChange={() => onChange(k)} />
          <span>
            <b>{kinds[k].name}</b> <span className="soft">{kinds[k].says}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
