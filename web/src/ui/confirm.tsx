// Asks before something is done that cannot be taken back.
import { type ReactNode, useEffect, useId, useRef } from "react";

import { Button } from "./parts";

type Props = { title: string; children: ReactNode; verb: string; onDo: () => void; onClose: () => void };

// Confirm is there as long as the question is open. Escape is no.
export function Confirm({ title, children, verb, onDo, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      <div>{children}</div>
      <p className="actions">
        <Button onClick={() => dialog.current?.close()}>No</Button>
        <Button
          kind="danger"
          onClick={() => {
            onDo();
            dialog.current?.close();
          }}
        >
          {verb}
        </Button>
      </p>
    </dialog>
  );
}
