import type { Schemas } from "../../api/client";
import { number, size } from "../../ui/format";
import { Facts, Table } from "../../ui/parts";

type Plan = Schemas["Plan"];

// PlanView is what a run would do. An old plan is one of what the form said before.
export function PlanView({ plan: p, old }: { plan: Plan; old: boolean }) {
  if (p.error) {
    return (
      <div className={old ? "failure old" : "failure"} role="alert">
        <p>{p.error}</p>
      </div>
    );
  }
  const w = p.written;
  return (
    <div className={old ? "plan old" : "plan"}>
      <Facts
        facts={[
          ["Reads", p.rows_expected < 0 ? "the table" : `${p.rows_exact ? "" : "about "}${number(p.rows_expected)} rows`],
          ["From", p.cursor ? (p.from ? `${p.cursor} ≥ ${p.from}` : "the beginning") : "the beginning, each time"],
          ["In", `${number(p.splits?.length ?? 0)} ${p.splits?.length === 1 ? "split" : "splits"}`],
          ["Writes", w.bytes < 0 ? "–" : `about ${size(w.bytes)} in ${number(w.files)} ${w.files === 1 ? "file" : "files"}`],
          ["Into", `${p.table.namespace}.${p.table.name}${p.table_new ? ", a new table" : ""}`],
          ["Mode", [p.mode, p.key?.length ? `by ${p.key.join(", ")}` : ""].filter(Boolean).join(" ")],
        ]}
      />
      {[...(p.warnings ?? []), ...(p.changes ?? [])].map((w) => (
        <p key={w} className="notice">
          {w}
        </p>
      ))}
      <details className="columns">
        <summary>Columns in the lake ({number(p.columns?.length ?? 0)})</summary>
        <Table label="Columns in the lake" head={["Column", "In MySQL", "In the lake"]}>
          {p.columns?.map((c) => (
            <tr key={c.name}>
              <td>{c.name}</td>
              <td className="mono">{c.source_type}</td>
              <td className="mono">{c.type}</td>
            </tr>
          ))}
        </Table>
      </details>
    </div>
  );
}
