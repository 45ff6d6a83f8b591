import { Table } from "../../../ui/parts";
import { loss, types } from "../casts";
import { useDraft } from "../draft";
import { List, Text } from "../fields";
import type { Column, ColumnChange } from "../spec";
import { put } from "../yaml";

// SchemaPanel is the grid of a Change Schema: each column that comes in, and what becomes of it.
export function SchemaPanel({ step, columns }: { step: number; columns: Column[] }) {
  const { read, edit } = useDraft();
  const s = read.spec?.transforms[step];
  const changes = s?.change_schema ?? {};
  const set = (column: string, change: ColumnChange) =>
    edit((doc) => {
      const path = ["transforms", step, "change_schema", column];
      for (const key of ["rename", "type", "on_fail", "drop"] as const) put(doc, [...path, key], change[key]);
      if (Object.values(change).every((v) => v === undefined)) doc.deleteIn(path);
    });
  // What the step names and does not come in is shown too, so that it can be taken away.
  const missing = Object.keys(changes).filter((name) => !columns.some((c) => c.name === name));
  return (
    <>
      <Table label="Columns" head={["Source column", "Target column", "Type", "Drop"]}>
        {[...columns, ...missing.map((name) => ({ name, type: "" }))].map((c) => (
          <Row key={c.name} column={c} change={changes[c.name] ?? {}} set={(change) => set(c.name, change)} />
        ))}
      </Table>
      <div className="fields">
        <List label="Columns that come first" value={s?.order} onChange={(v) => edit((doc) => put(doc, ["transforms", step, "order"], v))} placeholder="as they come" />
        <Text label="Name of the step" value={s?.name ?? ""} onChange={(v) => edit((doc) => put(doc, ["transforms", step, "name"], v))} />
      </div>
    </>
  );
}

function Row({ column: c, change, set }: { column: Column; change: ColumnChange; set: (change: ColumnChange) => void }) {
  const type = change.type ?? "";
  const decimal = type.startsWith("decimal");
  const lost = type && c.type ? loss(c.type, type) : undefined;
  return (
    <tr className={change.drop ? "dropped" : ""}>
      <th scope="row">
        <span className="mono">{c.name}</span>
        <span className={c.type ? "soft" : "problem"}>{c.type || "does not come in"}</span>
      </th>
      <td>
        <input aria-label={`Target column of ${c.name}`} value={change.rename ?? ""} placeholder={c.name} disabled={change.drop} onChange={(e) => set({ ...change, rename: e.target.value || undefined })} spellCheck={false} />
      </td>
      <td>
        <select
          aria-label={`Type of ${c.name}`}
          value={decimal ? "decimal(18,2)" : type}
          disabled={change.drop}
          onChange={(e) => set({ ...change, type: e.target.value || undefined, on_fail: e.target.value ? change.on_fail : undefined })}
        >
          <option value="">as it is</option>
          {types.map((t) => (
            <option key={t} value={t}>
              {t.replace(/\(.*/, "(…)")}
            </option>
          ))}
        </select>
        {decimal && <input aria-label={`Digits of ${c.name}`} value={/\((.*)\)?/.exec(type)?.[1]?.replace(")", "") ?? ""} onChange={(e) => set({ ...change, type: `decimal(${e.target.value})` })} />}
        {lost && (
          <span className="lossy">
            <strong>Lossy:</strong> {lost}
            <select aria-label={`What misfits of ${c.name} do`} value={change.on_fail ?? ""} onChange={(e) => set({ ...change, on_fail: e.target.value || undefined })}>
              <option value="">stop the run</option>
              <option value="quarantine">set the row aside</option>
            </select>
          </span>
        )}
      </td>
      <td>
        <input type="checkbox" aria-label={`Drop ${c.name}`} checked={!!change.drop} onChange={(e) => set(e.target.checked ? { drop: true } : {})} />
      </td>
    </tr>
  );
}
