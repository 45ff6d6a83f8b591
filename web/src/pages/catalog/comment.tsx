// What people say of a table or a column, and the field in which they change it.
import { useState } from "react";

import { Only } from "../../app";
import { Button } from "../../ui/parts";

export function Comment({ label, text, busy, save }: { label: string; text?: string; busy: boolean; save: (text: string) => Promise<unknown> }) {
  const [draft, setDraft] = useState<string>();
  if (draft === undefined)
    return (
      <div className="comment">
        {text && <span>{text}</span>}
        <Only role="operator">
          <Button label={`Edit the comment of ${label}`} onClick={() => setDraft(text ?? "")}>
            {text ? "Edit" : "Comment"}
          </Button>
        </Only>
      </div>
    );
  const submit = async () => {
    try {
      await save(draft.trim());
      setDraft(undefined);
    } catch {
      // The page shows why; what was typed stays.
    }
  };
  return (
    <form
      className="comment"
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
      onKeyDown={(e) => e.key === "Escape" && setDraft(undefined)}
    >
      <input autoFocus aria-label={`Comment of ${label}`} maxLength={2048} value={draft} onChange={(e) => setDraft(e.target.value)} />
      <Button type="submit" kind="main" busy={busy}>
        Save
      </Button>
      <Button onClick={() => setDraft(undefined)}>Leave it</Button>
    </form>
  );
}
