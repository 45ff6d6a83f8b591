// Rows of tabs: arrows move from one to the next, as the keyboard's users expect.
import type { KeyboardEvent } from "react";

import { Button } from "../../ui/parts";
import type { Tabs } from "./store";

type Props = { label: string; tabs: [string, string][]; active: string; show: (id: string) => void };

export function TabRow({ label, tabs, active, show }: Props) {
  const onKey = (e: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const at = tabs.findIndex(([id]) => id === active);
    const next = (at + step + tabs.length) % tabs.length;
    show(tabs[next]?.[0] ?? active);
    (e.currentTarget.children[next] as HTMLElement | undefined)?.focus();
    e.preventDefault();
  };
  return (
    <div role="tablist" aria-label={label} className="tabs" onKeyDown={onKey}>
      {tabs.map(([id, text]) => (
        <button key={id} type="button" role="tab" aria-selected={id === active} tabIndex={id === active ? 0 : -1} onClick={() => show(id)}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function TabList({ tabs, show, add, close }: { tabs: Tabs; show: (id: string) => void; add: () => void; close: () => void }) {
  return (
    <div className="tabline">
      <TabRow label="Queries" tabs={tabs.all.map((t) => [t.id, t.name])} active={tabs.active} show={show} />
      <div className="actions">
        <Button label="New tab" onClick={add}>
          +
        </Button>
        <Button label="Close this tab" onClick={close}>
          ×
        </Button>
      </div>
    </div>
  );
}
