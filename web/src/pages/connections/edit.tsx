// One connection: made, changed, removed.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { parse } from "yaml";

import { Only } from "../../app";
import { Answer, Button, Failure, Page, pipelinePath } from "../../ui/parts";
import { useConnections } from "../../api/queries";
import { type Spec, deleteConnection, useConnectionSpec } from "./data";
import { ConnectionForm } from "./form";

export function NewConnection() {
  const [, go] = useLocation();
  return (
    <Page title="New connection">
      <ConnectionForm onSaved={() => go("/connections")} />
    </Page>
  );
}

export function EditConnection({ name }: { name: string }) {
  const spec = useConnectionSpec(name);
  const [, go] = useLocation();
  return (
    <Page
      title={`Connection ${name}`}
      actions={
        <Only role="admin">
          <Remove name={name} />
        </Only>
      }
    >
      <Answer of={spec}>
        {(s) => (
          <ConnectionForm
            key={s.version}
            name={name}
            spec={parse(s.yaml) as Spec}
            version={s.version}
            onSaved={() => go("/connections")}
            extra={<Button onClick={() => void spec.refetch()}>Read again</Button>}
          />
        )}
      </Answer>
    </Page>
  );
}

// Remove asks first, and says who would miss the connection.
function Remove({ name }: { name: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const used = useConnections().data?.connections?.find((c) => c.name === name)?.pipelines ?? [];
  const client = useQueryClient();
  const [, go] = useLocation();
  const remove = useMutation({
    mutationFn: () => deleteConnection(name),
    onSuccess: async () => {
      dialog.current?.close();
      await client.invalidateQueries({ queryKey: ["connections"] });
      go("/connections");
    },
  });
  useEffect(() => () => dialog.current?.close(), []);
  return (
    <>
      <Button kind="danger" onClick={() => dialog.current?.showModal()}>
        Remove
      </Button>
      <dialog ref={dialog} aria-labelledby="remove-title" onClose={() => remove.reset()}>
        <h2 id="remove-title">Remove connection {name}?</h2>
        {used.length > 0 ? (
          <p>
            It is used by{" "}
            {used.slice(0, 10).map((p, i) => (
              <span key={p}>
                {i > 0 && ", "}
                <Link href={pipelinePath(p)}>{p}</Link>
              </span>
            ))}
            {used.length > 10 && ` and ${used.length - 10} more`}: change these first.
          </p>
        ) : (
          <p>It is taken out of the config file. What it leads to stays as it is.</p>
        )}
        <Failure error={remove.error} />
        <div className="actions">
          {used.length === 0 && (
            <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
              Remove {name}
            </Button>
          )}
          <Button onClick={() => dialog.current?.close()}>Keep it</Button>
        </div>
      </dialog>
    </>
  );
}

