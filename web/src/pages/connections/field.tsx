import { type ReactNode, useId } from "react";

import { type Field, secretStores } from "./fields";

// Labelled is a field with its hint, and with what is wrong with it.
export function Labelled({ label, hint, wrong, needed, children }: { label: string; hint?: ReactNode; wrong?: string; needed?: boolean; children: (props: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ReactNode }) {
  const id = useId();
  const says = [wrong && `${id}-wrong`, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined;
  return (
    <div className={wrong ? "field wrong" : "field"}>
      <label htmlFor={id}>
        {label}
        {needed && <span className="soft"> (needed)</span>}
      </label>
      {children({ id, "aria-describedby": says, "aria-invalid": wrong ? true : undefined })}
      {wrong && (
        <div className="problem" id={`${id}-wrong`}>
          {wrong}
        </div>
      )}
      {hint && (
        <div className="soft hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
    </div>
  );
}

export function FieldInput({ field: f, value, wrong, onChange }: { field: Field; value: string; wrong?: string; onChange: (value: string) => void }) {
  if (f.as === "secret") return <SecretInput field={f} value={value} wrong={wrong} onChange={onChange} />;
  if (f.as === "flag") {
    return (
      <Labelled label={f.label} hint={f.hint} wrong={wrong}>
        {(p) => <input {...p} type="checkbox" checked={value === "true"} onChange={(e) => onChange(e.target.checked ? "true" : "")} />}
      </Labelled>
    );
  }
  return (
    <Labelled label={f.label} hint={f.hint} wrong={wrong} needed={f.needed}>
      {(p) =>
        f.choices ? (
          <select {...p} value={value} onChange={(e) => onChange(e.target.value)}>
            <option value="">by default</option>
            {f.choices.map((c) => (
              <option key={c}>{c}</option>
            ))}
          </select>
        ) : (
          <input {...p} value={value} placeholder={f.place} inputMode={f.as === "number" ? "numeric" : undefined} onChange={(e) => onChange(e.target.value)} autoComplete="off" spellCheck={false} />
        )
      }
    </Labelled>
  );
}

// SecretInput asks where a password is, and never for the password.
function SecretInput({ field: f, value, wrong, onChange }: { field: Field; value: string; wrong?: string; onChange: (value: string) => void }) {
  const [, store = "", name = ""] = /^\$\{([a-z-]+):(.*)\}$/.exec(value) ?? [];
  const known = secretStores.find((s) => s[0] === store);
  return (
    <div className="secret">
      <Labelled label={`${f.label} is in`}>
        {(p) => (
          <select {...p} value={store} onChange={(e) => onChange(e.target.value ? `\${${e.target.value}:${name}}` : "")}>
            <option value="">no place: there is none</option>
            {secretStores.map(([key, says]) => (
              <option key={key} value={key}>
                {says}
              </option>
            ))}
          </select>
        )}
      </Labelled>
      {known && (
        <Labelled label={`Name of ${known[1].replace(/^an? /, "the ")} of the ${f.label.toLowerCase()}`} wrong={wrong} hint={`The server looks it up there. In the config stands \${${store}:${name || "…"}}, and never the ${f.label.toLowerCase()} itself.`}>
          {(p) => <input {...p} value={name} placeholder={known[2]} onChange={(e) => onChange(`\${${store}:${e.target.value}}`)} autoComplete="off" spellCheck={false} />}
        </Labelled>
      )}
    </div>
  );
}
