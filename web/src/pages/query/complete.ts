// Completion of tables and columns, beside that of SQL's words.
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import type { Extension } from "@codemirror/state";

import type { Column } from "../../api/lake";
import { quoted, tableSQL } from "../../ui/sql";

export type Known = {
  tables: () => string[]; // as NAMESPACE.TABLE
  columns: (table: string) => Promise<Pick<Column, "name" | "type">[]>;
};

type Named = { table: string; alias: string };

const name = '(?:"(?:[^"]|"")+"|[A-Za-z_]\\w*)';
const bare = (n: string) => (n.startsWith('"') ? n.slice(1, -1).replaceAll('""', '"') : n);

// named finds the tables that a text names, each with the word that stands for it.
export function named(text: string, tables: string[]): Named[] {
  const full = new Map(tables.map((t) => [t.toLowerCase(), t]));
  const short = new Map<string, string>();
  for (const t of tables) short.set((t.split(".")[1] ?? "").toLowerCase(), t);
  const found: Named[] = [];
  const place = new RegExp(`(?:\\b(?:from|join)|,)\\s+(${name})(?:\\.(${name}))?(?:\\s+for\\s+\\w+\\s+as\\s+of\\s+\\S+)?(?:\\s+(?:as\\s+)?(?!(?:where|join|on|using|left|right|inner|full|cross|group|order|limit|union|having|for)\\b)(${name}))?`, "gi");
  for (const m of text.matchAll(place)) {
    const [first, second] = [bare(m[1] ?? ""), m[2] && bare(m[2])];
    const table = second ? full.get(`${first}.${second}`.toLowerCase()) : short.get(first.toLowerCase());
    if (table) found.push({ table, alias: m[3] ? bare(m[3]) : (second ?? first) });
  }
  return found;
}

const tableOption = (label: string, apply: string, detail?: string): Completion => ({ label, apply, type: "class", detail, boost: 1 });

async function columnsOf(known: Known, tables: string[]): Promise<Completion[]> {
  const lists = await Promise.all([...new Set(tables)].map((t) => known.columns(t).catch(() => [])));
  return lists.flat().map((c) => ({ label: c.name, apply: quoted(c.name), type: "property", detail: c.type, boost: 2 }));
}

// complete offers what can stand where the cursor is: behind a dot what belongs to what is before it.
async function complete(context: CompletionContext, known: Known): Promise<CompletionResult | null> {
  const before = context.matchBefore(new RegExp(`(?:${name}\\.)*"?\\w*$`));
  if (!before || (before.text === "" && !context.explicit)) return null;
  const dot = before.text.lastIndexOf(".");
  const from = before.from + dot + 1;
  const tables = known.tables();
  const here = named(context.state.doc.toString(), tables);
  const path = dot < 0 ? "" : before.text.slice(0, dot).split(".").map(bare).join(".").toLowerCase();
  let options: Completion[];
  if (dot < 0) {
    const databases = [...new Set(tables.map((t) => t.split(".")[0] ?? ""))];
    options = [
      ...(await columnsOf(known, here.map((n) => n.table))),
      ...tables.map((t) => tableOption(t, tableSQL(t))),
      ...databases.map((d) => tableOption(d, quoted(d), "database")),
    ];
  } else {
    const meant = here.filter((n) => n.alias.toLowerCase() === path || n.table.toLowerCase() === path).map((n) => n.table);
    const inside = tables.filter((t) => t.toLowerCase().startsWith(`${path}.`)).map((t) => t.split(".")[1] ?? "");
    options = [...(await columnsOf(known, meant)), ...inside.map((t) => tableOption(t, quoted(t)))];
  }
  return options.length > 0 ? { from, options, validFor: /^"?\w*$/ } : null;
}

// language is SQL with the names that are known.
export function language(known: Known): Extension {
  const words = sql({ dialect: PostgreSQL, upperCaseKeywords: true });
  return [words, words.language.data.of({ autocomplete: (c: CompletionContext) => complete(c, known) })];
}
