import { type Table as LakeTable, comment } from "../../api/lake";
import { useAct } from "../../api/queries";
import { Failure, Table } from "../../ui/parts";
import { Comment } from "./comment";

export function Columns({ lake, name, table: t }: { lake: string; name: string; table: LakeTable }) {
  const act = useAct(comment);
  return (
    <>
      <Failure error={act.error} />
      <Table label="Columns" head={["", "Column", "Type", "May be NULL", "In the source", "Comment"]}>
        {t.columns?.map((c, i) => (
          <tr key={c.name}>
            <td className="n soft">{i + 1}</td>
            <td className="mono">{c.name}</td>
            <td className="mono nowrap">{c.type}</td>
            <td>{c.nullable ? "yes" : "no"}</td>
            <td className="soft">{c.doc ?? "–"}</td>
            <td>
              <Comment label={c.name} text={c.comment} busy={act.isPending} save={(text) => act.mutateAsync({ lake, table: name, column: c.name, comment: text })} />
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
