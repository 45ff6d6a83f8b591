// An editor of YAML or SQL. It is in a file of its own, which is loaded by the pages that show one.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

// A Mark is what is wrong with a place of the text: lines and columns begin with 1.
export type Mark = { line: number; column?: number; message: string };

type Props = {
  label: string;
  value: string;
  onChange?: (text: string) => void; // none: the text can only be read
  language?: Extension;
  marks?: Mark[];
  extensions?: Extension; // as they are when the editor appears
  onView?: (view: EditorView) => void;
};

// Editor shows value, and what its user makes of it. Tab leaves it, as it leaves any other field; Ctrl-] indents.
export default function Editor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    if (!host.current) return;
    const p = latest.current;
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: p.value,
        extensions: [
          p.extensions ?? [],
          basics,
          p.language ?? [],
          EditorState.readOnly.of(!p.onChange),
          EditorView.contentAttributes.of({ "aria-label": p.label, tabindex: "0" }),
          EditorView.updateListener.of((u) => u.docChanged && latest.current.onChange?.(u.state.doc.toString())),
        ],
      }),
    });
    view.current = made;
    p.onView?.(made);
    return () => made.destroy();
  }, []);
  useEffect(() => {
    const v = view.current;
    if (v && v.state.doc.toString() !== props.value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: props.value } });
  }, [props.value]);
  useEffect(() => {
    const v = view.current;
    if (v) v.dispatch(setDiagnostics(v.state, (props.marks ?? []).map((m) => diagnostic(v.state, m))));
  }, [props.marks, props.value]);
  return <div className="editor" ref={host} />;
}

function diagnostic(state: EditorState, m: Mark): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(m.line, 1), state.doc.lines));
  const from = Math.min(line.from + Math.max((m.column ?? 1) - 1, 0), line.to);
  return { from, to: line.to, severity: "error", message: m.message };
}

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword, tags.operatorKeyword], color: "var(--link)", fontWeight: "600" },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--link)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--busy)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--soft)", fontStyle: "italic" },
]);

const basics: Extension = [
  lineNumbers(),
  history(),
  drawSelection(),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  autocompletion(),
  highlightActiveLine(),
  highlightSelectionMatches(),
  syntaxHighlighting(colours),
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
  EditorView.theme({
    "&": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "8px" },
    "&.cm-focused": { outline: "2px solid var(--fill)" },
    ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace', fontSize: ".9rem" },
    ".cm-content": { caretColor: "var(--ink)" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "0" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--fill) 7%, transparent)" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in srgb, var(--fill) 30%, transparent)" },
    ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line)" },
    ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)" },
  }),
];
