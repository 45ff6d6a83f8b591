// The SQL of a tab, and what can be done with it.
import { useState } from "react";

import { number } from "../../ui/format";
import { Editor } from "../../ui/lazy";
import { Button } from "../../ui/parts";
import type { Outcome } from "./run";
import type { Tab } from "./store";
import type { Pad as PadOf } from "./use-pad";

const limits = [100, 1000, 10_000, 100_000, 1_000_000];

type Props = {
  tab: Tab;
  pad: PadOf;
  outcome: Outcome;
  edit: (sql: string) => void;
  run: () => void;
  cancel: () => void;
  limit: number;
  setLimit: (n: number) => void;
  keep: (name: string) => void;
};

export function Pad(p: Props) {
  p.pad.onRun(p.run);
  const running = p.outcome.since !== undefined;
  return (
    <section aria-label={p.tab.name} className="pad">
      <Editor label="SQL" value={p.tab.sql} onChange={p.edit} language={p.pad.language} extensions={p.pad.extensions} marks={p.outcome.marks} onView={p.pad.onView} />
      <div className="filters tools">
        {running ? (
          <Button kind="danger" onClick={p.cancel}>
            Cancel
          </Button>
        ) : (
          <Button kind="main" onClick={p.run}>
            {p.pad.partly ? "Run the selection" : "Run"}
          </Button>
        )}
        <span className="soft">Ctrl-Enter</span>
        <label className="inline">
          Rows at most
          <select value={p.limit} onChange={(e) => p.setLimit(Number(e.target.value))}>
            {limits.map((n) => (
              <option key={n} value={n}>
                {number(n)}
              </option>
            ))}
          </select>
        </label>
        <Keep name={p.tab.name} keep={p.keep} />
      </div>
    </section>
  );
}

// Keep saves the query under a name.
function Keep({ name, keep }: { name: string; keep: (name: string) => void }) {
  const [draft, setDraft] = useState<string>();
  if (draft === undefined) return <Button onClick={() => setDraft(name)}>Save as…</Button>;
  return (
    <form
      className="inline"
      onSubmit={(e) => {
        e.preventDefault();
        if (draft.trim()) keep(draft.trim());
        setDraft(undefined);
      }}
      onKeyDown={(e) => e.key === "Escape" && setDraft(undefined)}
    >
      <input autoFocus aria-label="Name of the query" value={draft} maxLength={100} onChange={(e) => setDraft(e.target.value)} onFocus={(e) => e.target.select()} />
      <Button type="submit" kind="main">
        Save
      </Button>
      <Button onClick={() => setDraft(undefined)}>Leave it</Button>
    </form>
  );
}
