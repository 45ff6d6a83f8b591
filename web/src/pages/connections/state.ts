// What the form of a connection knows, and what it does.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { Mistakes, type Spec, checkDraft, saveConnection } from "./data";
import { type Kind, type Values, checkValues, fieldOf, kinds, toSpec, toValues } from "./fields";

export type About = {
  name?: string; // of the one that is changed; none: a new one
  proposed?: string; // the name of a new one, as long as nobody writes another
  spec?: Spec;
  version?: string; // that the spec has
  only?: Kind[];
  onSaved: (name: string) => void;
};

export function useConnectionForm(about: About) {
  const offered = about.only ?? (Object.keys(kinds) as Kind[]);
  const [kind, setKind] = useState<Kind>((about.spec?.type as Kind | undefined) ?? offered[0] ?? "mysql");
  const [name, setName] = useState(about.name ?? about.proposed ?? "");
  const [values, setValues] = useState<Values>(() => toValues(about.spec ?? {}));
  const [wrong, setWrong] = useState(new Map<string, string>());
  const form = useRef<HTMLFormElement>(null);
  const client = useQueryClient();
  const spec = () => toSpec(kind, values, about.spec ?? {});
  // tell shows what is wrong at its fields, and goes to the first of them.
  const tell = (found: Map<string, string>) => {
    setWrong(found);
    if (found.size > 0) requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    return found.size === 0;
  };
  const onError = (error: unknown) => {
    if (error instanceof Mistakes) tell(new Map([...error.below(`connections.${name}`)].map(([key, said]) => [fieldOf(kind, key), said])));
  };
  const check = useMutation({ mutationFn: () => checkDraft(name, spec()), onError });
  const save = useMutation({
    mutationFn: () => saveConnection(name, spec(), about.version),
    onError,
    onSuccess: async () => {
      await client.invalidateQueries();
      about.onSaved(name);
    },
  });
  // begin forgets what was said of what the form held before.
  const begin = (without?: string) => {
    setWrong((w) => new Map(without === undefined ? [] : [...w].filter(([key]) => key !== without)));
    check.reset();
    save.reset();
  };
  const isRight = () => {
    begin();
    return tell(new Map([...nameMistake(name, !about.name), ...checkValues(kind, values)]));
  };
  return {
    offered, kind, name, values, wrong, form, check, save,
    turn: (to: Kind) => (setKind(to), begin()),
    rename: (to: string) => (setName(to), begin("name")),
    set: (key: string, value: string) => (setValues((v) => ({ ...v, [key]: value })), begin(key)),
    tryIt: () => isRight() && check.mutate(),
    keep: () => isRight() && save.mutate(),
  };
}

function nameMistake(name: string, fresh: boolean): [string, string][] {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return [["name", name ? "a name has letters, digits, “_” and “-”" : "this is needed"]];
  return fresh && name === "new" ? [["name", "another one: this is the page for a new connection"]] : [];
}
