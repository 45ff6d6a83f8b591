// What pages ask of connections, and how they change them.
import { useQuery } from "@tanstack/react-query";

import { Problem, type Schemas, answer, api } from "../../api/client";

export type Connection = Schemas["Connection"];
export type Finding = Schemas["Finding"];
export type Checked = Schemas["CheckedBody"];
export type Spec = Record<string, unknown>;

export const connectionPath = (name: string) => `/connections/${encodeURIComponent(name)}`;

// The form is filled once: what somebody else saves meanwhile shows when this one is saved.
export const useConnectionSpec = (name: string) =>
  useQuery({
    queryKey: ["connection-spec", name],
    queryFn: () => answer(api.GET("/api/v1/connections/{name}/spec", { params: { path: { name } } })),
    refetchOnWindowFocus: false,
    staleTime: Infinity,
    gcTime: 0,
  });

export const checkConnection = (name: string) => answer(api.POST("/api/v1/connections/{name}/check", { params: { path: { name } } }));

export const checkDraft = (name: string, spec: Spec) =>
  told(api.POST("/api/v1/connections/{name}/draft/check", { params: { path: { name } }, body: { spec } }));

// saveConnection changes the connection that had this version, or makes a new one where there is none.
export async function saveConnection(name: string, spec: Spec, version?: string) {
  const header = version ? { "If-Match": `"${version}"` } : ({ "If-None-Match": "*" } as const);
  try {
    return await told(api.PUT("/api/v1/connections/{name}", { params: { path: { name }, header }, body: { spec } }));
  } catch (e) {
    if (version || !(e instanceof Problem) || e.status !== 412) throw e;
    throw new Mistakes([{ path: `connections.${name}.name`, message: "there is a connection of this name already" }]);
  }
}

export const deleteConnection = (name: string) => told(api.DELETE("/api/v1/connections/{name}", { params: { path: { name } } }));

// Mistakes are those of a config, each with the path of its key.
export class Mistakes extends Error {
  constructor(readonly list: { path: string; message: string }[]) {
    super(list.map((m) => (m.path ? `${m.path}: ${m.message}` : m.message)).join("\n"));
  }

  // below is what is said of the entry at a path: of its keys, "" for itself, and undefined of anything else.
  below(path: string): Map<string, string> {
    const found = new Map<string, string>();
    for (const m of this.list) {
      if (m.path === path) found.set("", m.message);
      else if (m.path.startsWith(`${path}.`)) found.set(m.path.slice(path.length + 1), m.message);
    }
    return found;
  }
}

type Got<T> = { data?: T; error?: unknown; response: Response };

// told is answer, with the mistakes of a config as such.
export async function told<T>(request: Promise<Got<T>>): Promise<T> {
  const got = await request.catch(() => undefined);
  if (!got) throw new Problem(0, "The server cannot be reached.");
  if (got.response.status === 412) throw new Problem(412, (got.error as { detail?: string }).detail ?? "The config file has changed.", "Somebody else has saved meanwhile: read it again, then make the change once more.");
  const errors = (got.error as Schemas["ErrorModel"] | undefined)?.errors ?? [];
  const list = errors.flatMap((e) => {
    const at = /^\d+:\d+ (.*)$/.exec(e.location ?? "");
    return at ? [{ path: at[1] ?? "", message: e.message ?? "" }] : [];
  });
  if (got.response.status === 422 && list.length > 0) throw new Mistakes(list);
  return answer(Promise.resolve(got));
}
