import type { Checked, Finding } from "./data";

// Findings is what a check has tried, one thing behind the other.
export function Findings({ checked, name }: { checked: Checked; name: string }) {
  const all = checked.findings ?? [];
  const lacks = all.some((f) => f.error && f.optional);
  return (
    <section className={checked.works ? "findings" : "findings bad"} aria-label={`Check of ${name}`} role="status">
      <p className="verdict">{checked.works ? (lacks ? "It works, though not everything is there." : "It works.") : "It does not work."}</p>
      <ol>
        {all.map((f, i) => (
          <Step key={i} finding={f} />
        ))}
      </ol>
    </section>
  );
}

function Step({ finding: f }: { finding: Finding }) {
  const [kind, mark, said] = !f.error ? ["good", "✓", "works"] : f.optional ? ["lacks", "!", "can be done without"] : ["bad", "✗", "does not work"];
  return (
    <li className={kind}>
      <span className="mark" role="img" aria-label={said}>
        {mark}
      </span>
      <div>
        <b>{f.step}</b> {f.detail && !f.error && <span className="soft">{f.detail}</span>}
        {f.error && <div className="said">{f.error}</div>}
        {f.error && f.hint && <div className="hint">{f.hint}</div>}
      </div>
    </li>
  );
}
