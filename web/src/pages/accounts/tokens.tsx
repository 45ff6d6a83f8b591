// The tokens of programs. One is shown once, when it is made.
import { type FormEvent, useState } from "react";

import { type Role, type Token, addToken, removeToken, useTokens } from "../../api/accounts";
import { useAct } from "../../api/queries";
import { exact } from "../../ui/format";
import { Confirm } from "../../ui/confirm";
import { Answer, Button, Empty, Failure, Table, When, useNow } from "../../ui/parts";
import { RoleChoice } from "./users";

export function Tokens() {
  const tokens = useTokens();
  return (
    <>
      <h2>Tokens</h2>
      <NewToken />
      <Answer of={tokens}>
        {(data) => ((data.tokens ?? []).length === 0 ? <Empty>No program has a token.</Empty> : <TokenTable tokens={data.tokens ?? []} />)}
      </Answer>
    </>
  );
}

const days: [string, number][] = [
  ["in 30 days", 30],
  ["in 90 days", 90],
  ["in a year", 365],
  ["never", 0],
];

function NewToken() {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [lasts, setLasts] = useState(90);
  const [made, setMade] = useState<{ name: string; secret: string }>();
  const add = useAct(addToken);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    const expires = lasts ? new Date(Date.now() + lasts * 86400_000).toISOString() : undefined;
    const got = (await add.mutateAsync({ name, role, expires })) as { token: string };
    setMade({ name, secret: got.token });
    setName("");
  };
  return (
    <>
      <Failure error={add.error} />
      <form className="inline" aria-label="Make a token" onSubmit={(e) => void submit(e).catch(() => undefined)}>
        <label>
          Name of the token
          <input value={name} onChange={(e) => setName(e.target.value)} autoComplete="off" required />
        </label>
        <label>
          Role
          <RoleChoice label="Role of the token" value={role} onChange={setRole} />
        </label>
        <label>
          Expires
          <select value={lasts} onChange={(e) => setLasts(Number(e.target.value))}>
            {days.map(([text, n]) => (
              <option key={n} value={n}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <Button type="submit" kind="main" busy={add.isPending}>
          Make token
        </Button>
      </form>
      {made && <Secret key={made.secret} name={made.name} secret={made.secret} done={() => setMade(undefined)} />}
    </>
  );
}

function Secret({ name, secret, done }: { name: string; secret: string; done: () => void }) {
  const [copied, setCopied] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      setCopied("Copied.");
    } catch {
      setCopied("The browser does not allow that: select the token and copy it."); // not over https, say
    }
  };
  return (
    <section className="notice" aria-label={`The token ${name}`}>
      <p>This is the token {name}. It is shown this once: keep it where the program finds it.</p>
      <div className="secret">
        <code>{secret}</code>
        <Button kind="main" onClick={() => void copy()}>
          Copy
        </Button>
        <Button onClick={done}>I have it</Button>
        <span role="status">{copied}</span>
      </div>
    </section>
  );
}

function TokenTable({ tokens }: { tokens: Token[] }) {
  const remove = useAct(removeToken);
  const [leaving, setLeaving] = useState("");
  const now = useNow();
  return (
    <>
      <Failure error={remove.error} />
      <Table label="Tokens" head={["Name", "Role", "Made", "Expires", "Used", ""]}>
        {tokens.map((t) => (
          <tr key={t.name}>
            <td>{t.name}</td>
            <td>{t.role}</td>
            <td className="nowrap">
              {exact(t.created)}
              {t.created_by && <span className="soft"> by {t.created_by}</span>}
            </td>
            <td className="nowrap">{t.expires ? Date.parse(t.expires) < now ? <span className="late">expired</span> : exact(t.expires) : "never"}</td>
            <td className="nowrap">
              <When at={t.used} now={now} />
            </td>
            <td>
              <Button kind="danger" label={`Take back ${t.name}`} busy={remove.isPending} onClick={() => setLeaving(t.name)}>
                Take back
              </Button>
            </td>
          </tr>
        ))}
      </Table>
      {leaving && (
        <Confirm title={`Take the token ${leaving} back?`} verb="Take back" onDo={() => remove.mutate(leaving)} onClose={() => setLeaving("")}>
          A program that shows it is refused from then on.
        </Confirm>
      )}
    </>
  );
}
