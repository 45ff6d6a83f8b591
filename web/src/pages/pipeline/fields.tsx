// Fields of forms whose values are in a draft.
import { type ReactNode, useId, useState } from "react";

import { listOf, words } from "./spec";

type Props<T> = { label: string; value: T; onChange: (value: T | undefined) => void; help?: string; options?: string[]; placeholder?: string };

// Text is one line; options are offered, and others can be typed.
export function Text({ label, value, onChange, help, options, placeholder }: Props<string>) {
  const id = useId();
  return (
    <Labelled label={label} help={help}>
      <input value={value} placeholder={placeholder} list={options?.length ? id : undefined} onChange={(e) => onChange(e.target.value || undefined)} spellCheck={false} autoComplete="off" />
      {options && options.length > 0 && <Options id={id} options={options} />}
    </Labelled>
  );
}

export function Options({ id, options }: { id: string; options: string[] }) {
  return (
    <datalist id={id}>
      {options.map((o) => (
        <option key={o} value={o} />
      ))}
    </datalist>
  );
}

// List is some words with commas between. What is typed stays as it is until it means something else than the draft says.
export function List({ label, value, onChange, help, placeholder, options }: { label: string; value: unknown; onChange: (value: string[]) => void; help?: string; placeholder?: string; options?: string[] }) {
  const [typed, type] = useState(words(value));
  const id = useId();
  const shown = words(listOf(typed)) === words(value) ? typed : words(value);
  return (
    <Labelled label={label} help={help}>
      <input
        value={shown}
        placeholder={placeholder}
        list={options?.length && listOf(shown).length < 2 ? id : undefined}
        spellCheck={false}
        autoComplete="off"
        onChange={(e) => {
          type(e.target.value);
          onChange(listOf(e.target.value));
        }}
      />
      {options && options.length > 0 && <Options id={id} options={options} />}
    </Labelled>
  );
}

// Choice is one of some; the first, which stands for what the server does by itself, is not written down.
export function Choice({ label, value, onChange, options, byDefault, help }: Props<string> & { options: string[]; byDefault?: string }) {
  const known = value === "" || options.includes(value) ? options : [...options, value];
  return (
    <Labelled label={label} help={help}>
      <select value={value} onChange={(e) => onChange(e.target.value || undefined)}>
        {byDefault !== undefined && <option value="">{byDefault}</option>}
        {known.map((o) => (
          <option key={o} value={o}>
            {o}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

function Labelled({ label, help, children }: { label: string; help?: string; children: ReactNode }) {
  return (
    <label title={help}>
      {label}
      {children}
    </label>
  );
}
