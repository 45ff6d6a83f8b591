// Databases, tables and columns: what is chosen is written into the editor.
import { useDeferredValue, useId, useState } from "react";

import { type LakeTable, tableName, useTable } from "../../api/lake";
import { number } from "../../ui/format";
import { Answer, Button } from "../../ui/parts";
import { quoted, tableSQL } from "../../ui/sql";

const atOnce = 100;

type Names = { data?: LakeTable["table"][]; error: unknown; isPending: boolean };
type Props = { lake: string; lakes: string[]; onLake: (lake: string) => void; names: Names; insert: (text: string) => void };

export function Tree(p: Props) {
  const [shown, setShown] = useState(() => window.innerWidth > 736);
  const id = useId();
  return (
    <section className="tree" aria-label="Tables">
      <button type="button" className="button plain fold" aria-expanded={shown} aria-controls={id} onClick={() => setShown(!shown)}>
        {shown ? "Hide the tables" : "Show the tables"}
      </button>
      <div id={id} hidden={!shown}>
        {p.lakes.length > 1 && (
          <label>
            Lake
            <select value={p.lake} onChange={(e) => p.onLake(e.target.value)}>
              {p.lakes.map((l) => (
                <option key={l}>{l}</option>
              ))}
            </select>
          </label>
        )}
        <Answer of={p.names}>{(all) => <Tables key={p.lake} lake={p.lake} all={all} insert={p.insert} />}</Answer>
      </div>
    </section>
  );
}

function Tables({ lake, all, insert }: { lake: string; all: LakeTable["table"][]; insert: (text: string) => void }) {
  const [text, setText] = useState("");
  const [limit, setLimit] = useState(atOnce);
  const search = useDeferredValue(text.toLowerCase());
  const found = all.map(tableName).filter((n) => n.toLowerCase().includes(search));
  const shown = found.slice(0, limit);
  const databases = [...new Set(shown.map((n) => n.split(".")[0] ?? ""))];
  return (
    <>
      <label>
        Find a table
        <input type="search" value={text} onChange={(e) => setText(e.target.value)} />
      </label>
      {found.length === 0 && <p className="soft">{all.length === 0 ? "The lake has no table yet." : "No table has that in its name."}</p>}
      <ul>
        {databases.map((d) => (
          <li key={d}>
            <span className="database">{d}</span>
            <ul>
              {shown
                .filter((n) => n.startsWith(`${d}.`))
                .map((n) => (
                  <TableItem key={n} lake={lake} name={n} insert={insert} />
                ))}
            </ul>
          </li>
        ))}
      </ul>
      {found.length > limit && <Button onClick={() => setLimit(limit + atOnce)}>{`${number(found.length - limit)} more`}</Button>}
    </>
  );
}

function TableItem({ lake, name, insert }: { lake: string; name: string; insert: (text: string) => void }) {
  const [open, setOpen] = useState(false);
  const short = name.slice(name.indexOf(".") + 1);
  return (
    <li>
      <div className="entry">
        <button type="button" className="twist" aria-expanded={open} aria-label={`Columns of ${name}`} onClick={() => setOpen(!open)}>
          {open ? "▾" : "▸"}
        </button>
        <button type="button" className="pick" aria-label={`Insert ${name}`} title={`Insert ${name}`} onClick={() => insert(tableSQL(name))}>
          {short}
        </button>
      </div>
      {open && <ColumnItems lake={lake} table={name} insert={insert} />}
    </li>
  );
}

function ColumnItems({ lake, table, insert }: { lake: string; table: string; insert: (text: string) => void }) {
  const asked = useTable(lake, table);
  return (
    <Answer of={asked}>
      {(t) => (
        <ul>
          {t.columns?.map((c) => (
            <li key={c.name}>
              <button type="button" className="pick column" aria-label={`Insert ${c.name}`} title={c.comment ?? c.doc ?? c.type} onClick={() => insert(quoted(c.name))}>
                <span>{c.name}</span> <small>{c.type}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Answer>
  );
}
