import { useQuery } from "@tanstack/react-query";

import { answer, api } from "../../../api/client";
import { useConnections, useSession } from "../../../api/queries";
import { useDraft } from "../draft";
import { Choice, List, Text } from "../fields";
import { type Column, words } from "../spec";
import { put } from "../yaml";

function useTables(connection: string) {
  const role = useSession().data?.role;
  return useQuery({
    queryKey: ["source-tables", connection],
    queryFn: () => answer(api.GET("/api/v1/connections/{name}/tables", { params: { path: { name: connection } } })),
    enabled: connection !== "" && role !== undefined && role !== "viewer",
    staleTime: 60_000,
    retry: false,
  });
}

// SourcePanel is where rows come from.
export function SourcePanel({ columns }: { columns: Column[] }) {
  const { read, edit } = useDraft();
  const s = read.spec?.source ?? {};
  const connections = useConnections().data?.connections ?? [];
  const connection = words(s.connection);
  const tables = useTables(connection).data?.tables ?? [];
  const set = (key: string) => (v: string | string[] | undefined) => edit((doc) => put(doc, ["source", key], v));
  const names = columns.map((c) => c.name);
  return (
    <div className="fields">
      <Choice label="Connection" value={connection} onChange={set("connection")} options={connections.filter((c) => c.type === "mysql").map((c) => c.name)} byDefault="by the defaults" />
      {"tables" in s ? (
        <>
          <List label="Tables" value={s.tables} onChange={set("tables")} help="Patterns: each table that matches is a pipeline of its own." />
          <List label="Without" value={s.exclude} onChange={set("exclude")} />
        </>
      ) : (
        <Text label="Table" value={words(s.table)} onChange={set("table")} options={tables.map((t) => `${t.database}.${t.name}`)} placeholder="database.table" />
      )}
      <List label="Cursor" value={s.cursor} onChange={(v) => set("cursor")(v.length > 1 ? v : v[0])} options={names} help="The column that orders changes. Without one the mode must be replace." placeholder="none" />
      <List label="Columns" value={s.columns} onChange={set("columns")} placeholder="all" help="Only these are read." />
      <Text label="Where" value={words(s.where)} onChange={set("where")} placeholder="all rows" help="A condition in the source's SQL that every row must meet." />
      <details>
        <summary>More</summary>
        <div className="fields">
          <Choice label="Rows without a cursor" value={words(s.nulls)} onChange={set("nulls")} options={["load", "error"]} byDefault="load (default)" />
          <Choice label="Dates that are none" value={words(s.zero_dates)} onChange={set("zero_dates")} options={["null", "error"]} byDefault="null (default)" />
          <Text label="Zone of the cursor" value={words(s.cursor_zone)} onChange={set("cursor_zone")} placeholder="the server's" />
          <Text label="Lateness" value={words(s.lateness)} onChange={set("lateness")} placeholder="10m" help="How late a row may appear where the server cannot tell." />
          <Text label="Slack" value={words(s.slack)} onChange={set("slack")} placeholder="10s" help="How far the clocks of applications may be ahead." />
        </div>
      </details>
    </div>
  );
}
