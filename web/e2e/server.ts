// What the tests ask of the Go test that has started them, which has the server and its database.
const control = process.env.CONSOLE_CONTROL ?? "";

// exec executes a statement in the source's database.
export const exec = (sql: string) => ask("exec", sql);

// server stops and starts the server.
export const server = (what: "stop" | "start") => ask(what, "");

// users makes the admin ann and the viewer ben, from when on everybody must log in.
export const users = () => ask("user", "");

async function ask(path: string, body: string) {
  const got = await fetch(`${control}/${path}`, { method: "POST", body });
  if (!got.ok) throw new Error(await got.text());
}
