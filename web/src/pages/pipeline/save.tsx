// Saving a draft: what changes in the config, and what the next run would do.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";

import { Problem, answer, api } from "../../api/client";
import { Button, Failure, Loading } from "../../ui/parts";
import { type Base, type Draft, useDraft } from "./draft";
import { around, diff } from "./lines";
import { Plans } from "./plan";
import { mistakes } from "./problems";

// Unsaved tells of a draft that is not saved, on each tab.
export function Unsaved() {
  const draft = useDraft();
  const [open, setOpen] = useState(false);
  const [sure, setSure] = useState(false);
  const [, go] = useLocation();
  if (!draft.changed || !draft.mayChange) return null;
  const discard = () => {
    draft.discard();
    if (!draft.base) go("/pipelines");
  };
  const broken = draft.read.marks.length > 0;
  return (
    <div className="notice unsaved" role="status">
      <span>
        {draft.base ? "There are unsaved changes." : "This pipeline is not in the config yet."}
        {broken && " The text is no YAML, so nothing can be saved."}
      </span>
      <span className="actions">
        {sure ? (
          <>
            <Button kind="danger" onClick={discard}>
              Throw them away
            </Button>
            <Button onClick={() => setSure(false)}>Keep them</Button>
          </>
        ) : (
          <Button onClick={() => setSure(true)}>Discard</Button>
        )}
        <Button kind="main" busy={broken} onClick={() => setOpen(true)}>
          Review and save
        </Button>
      </span>
      {open && <SaveDialog draft={draft} close={() => setOpen(false)} />}
    </div>
  );
}

function SaveDialog({ draft, close }: { draft: Draft; close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const { name, text } = draft;
  const save = useSave(draft, close);
  const plan = useQuery({
    queryKey: ["draft-plan", name, text],
    queryFn: ({ signal }) => answer(api.POST("/api/v1/pipelines/{name}/plan", { params: { path: { name } }, body: { yaml: text }, signal })),
    retry: false,
    refetchOnWindowFocus: false,
  });
  useEffect(() => box.current?.showModal(), []);
  const wrong = mistakes(plan.error, name);
  return (
    <dialog ref={box} className="save" aria-labelledby="save-title" onClose={close}>
      <header>
        <h2 id="save-title">{draft.base ? `Save ${name}` : `Add ${name} to the config`}</h2>
        <Button onClick={close}>Cancel</Button>
      </header>
      <div className="body" tabIndex={0} role="region" aria-label="What is saved">
        {save.conflict && (
          <div className="failure" role="alert">
            <p>{save.conflict.base ? "Somebody else has changed this pipeline since you began." : "Somebody else has removed this pipeline since you began."} Nothing was saved.</p>
            <p className="actions">
              <Button onClick={save.lookAgain}>Look again</Button>
            </p>
          </div>
        )}
        <Failure error={save.error} />
        <h3>Changes</h3>
        <Changes before={draft.base?.yaml ?? ""} after={text} />
        <h3>What the next run would do</h3>
        {plan.isPending && <Loading />}
        {wrong.length > 0 ? (
          <div className="failure" role="alert">
            {wrong.map((m) => (
              <p key={m.path.join(".") + m.message}>
                {m.path.join(".")}: {m.message}
              </p>
            ))}
          </div>
        ) : (
          <Failure error={plan.error} />
        )}
        {plan.data && <Plans plans={plan.data.plans ?? []} />}
      </div>
      <footer className="actions">
        <Button kind="main" busy={save.busy || !!save.conflict || wrong.length > 0 || plan.isPending} onClick={() => void save.now()}>
          Save
        </Button>
      </footer>
    </dialog>
  );
}

// Changes shows what a text becomes, line by line.
export function Changes({ before, after }: { before: string; after: string }) {
  return (
    <pre className="text diff" tabIndex={0} aria-label="Changes of the YAML">
      {around(diff(before, after)).map((l, i) =>
        typeof l === "number" ? (
          <div key={i} className="soft">
            … {l} more {l === 1 ? "line" : "lines"}
          </div>
        ) : (
          <div key={i} className={l.kind}>
            {l.kind === "same" ? " " : l.kind === "new" ? "+" : "−"} {l.text}
          </div>
        ),
      )}
    </pre>
  );
}

type Conflict = { base: Base | undefined };

function useSave(draft: Draft, close: () => void) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [conflict, setConflict] = useState<Conflict>();
  const path = { name: draft.name };

  const put = (base: Base | undefined) =>
    answer(api.PUT("/api/v1/pipelines/{name}", { params: { path, header: base ? { "If-Match": `"${base.version}"` } : { "If-None-Match": "*" } }, body: { yaml: draft.text } }));

  const latest = async (): Promise<Base | undefined> => {
    try {
      return await answer(api.GET("/api/v1/pipelines/{name}/spec", { params: { path } }));
    } catch (e) {
      if (e instanceof Problem && e.status === 404) return undefined;
      throw e;
    }
  };

  // The version is that of the whole file: where only other places of it have changed there is no conflict.
  const save = async () => {
    try {
      await put(draft.base);
    } catch (e) {
      if (!(e instanceof Problem) || e.status !== 412) throw e;
      const now = await latest();
      if (now?.yaml !== draft.base?.yaml) {
        setConflict({ base: now });
        return;
      }
      await put(now);
    }
    const saved = await latest();
    client.setQueryData(["spec", draft.name], saved);
    await client.invalidateQueries({ queryKey: ["pipelines"] }); // a new one is a page of its own from now on
    draft.discard();
    close();
    await client.invalidateQueries();
  };

  return {
    busy,
    error,
    conflict,
    now: async () => {
      setBusy(true);
      setError(undefined);
      await save().catch(setError);
      setBusy(false);
    },
    lookAgain: () => {
      draft.rebase(conflict?.base);
      setConflict(undefined);
    },
  };
}
