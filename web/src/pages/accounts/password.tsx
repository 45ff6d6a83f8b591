import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { changePassword } from "../../api/accounts";
import { useSession } from "../../api/queries";
import { Button, Empty, Failure, Page } from "../../ui/parts";
import "./accounts.css";

// Password is where somebody changes the own password, behind which a new login is needed.
export function Password() {
  const session = useSession();
  const client = useQueryClient();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: async () => {
      if (next !== again) throw new Error("The new password is not the same both times.");
      await changePassword({ old, new: next });
    },
    onSuccess: () => client.resetQueries(),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    change.mutate();
  };
  if (session.data?.kind !== "user") {
    return (
      <Page title="Your password">
        <Empty>Nobody is logged in here who has a password.</Empty>
      </Page>
    );
  }
  return (
    <Page title="Your password">
      <Failure error={change.error} />
      <form className="narrow" onSubmit={submit}>
        <input type="text" hidden readOnly autoComplete="username" value={session.data.name} />
        <Field label="The password as it is" kind="current-password" value={old} set={setOld} />
        <Field label="The new one, of at least 12 characters" kind="new-password" value={next} set={setNext} least={12} />
        <Field label="The new one once more" kind="new-password" value={again} set={setAgain} least={12} />
        <p className="soft">All your sessions end: log in with the new one then.</p>
        <div className="actions">
          <Button type="submit" kind="main" busy={change.isPending}>
            Change password
          </Button>
        </div>
      </form>
    </Page>
  );
}

function Field({ label, kind, value, set, least }: { label: string; kind: string; value: string; set: (text: string) => void; least?: number }) {
  return (
    <label>
      {label}
      <input type="password" autoComplete={kind} value={value} onChange={(e) => set(e.target.value)} minLength={least} required />
    </label>
  );
}
