// The pipeline as a canvas: nodes, what the selected one says, and what comes out of it.
import { useMemo, useState } from "react";

import { useSession } from "../../api/queries";
import { Button, Failure, Loading } from "../../ui/parts";
import Canvas, { type Item, type NodeKind } from "./canvas";
import { type Draft, type Looked, useDraft, useLook } from "./draft";
import { Output } from "./output";
import { ChecksPanel, firstCheck } from "./panel/checks";
import { SchemaPanel } from "./panel/schema";
import { SourcePanel } from "./panel/source";
import { SQLPanel } from "./panel/sql";
import { TargetPanel } from "./panel/target";
import { reason } from "./problems";
import { type Column, type Path, type Spec, checkName, kindOf, sourceText, stepTitle, targetText } from "./spec";
import { add, move, remove } from "./yaml";

export default function Visual() {
  const draft = useDraft();
  if (draft.pending) return <Loading />;
  if (draft.error) return <Failure error={draft.error} />;
  if (!draft.read.spec) {
    return (
      <div className="failure" role="alert">
        <p>There is nothing to draw. {draft.read.why}</p>
        <p className="hint">Mend it in the tab Spec.</p>
      </div>
    );
  }
  return <Drawn draft={draft} spec={draft.read.spec} />;
}

function Drawn({ draft, spec }: { draft: Draft; spec: Spec }) {
  const look = useLook();
  const role = useSession().data?.role;
  const [wanted, choose] = useState("source");
  const items = useMemo(() => itemsOf(spec, look), [spec, look.failedStep, look.failed, look.mistakes]);
  const item = items.find((i) => i.id === wanted) ?? items[0]!;
  const steps = spec.transforms.length;
  const stage = item.kind === "source" ? 0 : item.step !== undefined ? item.step + 1 : steps;
  const act = actsOf(draft, spec, look, item, choose);
  return (
    <>
      {draft.mayChange && <Palette add={act.add} />}
      <div className="visual">
        <Canvas items={items} chosen={item.id} choose={choose} mayChange={draft.mayChange} remove={act.remove} move={act.move} />
        <section className="panel" aria-label={`Properties of ${item.title}`}>
          <header>
            <h2>{item.title}</h2>
            {draft.mayChange && <NodeActs item={item} steps={steps} act={act} />}
          </header>
          <fieldset disabled={!draft.mayChange} className="plain">
            <Panel item={item} look={look} stage={stage} />
          </fieldset>
          {item.problem && item.kind !== "sql" && (
            <p className="problem" role="alert">
              {item.problem}
            </p>
          )}
        </section>
        <section className="result" aria-label={`What comes out of ${item.title}`}>
          <OtherMistakes look={look} items={items} item={item} />
          <Output look={look} stage={stage} step={item.step !== undefined} renamed={renamedBy(spec, item.step)} role={role} />
        </section>
      </div>
    </>
  );
}

function renamedBy(spec: Spec, step: number | undefined): Record<string, string> {
  const changes = Object.entries((step === undefined ? undefined : spec.transforms[step]?.change_schema) ?? {});
  return Object.fromEntries(changes.flatMap(([from, c]) => (c?.rename ? [[c.rename, from]] : [])));
}

type Acts = { add: (kind: "change_schema" | "sql" | "check") => void; remove: (item: Item) => void; move: (from: number, to: number) => void };

// actsOf is what can be done with nodes. A new step stands behind the selected one.
function actsOf(draft: Draft, spec: Spec, look: Looked, item: Item, choose: (id: string) => void): Acts {
  const steps = spec.transforms.length;
  return {
    add: (kind) => {
      if (kind === "check") {
        if (spec.checks.length === 0) draft.edit((doc) => add(doc, "checks", firstCheck(look.data?.steps?.[steps]?.columns ?? []), true));
        choose("checks");
        return;
      }
      const at = item.step !== undefined ? item.step + 1 : item.kind === "source" ? 0 : steps;
      draft.edit((doc) => add(doc, "transforms", kind === "sql" ? { sql: "SELECT * FROM rows" } : { change_schema: {} }, false, at));
      choose(`step-${at}`);
    },
    remove: (gone) => {
      if (gone.step !== undefined) draft.edit((doc) => remove(doc, "transforms", gone.step!));
      if (gone.kind === "checks") draft.edit((doc) => doc.delete("checks"));
      if (gone.id === item.id) choose(gone.step ? `step-${gone.step - 1}` : "source");
    },
    move: (from, to) => {
      if (to < 0 || to >= steps) return;
      draft.edit((doc) => move(doc, "transforms", from, to));
      if (item.step === from) choose(`step-${to}`);
    },
  };
}

function Palette({ add: put }: { add: Acts["add"] }) {
  return (
    <div className="palette" role="toolbar" aria-label="Add to the pipeline">
      <span className="soft">Add</span>
      <Button onClick={() => put("change_schema")}>Change Schema</Button>
      <Button onClick={() => put("sql")}>SQL Query</Button>
      <Button onClick={() => put("check")}>Checks</Button>
    </div>
  );
}

function NodeActs({ item, steps, act }: { item: Item; steps: number; act: Acts }) {
  const step = item.step;
  if (step === undefined && item.kind !== "checks") return null;
  return (
    <span className="actions">
      {step !== undefined && step > 0 && <Button onClick={() => act.move(step, step - 1)}>Move earlier</Button>}
      {step !== undefined && step < steps - 1 && <Button onClick={() => act.move(step, step + 1)}>Move later</Button>}
      <Button kind="danger" onClick={() => act.remove(item)}>
        Remove
      </Button>
    </span>
  );
}

function Panel({ item, look, stage }: { item: Item; look: Looked; stage: number }) {
  const stages = look.data?.steps ?? [];
  const columnsOf = (n: number): Column[] => stages[n]?.columns ?? [];
  const marks = useMemo(() => {
    const f = look.failed;
    return f && look.failedStep === item.step ? [{ line: f.line ?? 1, column: f.column, message: reason(f) }] : [];
  }, [look.failed, look.failedStep, item.step]);
  switch (item.kind) {
    case "source":
      return <SourcePanel columns={columnsOf(0)} />;
    case "change_schema":
      return <SchemaPanel key={item.id} step={item.step!} columns={columnsOf(stage - 1)} />;
    case "sql":
      return <SQLPanel key={item.id} step={item.step!} columns={columnsOf(stage - 1)} marks={marks} />;
    case "go":
      return <p className="soft">A Go func of the program that runs the pipeline. It is named in the YAML.</p>;
    case "checks":
      return <ChecksPanel columns={columnsOf(stage)} />;
    case "target":
      return <TargetPanel columns={columnsOf(stage)} />;
  }
}

function OtherMistakes({ look, items, item }: { look: Looked; items: Item[]; item: Item }) {
  const others = items.filter((i) => i.problem && i.id !== item.id);
  const nowhere = look.mistakes.filter((m) => !nodeOf(m.path));
  if (others.length === 0 && nowhere.length === 0) return null;
  return (
    <ul className="problem">
      {others.map((i) => (
        <li key={i.id}>
          {i.title}: {i.problem}
        </li>
      ))}
      {nowhere.map((m) => (
        <li key={m.message}>
          {m.path.join(".")} {m.message}
        </li>
      ))}
    </ul>
  );
}

// nodeOf is the node that what is at a path belongs to.
function nodeOf(path: Path): string | undefined {
  const [top, at] = path;
  if (top === "transforms") return typeof at === "number" ? `step-${at}` : undefined;
  return top === "source" || top === "target" || top === "checks" ? top : undefined;
}

function itemsOf(spec: Spec, look: Looked): Item[] {
  const problem = (id: string) => look.mistakes.find((m) => nodeOf(m.path) === id)?.message ?? (look.failed && id === `step-${look.failedStep}` ? reason(look.failed) : undefined);
  const item = (id: string, kind: NodeKind, title: string, text: string, step?: number): Item => ({ id, kind, title, text, step, problem: problem(id) });
  return [
    item("source", "source", "Source", sourceText(spec)),
    ...spec.transforms.map((s, i) => {
      const kind = kindOf(s);
      const count = Object.keys(s.change_schema ?? {}).length;
      return item(`step-${i}`, kind, stepTitle(s), kind === "sql" ? (s.sql ?? "").trim() : kind === "go" ? (s.go ?? "") : count === 1 ? "1 column" : `${count} columns`, i);
    }),
    ...(spec.checks.length > 0 ? [item("checks", "checks", spec.checks.length === 1 ? "1 check" : `${spec.checks.length} checks`, spec.checks.map(checkName).join(", "))] : []),
    item("target", "target", "Target", targetText(spec)),
  ];
}
