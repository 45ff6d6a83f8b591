// All that the catalog knows of one table.
import { Link } from "wouter";

import { type Table, comment, useTable } from "../../api/lake";
import { useAct } from "../../api/queries";
import { Only } from "../../app";
import { number, size } from "../../ui/format";
import { Answer, Empty, Facts, Failure, Page, When, pipelinePath, useNow } from "../../ui/parts";
import { tableSQL } from "../../ui/sql";
import { Columns } from "./columns";
import { Comment } from "./comment";
import { Files } from "./files";
import { lakePath, queryPath, tablePath } from "./paths";
import { Preview } from "./preview";
import { Recipes } from "./recipes";
import { Snapshots } from "./snapshots";

const tabs: [string, string][] = [
  ["columns", "Columns"],
  ["partitions", "Partitions"],
  ["snapshots", "Snapshots"],
  ["files", "Files"],
  ["recipes", "DDL"],
  ["preview", "Preview"],
];

export function TablePage({ lake, table, tab }: { lake: string; table: string; tab: string }) {
  const asked = useTable(lake, table);
  return (
    <Page
      title={table}
      actions={
        <>
          <Link className="button plain" href={lakePath(lake)}>
            All tables
          </Link>
          <Link className="button main" href={queryPath(lake, `SELECT * FROM ${tableSQL(table)} LIMIT 100`)}>
            Query this table
          </Link>
        </>
      }
    >
      <Answer of={asked}>
        {(t) => (
          <>
            <Head lake={lake} name={table} table={t} />
            <nav className="tabs" aria-label="About the table">
              {tabs.map(([key, text]) => (
                <Link key={key} href={tablePath(lake, table, key)} aria-current={key === tab ? "page" : undefined}>
                  {text}
                </Link>
              ))}
            </nav>
            {tab === "columns" && <Columns lake={lake} name={table} table={t} />}
            {tab === "partitions" && <Partitions table={t} />}
            {tab === "snapshots" && <Snapshots lake={lake} table={table} />}
            {tab === "files" && <Files lake={lake} table={table} />}
            {tab === "recipes" && <Recipes lake={lake} table={table} />}
            {tab === "preview" && <Preview lake={lake} table={table} />}
          </>
        )}
      </Answer>
    </Page>
  );
}

function Head({ lake, name, table: t }: { lake: string; name: string; table: Table }) {
  const now = useNow();
  const act = useAct(comment);
  const last = t.pipelines?.map((p) => p.committed).sort().at(-1);
  return (
    <>
      <Failure error={act.error} />
      <Comment label="the table" text={t.comment} busy={act.isPending} save={(text) => act.mutateAsync({ lake, table: name, comment: text })} />
      <Facts
        facts={[
          ["Format", t.imported ? `${t.format}, imported` : t.format],
          ["Rows in data files", t.deletes ? `${number(t.data.rows)}, of which deletes take some away` : number(t.data.rows)],
          ["Data files", `${number(t.data.files)}, ${size(t.data.bytes)}`],
          ["Files of deletes", t.deletes ? `${number(t.deletes.files)}, ${size(t.deletes.bytes)}` : "none"],
          ["Loaded by", t.pipelines?.length ? t.pipelines.map((p) => <Link key={p.pipeline} className="by" href={pipelinePath(p.pipeline)}>{p.pipeline}</Link>) : "no pipeline"],
          ["Last commit", <When key="l" at={last} now={now} />],
        ]}
      />
      <p className="lake">
        <span className="soft">At</span> <span className="mono">{t.location}</span>
      </p>
    </>
  );
}

function Partitions({ table: t }: { table: Table }) {
  const by = t.partition_by ?? [];
  if (by.length === 0)
    return (
      <Empty>
        The table is not partitioned. <Only role="operator">A pipeline says how by partition_by of its target.</Only>
      </Empty>
    );
  return (
    <>
      <p>Rows are laid into files by:</p>
      <ol className="plainlist">
        {by.map((p) => (
          <li key={p}>
            <code>{p}</code>
          </li>
        ))}
      </ol>
      <p className="soft">A query that compares these columns with constants opens only the files that can have such rows.</p>
    </>
  );
}
