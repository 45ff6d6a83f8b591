import { useDraft } from "../draft";
import { Choice, List, Text } from "../fields";
import { type Column, words } from "../spec";
import { put } from "../yaml";
import { useConnections } from "../../../api/queries";

// TargetPanel is where rows go to.
export function TargetPanel({ columns }: { columns: Column[] }) {
  const { read, edit } = useDraft();
  const t = read.spec?.target ?? {};
  const connections = useConnections().data?.connections ?? [];
  const set = (key: string) => (v: string | string[] | undefined) => edit((doc) => put(doc, ["target", key], v));
  const names = columns.map((c) => c.name);
  const mode = words(t.mode) || "append";
  return (
    <div className="fields">
      <Choice label="Connection" value={words(t.connection)} onChange={set("connection")} options={connections.filter((c) => c.lake).map((c) => c.name)} byDefault="by the defaults" />
      <Text label="Table" value={words(t.table)} onChange={set("table")} placeholder="{database}.{table}" help="NAMESPACE.TABLE in the lake" />
      <Choice label="Format" value={words(t.format)} onChange={set("format")} options={["iceberg", "parquet"]} byDefault="iceberg (default)" />
      <Choice label="Mode" value={words(t.mode)} onChange={set("mode")} options={["append", "merge", "replace"]} byDefault="append (default)" help="append keeps every version of a row, merge the newest by key, replace loads the whole table in each run." />
      {(mode === "merge" || "key" in t) && <List label="Key" value={t.key} onChange={set("key")} options={names} placeholder="the primary key" />}
      <List label="Partitions" value={t.partition_by} onChange={set("partition_by")} placeholder="none, or such as month(created_at)" help="A column, or year, month, day or hour of one, bucket(N, column), truncate(N, column)" />
      <details>
        <summary>More</summary>
        <div className="fields">
          <Choice label="Deleted rows" value={words(t.deletes)} onChange={set("deletes")} options={["keep", "sweep", "mark"]} byDefault="keep (default)" />
          <Choice label="Schema" value={words(t.schema)} onChange={set("schema")} options={["evolve", "freeze"]} byDefault="evolve (default)" help="What new columns and wider types in the source do" />
          <Text label="Size of files" value={words(t.file_size)} onChange={set("file_size")} placeholder="256MiB" />
        </div>
      </details>
    </div>
  );
}
