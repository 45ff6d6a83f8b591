// The connections of the config: who uses them, whether they work.
import { useMutation } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Link } from "wouter";

import { useSession } from "../../api/queries";
import { Only } from "../../app";
import { Answer, Button, Empty, Failure, Page, Table, pipelinePath } from "../../ui/parts";
import { useConnections } from "../../api/queries";
import { type Connection, checkConnection, connectionPath } from "./data";
import "./connections.css";
import { kinds } from "./fields";
import { Findings } from "./findings";

export function Connections() {
  const connections = useConnections();
  return (
    <Page
      title="Connections"
      actions={
        <Only role="admin">
          <Link href="/connections/new" className="button main">
            New connection
          </Link>
        </Only>
      }
    >
      <Answer of={connections}>
        {(data) =>
          (data.connections ?? []).length === 0 ? (
            <Empty>
              The config has no connections yet: a pipeline reads from a MySQL server and writes to a lake, in a folder or a bucket.
              <Only role="admin">
                {" "}
                <Link href="/new">Make a pipeline</Link>, which makes them on the way.
              </Only>
            </Empty>
          ) : (
            <Table label="Connections" head={["Connection", "Kind", "Address", "Used by", ""]}>
              {data.connections?.map((c) => <Row key={c.name} connection={c} />)}
            </Table>
          )
        }
      </Answer>
    </Page>
  );
}

const shown = 8; // pipelines of a connection

function Row({ connection: c }: { connection: Connection }) {
  const check = useMutation({ mutationFn: () => checkConnection(c.name) });
  const [all, setAll] = useState(false);
  const session = useSession();
  const used = c.pipelines ?? [];
  return (
    <Fragment>
      <tr>
        <td>{session.data?.role === "admin" ? <Link href={connectionPath(c.name)}>{c.name}</Link> : c.name}</td>
        <td className="nowrap">{kinds[c.type].name}</td>
        <td className="address">
          {c.location}
          {c.user && <span className="soft"> as {c.user}</span>}
        </td>
        <td>
          {used.length === 0 && <span className="soft">no pipeline</span>}
          {used.slice(0, all ? undefined : shown).map((p, i) => (
            <Fragment key={p}>
              {i > 0 && ", "}
              <Link href={pipelinePath(p)}>{p}</Link>
            </Fragment>
          ))}
          {used.length > shown && !all && (
            <>
              {" "}
              <Button onClick={() => setAll(true)}>{used.length - shown} more</Button>
            </>
          )}
        </td>
        <td className="nowrap">
          <Only role="operator">
            <Button label={`Test ${c.name}`} busy={check.isPending} onClick={() => check.mutate()}>
              {check.isPending ? "Is being tested…" : "Test"}
            </Button>
          </Only>
        </td>
      </tr>
      {(check.data || check.error) && (
        <tr>
          <td colSpan={5}>
            <Failure error={check.error} />
            {check.data && <Findings checked={check.data} name={c.name} />}
          </td>
        </tr>
      )}
    </Fragment>
  );
}
