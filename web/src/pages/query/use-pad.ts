// The editor as the rest of the page sees it: what is in it, what is selected, and a way to write into it.
import { Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";

import { type LakeTable, tableName, tableQuery } from "../../api/lake";
import { language } from "./complete";

export type Pad = ReturnType<typeof usePad>;

export function usePad(lake: string, names: LakeTable["table"][] | undefined) {
  const client = useQueryClient();
  const view = useRef<EditorView>(null);
  const run = useRef<() => void>(() => undefined);
  const latest = useRef({ lake, tables: [] as string[] });
  const [partly, setPartly] = useState(false); // something is selected
  const tables = useMemo(() => (names ?? []).map(tableName), [names]);
  latest.current = { lake, tables };
  const fixed = useMemo(
    () => ({
      language: language({
        tables: () => latest.current.tables,
        columns: async (table) => (await client.fetchQuery(tableQuery(latest.current.lake, table))).columns ?? [],
      }),
      extensions: [
        EditorView.lineWrapping,
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (run.current(), true) }])),
        EditorView.updateListener.of((u) => u.selectionSet && setPartly(!u.state.selection.main.empty)),
      ],
    }),
    [client],
  );
  return {
    ...fixed,
    partly,
    onView: (v: EditorView) => {
      view.current = v;
      setPartly(false);
    },
    onRun: (to: () => void) => (run.current = to),
    text: () => view.current?.state.doc.toString(),
    selected: () => {
      const v = view.current;
      const { from, to, empty } = v?.state.selection.main ?? { from: 0, to: 0, empty: true };
      return v && !empty ? { from, text: v.state.sliceDoc(from, to) } : undefined;
    },
    // insert reports whether it could: the editor may still be on its way.
    insert: (text: string) => {
      if (!view.current?.dom.isConnected) return false;
      write(view.current, text);
      return true;
    },
  };
}

// write puts a name where the cursor is, and keeps it from growing together with the word before it.
function write(v: EditorView, text: string) {
  const { from } = v.state.selection.main;
  const before = v.state.sliceDoc(Math.max(0, from - 1), from);
  v.dispatch(v.state.replaceSelection(/[\w")]/.test(before) ? ` ${text}` : text));
  v.focus();
}
