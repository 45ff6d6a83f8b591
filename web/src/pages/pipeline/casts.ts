// Which casts of change_schema hold every value of a column, and what happens to those of the others.
export const types = ["boolean", "int", "bigint", "float", "double", "decimal(18,2)", "string", "binary", "date", "timestamp", "timestamptz"];

type Type = { name: string; precision: number; scale: number };

function typeOf(text: string): Type {
  const m = /^decimal\((\d+),\s*(\d+)\)$/.exec(text);
  return m ? { name: "decimal", precision: Number(m[1]), scale: Number(m[2]) } : { name: text, precision: 0, scale: 0 };
}

const digits: Record<string, number> = { boolean: 1, int: 10, bigint: 19 };
const exact: Record<string, number> = { float: 7, double: 15 }; // digits that any number of so many keeps

// loss says why a value may not come through a cast; undefined when each one does.
export function loss(from: string, to: string): string | undefined {
  const a = typeOf(from);
  const b = typeOf(to);
  if (from === to || b.name === "string") return a.name === "binary" && b.name === "string" ? "bytes that are no text do not fit" : undefined;
  if (b.name === "date" && a.name.startsWith("timestamp")) return "the time of day is lost";
  if (a.name === "string" || a.name === "binary") return b.name === "binary" ? undefined : "texts that mean none do not fit";
  if (a.name === "date" || a.name.startsWith("timestamp")) return b.name.startsWith("timestamp") ? undefined : "times are no such values";
  return lossOfNumber(a, b);
}

function lossOfNumber(a: Type, b: Type): string | undefined {
  if (b.name === "boolean") return "only 0 and 1 fit";
  const whole = a.name === "decimal" ? a.precision - a.scale : digits[a.name];
  if (b.name in exact) {
    if (a.name === "double") return "digits are lost";
    if (a.name === "float") return undefined;
    return (a.name === "decimal" ? a.precision : (whole ?? 0)) > (exact[b.name] ?? 0) ? (a.name === "decimal" ? "digits are lost" : "large numbers do not fit") : undefined;
  }
  if (whole === undefined) return b.name === "decimal" || b.name in digits ? "large numbers and digits behind the point may not fit" : "numbers are no such values";
  if (b.name === "decimal") {
    if (b.precision - b.scale < whole) return "large numbers do not fit";
    return b.scale < a.scale ? "digits behind the point do not fit" : undefined;
  }
  const room = digits[b.name];
  if (room === undefined) return "numbers are no such values";
  if (a.scale > 0) return "digits behind the point do not fit";
  return room < whole || (a.name === "decimal" && room <= whole) ? "large numbers do not fit" : undefined;
}
