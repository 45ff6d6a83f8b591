// Names as they stand in SQL.

// Words that mean something else when they are not quoted, of those that people call tables and columns.
const reserved = new Set(
  "all analyze and any array as asc asymmetric at both case cast check column constraint create default desc describe distinct do else end except false fetch for foreign from grant group having in initially intersect into is join lateral leading limit not null offset on only or order pivot placing primary qualify references select show some table summarize symmetric then to trailing true union unique using when where window with".split(
    " ",
  ),
);

// quoted is a name as it can stand in SQL.
export const quoted = (name: string) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !reserved.has(name.toLowerCase()) ? name : `"${name.replaceAll('"', '""')}"`);

// tableSQL is NAMESPACE.TABLE, as the API has it, as it can stand in SQL. A name has no dot of its own.
export const tableSQL = (name: string) => name.split(".").map(quoted).join(".");

// A Place is where something is in a text, from 1.
export type Place = { line: number; column?: number };

// placeOf finds where in a statement an error is that tells it, and what it says.
export function placeOf(message: string): (Place & { message: string }) | undefined {
  const m = /(?:^|: )line (\d+)(?:, column (\d+))?: ([\s\S]*)$/.exec(message);
  return m ? { line: Number(m[1]), column: m[2] ? Number(m[2]) : undefined, message: m[3] ?? message } : undefined;
}

// placeIn is a place of a part of a text, which begins there, as a place of the whole. The server counts characters, a
// browser counts halves of some.
export function placeIn(text: string, from: number, part: string, p: Place): Place {
  const line = part.split("\n")[p.line - 1] ?? "";
  const column = p.column === undefined ? undefined : [...line].slice(0, p.column - 1).join("").length + 1;
  const before = text.slice(0, from).split("\n");
  const indent = p.line === 1 ? (before.at(-1)?.length ?? 0) : 0;
  return { line: before.length + p.line - 1, column: column === undefined ? undefined : column + indent };
}

export type Part = { from: number; text: string };

// statements are those of a text, without the semicolons between them; what holds nothing but comments is none.
export function statements(text: string): Part[] {
  const found: Part[] = [];
  let from = 0;
  let real = false;
  const token = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|(\$\w*\$)[\s\S]*?(?:\1|$)|;|\s+|[\s\S]/g;
  const end = (at: number) => {
    const part = text.slice(from, at);
    const lead = part.length - part.trimStart().length;
    if (real) found.push({ from: from + lead, text: part.trim() });
    real = false;
  };
  for (const m of text.matchAll(token)) {
    if (m[0] === ";") {
      end(m.index);
      from = m.index + 1;
    } else if (!/^(--|\/\*|\s)/.test(m[0])) {
      real = true;
    }
  }
  end(text.length);
  return found;
}
