// The small set of parts that pages are made of.
import { type ReactNode, useEffect, useState } from "react";
import { Link } from "wouter";

import { Problem, type Run } from "../api/client";
import { ago, exact } from "./format";

// useNow is the time, each second anew.
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function When({ at, now }: { at: string | undefined; now: number }) {
  return at ? (
    <time dateTime={at} title={exact(at)}>
      {ago(at, now)}
    </time>
  ) : (
    <span className="soft">never</span>
  );
}

export function State({ state }: { state: string }) {
  return <span className={`state ${state}`}>{state}</span>;
}

export function Button(props: { onClick?: () => void; children: ReactNode; busy?: boolean; kind?: "main" | "plain" | "danger"; type?: "submit" | "button"; label?: string }) {
  return (
    <button type={props.type ?? "button"} className={`button ${props.kind ?? "plain"}`} onClick={props.onClick} disabled={props.busy} aria-busy={props.busy} aria-label={props.label}>
      {props.children}
    </button>
  );
}

export function Failure({ error }: { error: unknown }) {
  if (!error) return null;
  const hint = error instanceof Problem ? error.hint : undefined;
  return (
    <div className="failure" role="alert">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {hint && <p className="hint">{hint}</p>}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}

export function Loading() {
  return (
    <p className="soft" role="status">
      Loading…
    </p>
  );
}

// Answer shows what was asked for, once it is there, and why it is not.
export function Answer<T>({ of, children }: { of: { data?: T; error: unknown; isPending: boolean }; children: (data: T) => ReactNode }) {
  return (
    <>
      <Failure error={of.error} />
      {of.data !== undefined ? children(of.data) : of.isPending && <Loading />}
    </>
  );
}

export function Page({ title, actions, children }: { title: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    if (typeof title === "string") document.title = `${title} · Tidemark`;
  }, [title]);
  return (
    <main id="content" tabIndex={-1}>
      <header className="page">
        <h1>{title}</h1>
        <div className="actions">{actions}</div>
      </header>
      {children}
    </main>
  );
}

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// Table has its own scroll bar where the page is too narrow, and can be scrolled by the keyboard then.
export function Table({ label, head, children }: { label: string; head: ReactNode[]; children: ReactNode }) {
  return (
    <div className="table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((h, i) => (
              <th key={i} scope="col">
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export const runPath = (id: string) => `/runs/${encodeURIComponent(id)}`;
export const pipelinePath = (name: string) => `/pipelines/${encodeURIComponent(name)}`;

export function RunLink({ run }: { run: Run }) {
  return (
    <Link href={runPath(run.id)} className="mono" aria-label={`run ${run.id}`}>
      {run.id.slice(0, 10)}…
    </Link>
  );
}

// why says what a run was wanted for.
export function why(run: Run): string {
  const c = run.causes?.[0];
  if (!c) return "–";
  const what = c.kind === "manual" || c.kind === "webhook" ? `${c.kind}${c.by ? ` by ${c.by}` : ""}` : c.kind;
  const more = (run.causes?.length ?? 1) - 1;
  return more > 0 ? `${what} and ${more} more` : what;
}

// cause is one of those in full: what started it, who, and why.
export function cause(c: NonNullable<Run["causes"]>[number]): string {
  const what = c.trigger ? `trigger ${c.trigger}` : c.kind;
  return [`${what}${c.by ? ` by ${c.by}` : ""}`, c.detail].filter(Boolean).join(": ");
}
