// The server's API, with the types of its own document.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Pipeline = Schemas["Pipeline"];
export type Run = Schemas["Run"];
export type Trigger = Schemas["Trigger"];
export type LogLine = Schemas["LogLine"];

export const api = createClient<paths>({ baseUrl: "/" });

// Problem is what the server says of a request that it did not answer.
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint?: string,
    readonly details: Schemas["ErrorDetail"][] = [], // as the server has them
  ) {
    super(message);
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

// answer returns what the server has answered, or throws a Problem.
export async function answer<T>(request: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>;
  try {
    got = await request;
  } catch {
    throw new Problem(0, "The server cannot be reached.");
  }
  if (got.response.ok) return got.data as T;
  const said = (got.error ?? {}) as Partial<Schemas["ErrorModel"]>;
  const hint = said.errors?.find((e) => e.location === "hint")?.message;
  const rest = said.errors?.filter((e) => e.location !== "hint").map((e) => `${e.location ?? ""} ${e.message ?? ""}`.trim());
  const text = [said.detail ?? `The server has answered ${got.response.status}.`, ...(rest ?? [])].join("\n");
  throw new Problem(got.response.status, text, hint, said.errors ?? []);
}
