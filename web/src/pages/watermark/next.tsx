// What the next run would read, by what the source and the lake say now.
import { type Plan, usePlan } from "../../api/watch";
import { number, size } from "../../ui/format";
import { Answer, Button, Facts, Failure, Table } from "../../ui/parts";
import "../run/run.css";

export function NextRun({ pipeline }: { pipeline: string }) {
  const plan = usePlan(pipeline);
  return (
    <section aria-label="What the next run would read">
      <header className="page part">
        <h2>What the next run would read</h2>
        <Button busy={plan.isFetching} onClick={() => void plan.refetch()}>
          Ask again
        </Button>
      </header>
      <Answer of={plan}>{(data) => data.plans?.map((p) => <One key={p.pipeline} plan={p} />)}</Answer>
    </section>
  );
}

const rows = (n: number, exact: boolean) => (n < 0 ? "not known" : `${exact ? "" : "about "}${number(n)} ${n === 1 ? "row" : "rows"}`);

function One({ plan: p }: { plan: Plan }) {
  if (p.error) return <Failure error={new Error(p.error)} />;
  return (
    <>
      <Facts
        facts={[
          ["From", p.mode === "replace" ? "the whole table" : (p.from ?? "the beginning")],
          ["Rows", rows(p.rows_expected, p.rows_exact)],
          ["Of those loaded before", `${number(p.overlap_rows)}${p.overlap_reason ? `: ${p.overlap_reason}` : ""}`],
          ["Without a cursor", p.nulls < 0 ? "not known" : number(p.nulls)],
          ["Would settle up to", [p.settled_at_most ?? "–", p.settled_by && `by ${p.settled_by}`, p.held_by && `held back by ${p.held_by}`].filter(Boolean).join(", ")],
          ["Would write", p.written.rows < 0 ? "not known" : `about ${number(p.written.files)} ${p.written.files === 1 ? "file" : "files"}, ${size(p.written.bytes)}`],
        ]}
      />
      {p.warnings?.map((w) => (
        <p key={w} className="notice">
          {w}
        </p>
      ))}
      {(p.splits ?? []).length > 0 && (
        <Table label="Statements of the next run" head={["Split", "Rows", "Read by", "Statement"]}>
          {p.splits?.map((s, i) => (
            <tr key={i}>
              <td className="n">{i + 1}</td>
              <td className="n">{rows(s.rows_expected, s.rows_exact)}</td>
              <td>{s.access}</td>
              <td>
                <code className="sql">{s.sql}</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}
