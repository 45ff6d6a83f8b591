// The tables of a lake. Of thousands it shows the first, and tells more only of those that it shows.
import { useDeferredValue, useState } from "react";
import { Link, useLocation } from "wouter";

import { type LakeTable, tableName, useLakes, useNames, useSummaries } from "../../api/lake";
import { number, size } from "../../ui/format";
import { Answer, Button, Empty, Page, Table, When, pipelinePath, useNow } from "../../ui/parts";
import { lakePath, tablePath } from "./paths";

const atOnce = 100;

export function TableList({ wanted }: { wanted?: string }) {
  const lakes = useLakes();
  const [, go] = useLocation();
  return (
    <Page title="Catalog">
      <Answer of={lakes}>
        {(all) => {
          const lake = all.find((l) => l.name === wanted) ?? (wanted ? undefined : all[0]);
          if (all.length === 0) return <Empty>The config has no lake yet: a connection of the type s3 or file.</Empty>;
          if (!lake) return <Empty>The config has no lake “{wanted}”.</Empty>;
          return <Lake key={lake.name} name={lake.name} location={lake.location} lakes={all.map((l) => l.name)} go={(l) => go(lakePath(l))} />;
        }}
      </Answer>
    </Page>
  );
}

function Lake({ name, location, lakes, go }: { name: string; location: string; lakes: string[]; go: (lake: string) => void }) {
  const names = useNames(name);
  const [text, setText] = useState("");
  const [database, setDatabase] = useState("");
  const [shown, setShown] = useState(atOnce);
  const search = useDeferredValue(text.toLowerCase());
  const again = (set: (to: string) => void) => (e: { target: { value: string } }) => {
    set(e.target.value);
    setShown(atOnce);
  };
  return (
    <>
      <p className="soft lake">
        {name} is at <span className="mono">{location}</span>
      </p>
      <Answer of={names}>
        {(all) => {
          const databases = [...new Set(all.map((t) => t.namespace))];
          const found = all.filter((t) => (!database || t.namespace === database) && tableName(t).toLowerCase().includes(search)).map(tableName);
          return (
            <>
              <div className="filters">
                {lakes.length > 1 && <Choice label="Lake" value={name} options={lakes} onChange={(e) => go(e.target.value)} />}
                {databases.length > 1 && <Choice label="Database" value={database} options={databases} all onChange={again(setDatabase)} />}
                <label>
                  Find a table
                  <input type="search" value={text} onChange={again(setText)} />
                </label>
                <span className="soft count" role="status">
                  {number(found.length)} of {number(all.length)} tables
                </span>
              </div>
              {all.length === 0 ? (
                <Empty>
                  The lake has no table yet. A <Link href="/pipelines">pipeline</Link> makes one with its first run.
                </Empty>
              ) : found.length === 0 ? (
                <Empty>No table has “{text}” in its name.</Empty>
              ) : (
                <Tables lake={name} names={found.slice(0, shown)} />
              )}
              {found.length > shown && (
                <p className="more">
                  <Button onClick={() => setShown(shown + atOnce)}>Show more</Button> <span className="soft">{number(found.length - shown)} more, or type a part of the name</span>
                </p>
              )}
            </>
          );
        }}
      </Answer>
    </>
  );
}

function Choice(p: { label: string; value: string; options: string[]; all?: boolean; onChange: (e: { target: { value: string } }) => void }) {
  return (
    <label>
      {p.label}
      <select value={p.value} onChange={p.onChange}>
        {p.all && <option value="">all</option>}
        {p.options.map((o) => (
          <option key={o}>{o}</option>
        ))}
      </select>
    </label>
  );
}

function Tables({ lake, names }: { lake: string; names: string[] }) {
  const more = useSummaries(lake, names.slice(-atOnce)); // of those that came last
  const [known, setKnown] = useState(new Map<string, LakeTable>());
  const fresh = more.data;
  if (fresh && [...fresh].some(([n, t]) => known.get(n) !== t)) setKnown(new Map([...known, ...fresh]));
  return (
    <Table label="Tables" head={["Table", "Format", "Columns", "Rows in files", "Files", "Size", "Loaded by", "Last commit"]}>
      {names.map((n) => (
        <Row key={n} lake={lake} name={n} table={known.get(n)} />
      ))}
    </Table>
  );
}

function Row({ lake, name, table: t }: { lake: string; name: string; table?: LakeTable }) {
  const now = useNow();
  return (
    <tr>
      <td>
        <Link href={tablePath(lake, name)}>{name}</Link>
        {t?.comment && <div className="soft">{t.comment}</div>}
      </td>
      {t?.error ? (
        <td colSpan={7} className="problem">
          {t.error}
        </td>
      ) : (
        <>
          <td>{t?.format ?? "…"}</td>
          <td className="n">{number(t?.columns)}</td>
          <td className="n">{number(t?.data?.rows)}</td>
          <td className="n">{number(t?.data?.files)}</td>
          <td className="n">{size(t?.data?.bytes)}</td>
          <td>
            {t?.pipelines?.map((p) => (
              <Link key={p} href={pipelinePath(p)} className="by">
                {p}
              </Link>
            ))}
          </td>
          <td className="nowrap">{t?.last ? <When at={t.last.at} now={now} /> : "–"}</td>
        </>
      )}
    </tr>
  );
}
