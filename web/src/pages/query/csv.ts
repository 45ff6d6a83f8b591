// A result as CSV, as RFC 4180 says but for lines that end in a newline alone. NULL is nothing, an empty text is "".
import type { Rows } from "./run";

const cell = (v: string | null) => (v === null ? "" : v === "" || /[",\r\n]|^\s|\s$/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);

export function csv(columns: string[], rows: Rows): Blob {
  const parts = [`${columns.map(cell).join(",")}\n`];
  for (let i = 0; i < rows.length; i += 1000) {
    // An only column that is NULL would be an empty line, which is none to many.
    const lines = rows.slice(i, i + 1000).map((row) => `${row.length === 1 && row[0] === null ? '""' : row.map(cell).join(",")}\n`);
    parts.push(lines.join(""));
  }
  return new Blob(parts, { type: "text/csv;charset=utf-8" });
}

// save gives a file to the browser to keep.
export function save(name: string, file: Blob) {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // by when the browser has begun
}
