// How a table is loaded: what is proposed with the reason for each, what its user makes of it, the plan, and the first run.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../../api/client";
import { usePipelines } from "../../api/queries";
import { number, size } from "../../ui/format";
import { Answer, Button, Facts, Table } from "../../ui/parts";
import { useConnections } from "../../api/queries";
import { Mistakes } from "../connections/data";
import { ConnectionForm } from "../connections/form";
import { type Draft, type SourceTable, checkDraft, fieldOf, proposed, yamlOf } from "./draft";
import { Finish, usePlan } from "./finish";
import { DraftForm } from "./form";

export function Load({ connection, table }: { connection: string; table: string }) {
  const found = useQuery({
    queryKey: ["table", connection, table],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/connections/{name}/tables/{table}", { params: { path: { name: connection, table } }, signal })),
    retry: false,
    staleTime: Infinity, // what is proposed stays while somebody looks at it
    gcTime: 0,
  });
  const connections = useConnections();
  return (
    <Answer of={found}>
      {(t) => (
        <>
          <About table={t} />
          <Answer of={connections}>{(c) => <Target table={t} lakes={(c.connections ?? []).filter((one) => one.lake).map((one) => one.name)} />}</Answer>
        </>
      )}
    </Answer>
  );
}

function About({ table: t }: { table: SourceTable }) {
  const columns = t.columns ?? [];
  return (
    <>
      <Facts
        facts={[
          ["Rows, as the server guesses", t.rows < 0 ? "–" : number(t.rows)],
          ["Size there", t.bytes < 0 ? "–" : size(t.bytes)],
          ["Primary key", t.key?.join(", ") || "none"],
          ["Columns", number(columns.length)],
        ]}
      />
      <details className="columns">
        <summary>Columns of the table</summary>
        <Table label="Columns of the table" head={["Column", "In MySQL", "In the lake", "Key", "Comment"]}>
          {columns.map((c) => (
            <tr key={c.name}>
              <td>{c.name}</td>
              <td className="mono">{c.source_type}</td>
              <td className="mono">
                {c.type}
                {!c.nullable && " not null"}
              </td>
              <td>{c.key ? "primary" : (t.unique ?? []).some((u) => u?.includes(c.name)) ? "unique" : ""}</td>
              <td>{c.comment}</td>
            </tr>
          ))}
        </Table>
      </details>
    </>
  );
}

// Target needs a lake: where there is none, one is made first.
function Target({ table, lakes }: { table: SourceTable; lakes: string[] }) {
  const [draft, setDraft] = useState<Draft>(() => proposed(table, lakes[0] ?? ""));
  const [fresh, setFresh] = useState(false);
  if (!fresh && lakes.length > 0) return <Proposal table={table} draft={draft} lakes={lakes} onChange={setDraft} onNewLake={() => setFresh(true)} />;
  return (
    <section aria-label="Lake">
      <h3>Where the rows go</h3>
      <p className="soft">A lake is a folder of the server's machine, or a bucket. Everything that is loaded lies below it, and nothing else needs to be installed.</p>
      <ConnectionForm
        only={["file", "s3"]}
        proposed={lakes.includes("lake") ? "" : "lake"}
        onSaved={(name) => {
          setDraft((d) => ({ ...d, lake: name }));
          setFresh(false);
        }}
        extra={lakes.length > 0 && <Button onClick={() => setFresh(false)}>Choose one that is there</Button>}
      />
    </section>
  );
}

type ProposalProps = { table: SourceTable; draft: Draft; lakes: string[]; onChange: (d: Draft) => void; onNewLake: () => void };

function Proposal({ table, draft, lakes, onChange, onNewLake }: ProposalProps) {
  const pipelines = usePipelines();
  const wrong = checkDraft(table, draft, (pipelines.data?.pipelines ?? []).map((p) => p.name));
  const yaml = yamlOf(table, draft);
  const plan = usePlan(draft.name, yaml, wrong.size === 0);
  return (
    <>
      <DraftForm table={table} draft={draft} lakes={lakes} wrong={new Map([...told(plan.error, draft.name), ...wrong])} onChange={onChange} onNewLake={onNewLake} />
      <Finish name={draft.name} yaml={yaml} right={wrong.size === 0} plan={plan} />
    </>
  );
}

// told is what the server says of fields of the form.
function told(error: unknown, name: string): [string, string][] {
  if (!(error instanceof Mistakes)) return [];
  return [...error.below(`pipelines.${name}`)].map(([key, said]) => [fieldOf(key) ?? key, said]);
}
