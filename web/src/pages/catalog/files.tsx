import { useState } from "react";

import { useFiles } from "../../api/lake";
import { number, size } from "../../ui/format";
import { Answer, Empty, Table } from "../../ui/parts";
import { Histogram } from "./histogram";

const [inChart, inList] = [10_000, 200];

export function Files({ lake, table }: { lake: string; table: string }) {
  const files = useFiles(lake, table, inChart);
  const [by, setBy] = useState("size");
  return (
    <Answer of={files}>
      {(f) => {
        const all = f.files ?? [];
        if (all.length === 0) return <Empty>The table has no files yet.</Empty>;
        const sorted = all.toSorted((a, b) => (by === "size" ? b.bytes - a.bytes : by === "small" ? a.bytes - b.bytes : a.key < b.key ? -1 : 1));
        return (
          <>
            <h2>Sizes</h2>
            <Histogram sizes={all.map((x) => x.bytes)} />
            {f.of > all.length && <p className="soft">The first {number(all.length)} of {number(f.of)} files.</p>}
            <h2>Files</h2>
            <div className="filters">
              <label>
                Order
                <select value={by} onChange={(e) => setBy(e.target.value)}>
                  <option value="size">the largest first</option>
                  <option value="small">the smallest first</option>
                  <option value="name">by name</option>
                </select>
              </label>
            </div>
            <Table label="Files" head={["File", "Rows", "Size", "Bytes per row"]}>
              {sorted.slice(0, inList).map((x) => (
                <tr key={x.key}>
                  <td className="mono key">{x.key}</td>
                  <td className="n">{number(x.rows)}</td>
                  <td className="n">{size(x.bytes)}</td>
                  <td className="n">{x.rows > 0 ? number(Math.round(x.bytes / x.rows)) : "–"}</td>
                </tr>
              ))}
            </Table>
            {f.of > inList && <p className="soft">{number(f.of - Math.min(inList, all.length))} more; `tidemark catalog files` lists all.</p>}
          </>
        );
      }}
    </Answer>
  );
}
