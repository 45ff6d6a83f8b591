// What comes out of the selected node: its columns, and the first rows.
import { Empty, Failure, Table } from "../../ui/parts";
import { number } from "../../ui/format";
import type { Looked } from "./draft";
import type { Column } from "./spec";

type Props = {
  look: Looked;
  stage: number; // of what was looked at: 0 is what the source gives
  step: boolean; // the node is a step: what it changes is marked
  renamed: Record<string, string>; // by it: the old names by the new ones
  role: string | undefined;
};

export function Output({ look, stage, step, renamed, role }: Props) {
  if (role === "viewer") return <Empty>Rows of the source are shown to operators and admins.</Empty>;
  const at = look.data?.steps?.[stage];
  const before = step ? look.data?.steps?.[stage - 1]?.columns : undefined;
  const blocked = look.mistakes.length > 0 || look.error;
  return (
    <div className="output" aria-busy={look.busy}>
      {look.error ? <Failure error={look.error} /> : null}
      {blocked ? <p className="soft">There is no preview until that is mended.</p> : null}
      {!blocked && !at && (look.data ? <Empty>{stage === look.failedStep + 1 ? "This step cannot be done yet." : "A step before this one cannot be done yet."}</Empty> : <p className="soft">Reading the first rows…</p>)}
      {!blocked && at && (
        <>
          <h2>Output schema</h2>
          <Schema columns={at.columns ?? []} before={before ?? undefined} renamed={renamed} />
          <h2>Data preview</h2>
          <p className="soft">
            {stage === 0 ? `The first of ${number(look.data?.rows_read)} rows` : `What becomes of the first ${number(look.data?.rows_read)} rows`}
            {look.data?.loaded ? "; they are loaded already: the next run would read none" : ""}. Nothing is written.
          </p>
          <Rows columns={at.columns ?? []} rows={at.rows ?? []} />
        </>
      )}
    </div>
  );
}

function Schema({ columns, before, renamed }: { columns: Column[]; before?: Column[]; renamed: Record<string, string> }) {
  const was = new Map(before?.map((c) => [c.name, c.type]));
  const gone = before?.filter((b) => !columns.some((c) => c.name === b.name || renamed[c.name] === b.name)) ?? [];
  const change = (c: Column): string => {
    const name = renamed[c.name] ?? c.name;
    const type = was.get(name);
    if (!before) return "";
    if (type === undefined) return "new";
    return [name !== c.name && name, type !== c.type && type].filter(Boolean).join(" ");
  };
  return (
    <ul className="schema" aria-label="Output schema">
      {columns.map((c) => (
        <li key={c.name} className={change(c) ? "changed" : ""}>
          <span className="mono">{c.name}</span> <span className="soft">{c.type}</span>
          {change(c) && <em> {change(c) === "new" ? "new" : `was ${change(c)}`}</em>}
        </li>
      ))}
      {gone.map((c) => (
        <li key={`gone ${c.name}`} className="gone">
          <s className="mono">{c.name}</s> <em>gone</em>
        </li>
      ))}
    </ul>
  );
}

function Rows({ columns, rows }: { columns: Column[]; rows: (unknown[] | null)[] }) {
  if (rows.length === 0) return <Empty>No row comes out.</Empty>;
  return (
    <Table label="Data preview" head={columns.map((c) => c.name)}>
      {rows.map((row, i) => (
        <tr key={i}>
          {row?.map((v, j) => (
            <td key={j} className={typeof v === "number" ? "n" : "value"}>
              {v === null ? <span className="soft">NULL</span> : <span className="mono">{typeof v === "object" ? JSON.stringify(v) : String(v)}</span>}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
