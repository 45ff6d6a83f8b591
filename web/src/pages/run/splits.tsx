// The splits of a run: how far the reading of each has come, and by what statement.
import type { Schemas } from "../../api/client";
import { duration, number, took } from "../../ui/format";
import { Table } from "../../ui/parts";

type Split = Schemas["SplitRead"];
type Props = { splits: Split[]; over?: boolean; now?: number; expected?: number };

// Splits shows what was read of each split. As long as a run is under way, expected is the server's estimate of all rows, of
// which each split has about the same part.
export function Splits({ splits, over, now = 0, expected = 0 }: Props) {
  const share = expected / Math.max(splits.length, 1);
  const head = ["Split", "Rows", "Rows/s", over ? "Took" : "Left", "Statement"];
  return (
    <Table label="Splits" head={head}>
      {splits.map((s, i) => (
        <tr key={i}>
          <td className="n">{i + 1}</td>
          <td className="n">{number(s.rows_read)}</td>
          <td className="n">{rate(s, now)}</td>
          <td className="n">{over ? taken(s) : left(s, share, now)}</td>
          <td>
            <code className="sql">{s.sql}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

const seconds = (s: Split, now: number) => (s.ended || now ? took({ started: s.began, ended: s.ended }, now) : undefined);

function perSecond(s: Split, now: number): number | undefined {
  const t = seconds(s, now);
  return t ? s.rows_read / Math.max(t, 0.001) : undefined;
}

function rate(s: Split, now: number): string {
  const r = perSecond(s, now);
  return r === undefined ? "–" : number(Math.round(r));
}

function taken(s: Split): string {
  return s.ended ? duration(seconds(s, 0)) : "not to its end";
}

function left(s: Split, share: number, now: number): string {
  if (s.ended) return "read";
  if (!s.began) return "waits";
  const r = perSecond(s, now);
  return share > s.rows_read && r ? `about ${duration((share - s.rows_read) / r)}` : "–";
}
