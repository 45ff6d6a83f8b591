// A pipeline from nothing: a source, one of its tables, how it is loaded, and its first run.
import { type ReactNode, useEffect, useRef } from "react";
import { useSearchParams } from "wouter";

import { useSession } from "../../api/queries";
import { Button, Empty, Loading, Page } from "../../ui/parts";
import "../connections/connections.css";
import { Load } from "./load";
import "./new.css";
import { Source } from "./source";
import { Tables } from "./tables";

// NewPipeline keeps what was chosen in its address, so that the browser's way back goes a step back.
export function NewPipeline() {
  const session = useSession();
  const [chosen, choose] = useSearchParams();
  const connection = chosen.get("connection") ?? "";
  const table = connection ? (chosen.get("table") ?? "") : "";
  if (!session.data) return <Loading />;
  if (session.data.role !== "admin") {
    return (
      <Page title="New pipeline">
        <Empty>Pipelines are made by an admin.</Empty>
      </Page>
    );
  }
  return (
    <Page title="New pipeline">
      <Step n={1} title="Source" chosen={connection} onChange={() => choose({})}>
        <Source onChoose={(name) => choose({ connection: name })} />
      </Step>
      <Step n={2} title="Table" waits={!connection} chosen={table} onChange={() => choose({ connection })}>
        <Tables connection={connection} onChoose={(t) => choose({ connection, table: t })} />
      </Step>
      <Step n={3} title="Load" waits={!table}>
        <Load connection={connection} table={table} key={`${connection} ${table}`} />
      </Step>
    </Page>
  );
}

type StepProps = { n: number; title: string; chosen?: string; waits?: boolean; onChange?: () => void; children: ReactNode };

// Step is open when it is its turn, and says what was chosen when it is over. Who comes to it begins at its title.
function Step({ n, title, chosen, waits, onChange, children }: StepProps) {
  const head = useRef<HTMLHeadingElement>(null);
  const open = !waits && !chosen;
  const before = useRef(open);
  useEffect(() => {
    if (open && !before.current) head.current?.focus();
    before.current = open;
  }, [open]);
  return (
    <section className={waits ? "step waits" : "step"} aria-label={title} aria-current={open ? "step" : undefined}>
      <header>
        <h2 ref={head} tabIndex={-1}>
          {n}. {title}
        </h2>
        {chosen && (
          <>
            <span className="chosen">{chosen}</span>
            <Button onClick={onChange} label={`Change the ${title.toLowerCase()}`}>
              Change
            </Button>
          </>
        )}
      </header>
      {open && children}
    </section>
  );
}
