import { type FormEvent, useState } from "react";

import { type Role, type User, addUser, changeUser, removeUser, roles, useUsers } from "../../api/accounts";
import { useAct, useSession } from "../../api/queries";
import { exact } from "../../ui/format";
import { Confirm } from "../../ui/confirm";
import { Answer, Button, Empty, Failure, Page, Table } from "../../ui/parts";
import "./accounts.css";
import { Tokens } from "./tokens";

// Users is who may come: people, and the programs that show a token.
export function Users() {
  const users = useUsers();
  const session = useSession();
  return (
    <Page title="Users and tokens">
      {session.data?.open && (
        <p className="notice">
          Nobody has to log in yet: whoever is at this machine may do everything. The first user is an admin, and from then on everybody logs in.
        </p>
      )}
      <h2>Users</h2>
      <NewUser first={users.data?.users?.length === 0} />
      <Answer of={users}>
        {(data) => ((data.users ?? []).length === 0 ? <Empty>There are no users yet.</Empty> : <UserTable users={data.users ?? []} me={session.data?.name} />)}
      </Answer>
      <Tokens />
    </Page>
  );
}

export function RoleChoice({ label, value, onChange, busy }: { label: string; value: string; onChange: (role: Role) => void; busy?: boolean }) {
  return (
    <select aria-label={label} value={value} disabled={busy} onChange={(e) => onChange(e.target.value as Role)}>
      {roles.map((r) => (
        <option key={r}>{r}</option>
      ))}
    </select>
  );
}

function NewUser({ first }: { first: boolean }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const add = useAct(addUser);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    await add.mutateAsync({ name, role: first ? "admin" : role, password });
    setName("");
    setPassword("");
  };
  return (
    <>
      <Failure error={add.error} />
      <form className="inline" aria-label="Add a user" onSubmit={(e) => void submit(e).catch(() => undefined)}>
        <label>
          Name
          <input value={name} onChange={(e) => setName(e.target.value)} autoComplete="off" required />
        </label>
        <label>
          Password
          <input type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete="new-password" minLength={12} required />
        </label>
        {!first && (
          <label>
            Role
            <RoleChoice label="Role" value={role} onChange={setRole} />
          </label>
        )}
        <Button type="submit" kind="main" busy={add.isPending}>
          Add user
        </Button>
        <p className="hint">A viewer looks, an operator also starts and cancels runs, an admin may do everything. A password has at least 12 characters.</p>
      </form>
    </>
  );
}

function UserTable({ users, me }: { users: User[]; me?: string }) {
  const change = useAct(changeUser);
  const remove = useAct(removeUser);
  const [leaving, setLeaving] = useState("");
  const [resetting, setResetting] = useState("");
  return (
    <>
      <Failure error={change.error ?? remove.error} />
      <Table label="Users" head={["Name", "Role", "Added", "Password set", ""]}>
        {users.map((u) => (
          <tr key={u.name}>
            <td>
              {u.name}
              {u.name === me && <span className="soft"> (you)</span>}
              {u.disabled && <span className="late"> kept out</span>}
            </td>
            <td>
              <RoleChoice label={`Role of ${u.name}`} value={u.role} busy={change.isPending} onChange={(role) => change.mutate({ name: u.name, role })} />
            </td>
            <td className="nowrap">
              {exact(u.created)}
              {u.created_by && <span className="soft"> by {u.created_by}</span>}
            </td>
            <td className="nowrap">{exact(u.password_changed)}</td>
            <td>
              <span className="actions">
                <Button label={`Set a password for ${u.name}`} onClick={() => setResetting(u.name)}>
                  Set password
                </Button>
                <Button label={`${u.disabled ? "Let in" : "Keep out"} ${u.name}`} busy={change.isPending} onClick={() => change.mutate({ name: u.name, disabled: !u.disabled })}>
                  {u.disabled ? "Let in" : "Keep out"}
                </Button>
                <Button kind="danger" label={`Remove ${u.name}`} busy={remove.isPending} onClick={() => setLeaving(u.name)}>
                  Remove
                </Button>
              </span>
            </td>
          </tr>
        ))}
      </Table>
      {resetting && <NewPassword key={resetting} name={resetting} close={() => setResetting("")} />}
      {leaving && (
        <Confirm title={`Remove the user ${leaving}?`} verb="Remove" onDo={() => remove.mutate(leaving)} onClose={() => setLeaving("")}>
          Whoever is logged in by this name is logged out at once. What the audit log has stays.
        </Confirm>
      )}
    </>
  );
}

function NewPassword({ name, close }: { name: string; close: () => void }) {
  const [password, setPassword] = useState("");
  const set = useAct(changeUser);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    await set.mutateAsync({ name, password });
    close();
  };
  return (
    <>
      <h3>A password for {name}</h3>
      <Failure error={set.error} />
      <form className="inline" aria-label={`A password for ${name}`} onSubmit={(e) => void submit(e).catch(() => undefined)}>
        <label>
          New password
          <input type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete="new-password" minLength={12} autoFocus required />
        </label>
        <Button type="submit" kind="main" busy={set.isPending}>
          Set
        </Button>
        <Button onClick={close}>Leave it</Button>
        <p className="hint">It ends the sessions of {name}.</p>
      </form>
    </>
  );
}
