// The first rows of a table.
import { useQuery } from "@tanstack/react-query";

import { ask } from "../../api/lake";
import { Answer, Empty } from "../../ui/parts";
import { tableSQL } from "../../ui/sql";
import { Grid } from "../query/grid";

const rows = 100;

export function Preview({ lake, table }: { lake: string; table: string }) {
  const asked = useQuery({
    queryKey: ["preview", lake, table],
    queryFn: ({ signal }) => ask(`SELECT * FROM ${tableSQL(table)} LIMIT ${rows}`, lake, rows, signal),
    refetchOnWindowFocus: false,
    staleTime: 30_000,
  });
  return (
    <Answer of={asked}>
      {(a) =>
        a.rows?.length ? (
          <>
            <p className="soft">{a.rows.length < rows ? `All ${a.rows.length} rows` : `${rows} rows, in no order`}, from {a.files_read} of {a.files} files.</p>
            <Grid columns={a.columns ?? []} rows={a.rows as (string | null)[][]} label="Preview" />
          </>
        ) : (
          <Empty>The table has no rows.</Empty>
        )
      }
    </Answer>
  );
}
