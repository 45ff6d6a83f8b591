// What the next run would do, in short.
import type { Schemas } from "../../api/client";
import { number, size } from "../../ui/format";
import { Facts, Table } from "../../ui/parts";

type Plan = Schemas["Plan"];

export function Plans({ plans }: { plans: Plan[] }) {
  return plans.map((p) => (
    <section key={p.pipeline} aria-label={`Plan of ${p.pipeline}`}>
      {plans.length > 1 && <h4>{p.pipeline}</h4>}
      <OnePlan plan={p} />
    </section>
  ));
}

function OnePlan({ plan: p }: { plan: Plan }) {
  if (p.error) {
    return (
      <div className="failure" role="alert">
        <p>A run would fail: {p.error}</p>
      </div>
    );
  }
  const rows = p.rows_expected < 0 ? "not known" : `${p.rows_exact ? "" : "about "}${number(p.rows_expected)}`;
  return (
    <>
      <Facts
        facts={[
          ["Table", `${p.table.namespace}.${p.table.name}, ${p.table_new ? "which is new" : "which is there"}`],
          ["Format and mode", `${p.format}, ${p.mode}`],
          ["Rows to read", rows],
          ["From", p.cursor ? `${p.cursor}, ${p.from ? `from ${p.from}` : "from the beginning"}` : "the whole table"],
          ["To be written", p.written.rows < 0 ? "not known" : `${number(p.written.rows)} rows, about ${size(p.written.bytes)}`],
          ["Steps", p.transforms?.join(", ") || "none"],
        ]}
      />
      {[...(p.changes ?? []), ...(p.warnings ?? [])].map((text) => (
        <p key={text} className="notice">
          {text}
        </p>
      ))}
      <Table label="Columns of the plan" head={["Column", "From", "In the source", "In the lake"]}>
        {(p.columns ?? []).map((c) => (
          <tr key={c.name}>
            <td className="mono">{c.name}</td>
            <td className="mono">{c.computed ? <span className="soft">computed</span> : (c.from ?? c.name)}</td>
            <td>{c.source_type || "–"}</td>
            <td>{c.type}</td>
          </tr>
        ))}
      </Table>
      {p.dropped && p.dropped.length > 0 && <p className="soft">Not loaded: {p.dropped.join(", ")}.</p>}
    </>
  );
}
