// The draft of a pipeline: its YAML as somebody is changing it, one text for all tabs. What is not saved yet is kept by the browser
// for as long as its tab is open, under the name that the page for new pipelines writes to as well.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type ReactNode, createContext, useContext, useMemo, useState } from "react";
import type { Document } from "yaml";

import { type Schemas, answer, api } from "../../api/client";
import { useSession, useSpec } from "../../api/queries";
import { type Mistake, mistakes } from "./problems";
import { type Base, type Held, store, stored } from "./stored";
import { type Read, edit, read } from "./yaml";
import { useSettled } from "../../ui/settled";

export type { Base };

export type Draft = {
  name: string;
  text: string;
  base?: Base; // none: the config does not have the pipeline
  pending: boolean; // the text is not here yet
  error: unknown;
  changed: boolean;
  mayChange: boolean;
  read: Read;
  set: (text: string) => void;
  edit: (change: (doc: Document) => void) => void;
  discard: () => void; // goes back to what is saved
  rebase: (base: Base | undefined) => void; // takes what somebody else has saved as what was there
};

const Context = createContext<Draft | undefined>(undefined);

export function useDraft(): Draft {
  const draft = useContext(Context);
  if (!draft) throw new Error("there is no draft around");
  return draft;
}

// DraftOf holds the draft of a pipeline for all that is in it. Another pipeline takes another key.
export function DraftOf({ name, children }: { name: string; children: ReactNode }) {
  const role = useSession().data?.role;
  const saved = useSpec(name);
  const [held, hold] = useState(() => stored(name));
  const there = saved.isError ? undefined : saved.data;
  const base = held?.base ?? there;
  const text = held?.text ?? base?.yaml ?? "";
  const understood = useMemo(() => read(text), [text]);
  const keep = (next: Held | undefined) => {
    store(name, next);
    hold(next);
  };
  const set = (next: string) => keep(next === base?.yaml ? undefined : { text: next, base });
  const draft: Draft = {
    name,
    text,
    base,
    pending: saved.isPending && !held,
    error: held ? undefined : saved.error,
    changed: held !== undefined && held.text !== base?.yaml,
    mayChange: role === "admin",
    read: understood,
    set,
    edit: (change) => set(edit(text, change)),
    discard: () => keep(undefined),
    rebase: (next) => keep({ text, base: next }),
  };
  return <Context value={draft}>{children}</Context>;
}

export type Looked = {
  data?: Schemas["PreviewedBody"];
  failed?: Schemas["PreviewedBody"]["failed"];
  failedStep: number; // which of the transforms that is; -1: none
  mistakes: Mistake[];
  error: unknown; // why there is nothing, where it is no mistake of the draft
  busy: boolean; // what is here may be of an older text
};

// useLook shows what would become of the first rows if the pipeline were as the draft says, and what is wrong with it. Who may
// not change pipelines sees what becomes of them as it is.
export function useLook(): Looked {
  const { name, text, read: r, mayChange } = useDraft();
  const role = useSession().data?.role;
  const yaml = useSettled(text, 400);
  const path = { name };
  const query = { rows: 20 };
  const got = useQuery({
    queryKey: ["look", name, mayChange ? yaml : ""],
    queryFn: ({ signal }) =>
      mayChange
        ? answer(api.POST("/api/v1/pipelines/{name}/preview", { params: { path, query }, body: { yaml: yaml.trim() ? yaml : "{}" }, signal }))
        : answer(api.GET("/api/v1/pipelines/{name}/preview", { params: { path, query }, signal })),
    enabled: r.marks.length === 0 && role !== undefined && role !== "viewer",
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
  const found = useMemo(() => mistakes(got.error, name), [got.error, name]);
  const failed = got.error ? undefined : got.data?.failed;
  return {
    data: got.data,
    failed,
    failedStep: failed ? (got.data?.steps?.length ?? 1) - 1 : -1,
    mistakes: found,
    error: found.length > 0 ? undefined : got.error,
    busy: got.isFetching || yaml !== text,
  };
}
