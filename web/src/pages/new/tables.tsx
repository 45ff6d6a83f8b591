import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { answer, api } from "../../api/client";
import { number } from "../../ui/format";
import { Answer, Button, Empty, Failure } from "../../ui/parts";
import { checkConnection } from "../connections/data";
import { Findings } from "../connections/findings";

const atOnce = 200;

// Tables lists the tables of a source, of which there may be thousands.
export function Tables({ connection, onChoose }: { connection: string; onChoose: (table: string) => void }) {
  const tables = useQuery({
    queryKey: ["tables", connection],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/connections/{name}/tables", { params: { path: { name: connection } }, signal })),
    retry: false,
  });
  const [wanted, setWanted] = useState("");
  if (tables.error) return <Unreachable connection={connection} error={tables.error} onRetry={() => void tables.refetch()} />;
  return (
    <Answer of={tables}>
      {(data) => {
        const all = data.tables ?? [];
        if (all.length === 0) return <Empty>The user of {connection} sees no tables there: grant it SELECT on those that are to be loaded.</Empty>;
        const words = wanted.toLowerCase().split(/\s+/);
        const found = all.map(nameOf).filter((name) => words.every((w) => name.toLowerCase().includes(w)));
        const first = (e: FormEvent) => {
          e.preventDefault();
          if (wanted && found[0]) onChoose(found[0]);
        };
        return (
          <>
            <form className="filters" onSubmit={first}>
              <label>
                Find a table
                <input type="search" value={wanted} onChange={(e) => setWanted(e.target.value)} autoFocus spellCheck={false} />
              </label>
              <span className="soft" role="status">
                {wanted ? `${number(found.length)} of ${number(all.length)} tables` : `${number(all.length)} tables`}
              </span>
            </form>
            {found.length === 0 && <Empty>No table has “{wanted}” in its name.</Empty>}
            <ul className="choices tight" aria-label="Tables">
              {found.slice(0, atOnce).map((name) => (
                <li key={name}>
                  <button type="button" onClick={() => onChoose(name)}>
                    {name}
                  </button>
                </li>
              ))}
            </ul>
            {found.length > atOnce && <p className="soft">{number(found.length - atOnce)} more: type a part of the name.</p>}
          </>
        );
      }}
    </Answer>
  );
}

// nameOf is the name as the config has it: one with a dot stands in backquotes.
const nameOf = (t: { database: string; name: string }) => [t.database, t.name].map((part) => (/[.*?`]/.test(part) ? `\`${part.replaceAll("`", "``")}\`` : part)).join(".");

// Unreachable says at which step the way to the server ends.
function Unreachable({ connection, error, onRetry }: { connection: string; error: unknown; onRetry: () => void }) {
  const check = useMutation({ mutationFn: () => checkConnection(connection) });
  return (
    <>
      <Failure error={error} />
      {check.data && <Findings checked={check.data} name={connection} />}
      <div className="actions">
        <Button busy={check.isPending} onClick={() => check.mutate()}>
          Test the connection
        </Button>
        <Button onClick={onRetry}>Try again</Button>
        <a className="button" href={`/connections/${encodeURIComponent(connection)}`}>
          Change the connection
        </a>
      </div>
    </>
  );
}
