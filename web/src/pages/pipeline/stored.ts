// Drafts that are not saved yet, as the browser keeps them for as long as its tab is open. The page for new pipelines
// writes one to draft:NAME as well.
export type Base = { yaml: string; version: string }; // what was there when the change began

export type Held = { text: string; base?: Base };

const textKey = (name: string) => `draft:${name}`;
const baseKey = (name: string) => `draft-base:${name}`;

export const hasDraft = (name: string) => sessionStorage.getItem(textKey(name)) !== null;

export function stored(name: string): Held | undefined {
  const text = sessionStorage.getItem(textKey(name));
  const base = sessionStorage.getItem(baseKey(name));
  return text === null ? undefined : { text, base: base ? (JSON.parse(base) as Base) : undefined };
}

export function store(name: string, held: Held | undefined) {
  if (!held) {
    sessionStorage.removeItem(textKey(name));
    sessionStorage.removeItem(baseKey(name));
    return;
  }
  sessionStorage.setItem(textKey(name), held.text);
  if (held.base) sessionStorage.setItem(baseKey(name), JSON.stringify(held.base));
  else sessionStorage.removeItem(baseKey(name));
}
