// The rows of a result, what it took to answer, and ways to take it along.
import { useState } from "react";

import { askParquet } from "../../api/lake";
import { duration, number, size } from "../../ui/format";
import { Button, Empty, Failure } from "../../ui/parts";
import { csv, save } from "./csv";
import { Grid } from "./grid";
import type { Result } from "./run";

const inFile = 1_000_000; // rows, as many as the server gives

export function ResultView({ result, lake, name }: { result: Result; lake: string; name: string }) {
  const { answer: a, rows } = result;
  return (
    <>
      <div className="took">
        <p role="status">
          {number(rows.length)} {rows.length === 1 ? "row" : "rows"}
          {a.truncated && " of more"} in {duration(a.took_ns / 1e9)} · read {number(a.files_read)} of {number(a.files)} files, {size(a.bytes_read)} of {size(a.bytes)}
          {a.bytes_fetched > 0 && `, ${size(a.bytes_fetched)} of it fetched from the bucket`}
        </p>
        <Downloads result={result} lake={lake} name={name} />
      </div>
      {a.truncated && <p className="notice">There are more rows than these. Raise “Rows at most”, or let the query select fewer; an answer ends at 32 MB in any case.</p>}
      {rows.length > 0 ? <Grid columns={a.columns ?? []} rows={rows} label="Rows" /> : <Empty>No row meets the query. Its columns: {a.columns?.map((c) => c.name).join(", ")}.</Empty>}
    </>
  );
}

function Downloads({ result, lake, name }: { result: Result; lake: string; name: string }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const file = name.replaceAll(/[^\w.-]+/g, "-").toLowerCase() || "query";
  const parquet = async () => {
    setBusy(true);
    setError(undefined);
    try {
      save(`${file}.parquet`, await askParquet(result.sql, lake, result.answer.truncated ? inFile : Math.max(1, result.rows.length)));
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="actions">
      <Button onClick={() => save(`${file}.csv`, csv((result.answer.columns ?? []).map((c) => c.name), result.rows))} label="Download these rows as CSV">
        CSV
      </Button>
      <Button onClick={() => void parquet()} busy={busy} label={result.answer.truncated ? "Ask again and download up to 1,000,000 rows as Parquet" : "Ask again and download as Parquet"}>
        Parquet
      </Button>
      <Failure error={error} />
    </div>
  );
}
