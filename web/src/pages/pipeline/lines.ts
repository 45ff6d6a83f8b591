// What has changed from one text to another, line by line.
export type Line = { kind: "same" | "gone" | "new"; text: string; from: number; to: number }; // from and to begin with 0

// diff returns the lines of both texts in their order; what is the same is there once.
export function diff(before: string, after: string): Line[] {
  const a = linesOf(before);
  const b = linesOf(after);
  const common = table(a, b);
  const all: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) all.push({ kind: "same", text: a[i]!, from: i++, to: j++ });
    else if (i < a.length && (j >= b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) all.push({ kind: "gone", text: a[i]!, from: i++, to: j });
    else all.push({ kind: "new", text: b[j]!, from: i, to: j++ });
  }
  return all;
}

export const linesOf = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

// table has the length of the longest common part behind each pair of lines.
function table(a: string[], b: string[]): Uint16Array[] {
  const rows = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    const row = rows[i]!;
    const next = rows[i + 1]!;
    for (let j = b.length - 1; j >= 0; j--) row[j] = a[i] === b[j] ? next[j + 1]! + 1 : Math.max(next[j]!, row[j + 1]!);
  }
  return rows;
}

// around leaves out the lines that are the same as before, save for some beside those that are not; a number tells how many.
export function around(all: Line[], beside = 3): (Line | number)[] {
  const shown = all.map((_, i) => all.slice(Math.max(0, i - beside), i + beside + 1).some((l) => l.kind !== "same"));
  const result: (Line | number)[] = [];
  for (const [i, line] of all.entries()) {
    const last = result.at(-1);
    if (shown[i]) result.push(line);
    else if (typeof last === "number") result[result.length - 1] = last + 1;
    else result.push(1);
  }
  return result;
}
