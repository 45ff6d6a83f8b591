// What was asked before, and what is saved: both in this browser alone.
import { duration, number } from "../../ui/format";
import { Button, Empty, Table, When, useNow } from "../../ui/parts";
import type { Past, Saved } from "./store";

export function PastList({ past, open, forget }: { past: Past[]; open: (sql: string) => void; forget: () => void }) {
  const now = useNow();
  if (past.length === 0) return <Empty>Nothing was asked yet. The last 100 queries stand here, and are kept in this browser alone.</Empty>;
  return (
    <>
      <div className="took">
        <p className="soft">The last 100 queries, kept in this browser alone.</p>
        <Button onClick={forget}>Forget all</Button>
      </div>
      <Table label="History" head={["When", "SQL", "Took", "Rows", ""]}>
        {past.map((p, i) => (
          <tr key={`${p.at}${i}`}>
            <td className="nowrap">
              <When at={p.at} now={now} />
            </td>
            <td>
              <code className="sql">{p.sql}</code>
              {p.error && <div className="problem">{p.error}</div>}
            </td>
            <td className="nowrap">{duration(p.seconds)}</td>
            <td className="n">{p.rows === undefined ? "–" : `${number(p.rows)}${p.more ? "+" : ""}`}</td>
            <td>
              <Button onClick={() => open(p.sql)}>Open</Button>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

export function SavedList({ saved, open, drop }: { saved: Saved[]; open: (sql: string, name: string) => void; drop: (name: string) => void }) {
  if (saved.length === 0) return <Empty>Nothing is saved yet. “Save as…” keeps a query under a name, in this browser alone.</Empty>;
  return (
    <>
      <p className="soft">Kept in this browser alone: another one, or another person, does not see them.</p>
      <Table label="Saved queries" head={["Name", "SQL", ""]}>
        {saved.map((s) => (
          <tr key={s.name}>
            <td>{s.name}</td>
            <td>
              <code className="sql">{s.sql}</code>
            </td>
            <td className="nowrap">
              <Button label={`Open ${s.name}`} onClick={() => open(s.sql, s.name)}>
                Open
              </Button>{" "}
              <Button label={`Remove ${s.name}`} onClick={() => drop(s.name)}>
                Remove
              </Button>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
