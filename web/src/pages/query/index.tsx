// The query editor: tables on the left, tabs of SQL, and below what came of them. It is loaded when it is first shown.
import { useEffect, useState } from "react";
import { useLocation, useSearch } from "wouter";

import { useLakes, useNames } from "../../api/lake";
import { useSession } from "../../api/queries";
import { Answer, Empty, Page } from "../../ui/parts";
import "./query.css";
import { Pad } from "./pad";
import { Panel } from "./panel";
import { useRuns } from "./run";
import { type Past, type Saved, type Tabs, added, changed, useKept, withPast, withSaved, without } from "./store";
import { TabList } from "./tabs";
import { Tree } from "./tree";
import { usePad } from "./use-pad";

export default function QueryPage() {
  const lakes = useLakes();
  const session = useSession();
  return (
    <Page title="Query">
      <Answer of={lakes}>
        {(all) =>
          all.length === 0 ? (
            <Empty>The config has no lake yet, and so nothing to ask.</Empty>
          ) : (
            <Workbench who={session.data?.name ?? ""} lakes={all.map((l) => l.name)} />
          )
        }
      </Answer>
    </Page>
  );
}

const none: Tabs = { all: [], active: "" };

function Workbench({ who, lakes }: { who: string; lakes: string[] }) {
  const wanted = new URLSearchParams(useSearch());
  const [, go] = useLocation();
  const [tabs, setTabs] = useKept(who, "tabs", none, (kept) => begun(kept, wanted.get("sql")));
  const [past, setPast] = useKept<Past[]>(who, "history", []);
  const [saved, setSaved] = useKept<Saved[]>(who, "saved", []);
  const [limit, setLimit] = useKept(who, "limit", 10_000);
  const [chosen, setLake] = useState(() => wanted.get("lake") ?? "");
  const lake = lakes.includes(chosen) ? chosen : (lakes[0] ?? "");
  const names = useNames(lake);
  const pad = usePad(lake, names.data);
  const runs = useRuns((p) => setPast((all) => withPast(all, p)));
  const tab = tabs.all.find((t) => t.id === tabs.active) ?? tabs.all[0];
  const asked = wanted.has("sql");
  useEffect(() => {
    if (asked) go("/query", { replace: true }); // the statement is in a tab now, and a reload makes no other
  }, [asked, go]);
  if (!tab) return null;
  const edit = (sql: string) => {
    setTabs((t) => changed(t, tab.id, { sql }));
    runs.edited(tab.id);
  };
  const insert = (text: string) => {
    if (!pad.insert(text)) edit(tab.sql ? `${tab.sql} ${text}` : text);
  };
  const open = (sql: string, name?: string) => setTabs((t) => added(t, sql, name));
  const close = () => {
    runs.drop(tab.id);
    setTabs((t) => without(t, tab.id));
  };
  const keep = (name: string) => {
    setSaved((all) => withSaved(all, { name, sql: pad.text() ?? tab.sql }));
    setTabs((t) => changed(t, tab.id, { name }));
  };
  const outcome = runs.of(tab.id);
  const run = () => {
    const text = pad.selected();
    const whole = pad.text() ?? tab.sql;
    void runs.run({ tab: tab.id, text: text?.text ?? whole, from: text?.from ?? 0, whole, lake, limit });
  };
  return (
    <div className="query">
      <Tree lake={lake} lakes={lakes} onLake={setLake} names={names} insert={insert} />
      <div className="bench">
        <TabList tabs={tabs} show={(id) => setTabs((t) => ({ ...t, active: id }))} add={() => open("")} close={close} />
        <Pad key={tab.id} tab={tab} pad={pad} outcome={outcome} edit={edit} run={run} cancel={() => runs.cancel(tab.id)} limit={limit} setLimit={(n) => setLimit(() => n)} keep={keep} />
        <Panel key={`${tab.id} below`} outcome={outcome} lake={lake} name={tab.name} past={past} saved={saved} open={open} drop={(name) => setSaved((all) => all.filter((s) => s.name !== name))} forget={() => setPast(() => [])} />
      </div>
    </div>
  );
}

// begun are the tabs of the last time, and the statement with which somebody came.
function begun(kept: Tabs, sql: string | null): Tabs {
  const there = kept.all.find((t) => t.sql === sql);
  if (sql && there) return { ...kept, active: there.id };
  return sql || kept.all.length === 0 ? added(kept, sql ?? "") : kept;
}
