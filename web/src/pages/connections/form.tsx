// The form of a connection: it is tried before it is saved, and what is wrong is told at the field.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useRef, useState } from "react";

import { Button, Failure } from "../../ui/parts";
import "./connections.css";
import { Mistakes, type Spec, checkDraft, saveConnection } from "./data";
import { FieldInput, Labelled } from "./field";
import { type Kind, type Values, checkValues, fieldOf, kinds, toSpec, toValues } from "./fields";
import { Findings } from "./findings";

type Props = {
  name?: string; // of the one that is changed; none: a new one
  proposed?: string; // the name of a new one, as long as nobody writes another
  spec?: Spec;
  version?: string; // that the spec has
  only?: Kind[];
  onSaved: (name: string) => void;
  extra?: ReactNode; // more buttons
};

export function ConnectionForm(props: Props) {
  const offered = props.only ?? (Object.keys(kinds) as Kind[]);
  const [kind, setKind] = useState<Kind>((props.spec?.type as Kind | undefined) ?? offered[0] ?? "mysql");
  const [name, setName] = useState(props.name ?? props.proposed ?? "");
  const [values, setValues] = useState<Values>(() => toValues(props.spec ?? {}));
  const [wrong, setWrong] = useState(new Map<string, string>());
  const form = useRef<HTMLFormElement>(null);
  const client = useQueryClient();
  const spec = () => toSpec(kind, values, props.spec ?? {});
  const failed = (error: unknown) => {
    if (error instanceof Mistakes) tell(new Map([...error.below(`connections.${name}`)].map(([key, said]) => [fieldOf(kind, key), said])));
  };
  const check = useMutation({ mutationFn: () => checkDraft(name, spec()), onError: failed });
  const save = useMutation({
    mutationFn: () => saveConnection(name, spec(), props.version),
    onError: failed,
    onSuccess: async () => {
      await client.invalidateQueries();
      props.onSaved(name);
    },
  });
  // tell shows what is wrong at its fields, and goes to the first of them.
  const tell = (found: Map<string, string>) => {
    setWrong(found);
    if (found.size > 0) requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    return found.size === 0;
  };
  const isRight = () => {
    const found = checkValues(kind, values);
    if (!/^[A-Za-z0-9_-]+$/.test(name)) found.set("name", name ? "a name has letters, digits, “_” and “-”" : "this is needed");
    else if (!props.name && name === "new") found.set("name", "another one: this is the page for a new connection");
    check.reset();
    save.reset();
    return tell(found);
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (isRight()) save.mutate();
  };
  const set = (key: string, value: string) => {
    setValues((v) => ({ ...v, [key]: value }));
    setWrong((w) => new Map([...w].filter(([k]) => k !== key)));
    check.reset();
  };
  const field = (more: boolean) =>
    kinds[kind].fields
      .filter((f) => !!f.more === more)
      .map((f) => <FieldInput key={`${kind} ${f.key}`} field={f} value={values[f.key] ?? ""} wrong={wrong.get(f.key)} onChange={(value) => set(f.key, value)} />);
  const open = kinds[kind].fields.some((f) => f.more && (values[f.key] || wrong.has(f.key)));
  const error = save.error ?? check.error;
  return (
    <form className="connection" ref={form} onSubmit={submit} noValidate aria-label={props.name ? `Connection ${props.name}` : "New connection"}>
      {!props.name && (
        <div className="fields">
          <Labelled label="Name" needed hint="Pipelines refer to it by this name." wrong={wrong.get("name")}>
            {(p) => <input {...p} value={name} placeholder={kind === "mysql" ? "shop" : "lake"} onChange={(e) => setName(e.target.value)} autoComplete="off" spellCheck={false} />}
          </Labelled>
          {offered.length > 1 && <KindChoice offered={offered} kind={kind} onChange={setKind} />}
        </div>
      )}
      <div className="fields">{field(false)}</div>
      <details key={kind} open={open || undefined}>
        <summary>More settings</summary>
        <div className="fields">{field(true)}</div>
      </details>
      {error instanceof Mistakes && wrong.size > 0 && !wrong.has("") ? null : <Failure error={error} />}
      {check.data && <Findings checked={check.data} name={name} />}
      <div className="actions">
        <Button busy={check.isPending} onClick={() => isRight() && check.mutate()}>
          {check.isPending ? "Is being tested…" : "Test"}
        </Button>
        <Button type="submit" kind="main" busy={save.isPending}>
          Save connection
        </Button>
        {props.extra}
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
