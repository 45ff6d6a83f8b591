// The kinds of connections and the fields of their forms, after docs/config.md.
import type { Spec } from "./data";

export type Kind = "mysql" | "file" | "s3";

export type Field = {
  key: string; // in the form, and where it is no part of a URL, the path in the config
  label: string;
  hint?: string;
  place?: string; // an example
  as?: "secret" | "number" | "flag";
  choices?: string[];
  needed?: boolean;
  more?: boolean; // seldom of need
  check?: (value: string) => string | undefined;
};

export type Values = Record<string, string>;

export const kinds: Record<Kind, { name: string; says: string; fields: Field[] }> = {
  mysql: { name: "MySQL", says: "or MariaDB: a server, as a source", fields: mysqlFields() },
  file: {
    name: "Folder",
    says: "on the server's machine, as a lake",
    fields: [{ key: "path", label: "Folder", place: "lake", needed: true, hint: "Relative to the folder of the config file, or from the root." }, maxRuns()],
  },
  s3: { name: "S3 bucket", says: "or one of another server with its protocol, as a lake", fields: s3Fields() },
};

function mysqlFields(): Field[] {
  return [
    { key: "host", label: "Host", place: "db.example.com", needed: true, check: (v) => (/[\s/@]/.test(v) ? "a host has no spaces, “/” or “@” in it" : undefined) },
    { key: "port", label: "Port", place: "3306", as: "number", check: (v) => (Number(v) >= 1 && Number(v) <= 65535 ? undefined : "a port is from 1 to 65535") },
    { key: "user", label: "User", place: "etl", needed: true, check: (v) => (v.includes(":") ? "the user alone: the password has a field of its own" : undefined) },
    { key: "password", label: "Password", as: "secret" },
    { key: "database", label: "Database", place: "shop", hint: "Of tables that are named without one." },
    { key: "tls.mode", label: "Encryption", choices: ["verify-identity", "verify-ca", "required", "disabled"], hint: "By default verify-identity, and disabled for this machine's own addresses." },
    { key: "tls.ca", label: "Certificates of the authority", place: "rds", more: true, hint: "A PEM file, or rds for those of Amazon RDS. By default what the system trusts." },
    { key: "tls.server_name", label: "Host name of the certificate", more: true, hint: "Where the connection goes through a tunnel." },
    { key: "socket", label: "Unix socket", place: "/run/mysqld/mysqld.sock", more: true, hint: "In place of host and port." },
    { key: "auth", label: "Log in with", choices: ["password", "iam"], more: true, hint: "iam makes a token of AWS IAM for each connection." },
    { key: "region", label: "AWS region", place: "eu-west-1", more: true, hint: "For iam, where the host name does not tell." },
    { key: "read_rate", label: "Rows per second at most", as: "number", more: true, hint: "That all runs together read. By default there is no limit." },
    maxRuns(),
  ];
}

function s3Fields(): Field[] {
  return [
    { key: "url", label: "Bucket and prefix", place: "s3://my-bucket/lake", needed: true, check: (v) => (/^s3:\/\/[^/\s]+/.test(v) ? undefined : "write s3://BUCKET/PREFIX") },
    { key: "region", label: "AWS region", place: "eu-west-1", hint: "By default that of the server's AWS environment." },
    { key: "endpoint", label: "Address of another server than Amazon's", place: "http://127.0.0.1:9000" },
    { key: "path_style", label: "Put the bucket into the path", as: "flag", hint: "As most other servers than Amazon's want it." },
    { key: "access_key", label: "Access key", as: "secret", more: true },
    { key: "secret_key", label: "Secret key", as: "secret", more: true },
    { key: "role_arn", label: "Role to assume", place: "arn:aws:iam::123456789012:role/lake", more: true },
    { key: "external_id", label: "External id of the role", more: true },
    { key: "sse", label: "Encryption at rest", choices: ["aes256", "kms"], more: true, hint: "By default what the bucket does." },
    { key: "kms_key", label: "Key for kms", more: true },
    maxRuns(),
  ];
}

function maxRuns(): Field {
  return { key: "max_runs", label: "Runs at the same time", as: "number", more: true, hint: "By default there is no limit." };
}

// Where a password is: it is looked up there by the server, and is never in the config.
export const secretStores: [string, string, string][] = [
  ["env", "an environment variable", "SHOP_PASSWORD"],
  ["file", "a file", "/run/secrets/shop"],
  ["aws-sm", "AWS Secrets Manager", "shop#password"],
];

// checkValues returns what is wrong, by the key of the field.
export function checkValues(kind: Kind, values: Values): Map<string, string> {
  const wrong = new Map<string, string>();
  for (const f of kinds[kind].fields) {
    const value = (values[f.key] ?? "").trim();
    if (!value) {
      if (f.needed && !(f.key === "host" && values.socket)) wrong.set(f.key, "this is needed");
      continue;
    }
    const said = f.as === "secret" ? checkSecret(value) : f.as === "number" && !/^\d+$/.test(value) ? "a whole number" : f.check?.(value);
    if (said) wrong.set(f.key, said);
  }
  return wrong;
}

function checkSecret(value: string): string | undefined {
  const [, store = "", name = ""] = /^\$\{([a-z-]+):(.*)\}$/.exec(value) ?? [];
  if (!name.trim()) return "name the place where it is";
  if (store === "env" && !/^[A-Za-z_]\w*$/.test(name)) return "a variable's name has letters, digits and “_”: here goes the name, and never the password itself";
  return /[{}]/.test(name) || (store === "aws-sm" && !/^[^#]+(#[^#]+)?$/.test(name)) ? "this is no name" : undefined;
}

// toSpec puts the form's values into what the config has, whose other keys stay.
export function toSpec(kind: Kind, values: Values, before: Spec): Spec {
  const spec: Spec = before.type === kind ? structuredClone(before) : {};
  spec.type = kind;
  for (const f of kinds[kind].fields) {
    const value = (values[f.key] ?? "").trim();
    if (kind === "mysql" && urlParts.includes(f.key)) continue;
    put(spec, f.key.split("."), value === "" ? undefined : f.as === "number" ? Number(value) : f.as === "flag" ? value === "true" || undefined : value);
  }
  const was = toValues(before);
  if (kind === "mysql" && (spec.url === undefined || urlParts.some((part) => (values[part] ?? "") !== (was[part] ?? "")))) spec.url = mysqlURL(values);
  if (kind === "file" && values.path) delete spec.url;
  return spec;
}

function put(spec: Spec, path: string[], value: unknown) {
  const [key = "", ...rest] = path;
  if (rest.length > 0) {
    const inner = { ...(spec[key] as Spec | undefined) };
    put(inner, rest, value);
    value = Object.keys(inner).length > 0 ? inner : undefined;
  }
  if (value === undefined) delete spec[key];
  else spec[key] = value;
}

const urlParts = ["host", "port", "user", "database"];

function mysqlURL(v: Values): string {
  const [host, port, database] = [v.host?.trim() || "localhost", v.port?.trim(), v.database?.trim()];
  return `mysql://${encodeURIComponent(v.user?.trim() ?? "")}@${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}${port ? `:${port}` : ""}${database ? `/${encodeURIComponent(database)}` : ""}`;
}

// toValues returns what the form shows of a connection.
export function toValues(spec: Spec): Values {
  const values: Values = {};
  for (const f of kinds[spec.type as Kind]?.fields ?? []) {
    const value = f.key.split(".").reduce<unknown>((at, key) => (at as Spec | undefined)?.[key], spec);
    if (value !== undefined && value !== null) values[f.key] = String(value);
  }
  if (spec.type === "mysql") {
    const found = /^mysql:\/\/(?:([^@]*)@)?(\[[^\]]*\]|[^:/]*)(?::(\d*))?(?:\/(.*))?$/.exec(String(spec.url ?? ""));
    const [, user = "", host = "", port = "", database = ""] = found ?? [];
    Object.assign(values, { user: plain(user), host, port, database: plain(database) });
  }
  if (spec.type === "file" && !spec.path && typeof spec.url === "string") values.path = spec.url.replace(/^file:\/\//, "");
  return values;
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// fieldOf is the field for a key of the config.
export const fieldOf = (kind: Kind, key: string) => (kind === "mysql" && key === "url" ? "host" : kind === "file" && key === "url" ? "path" : key);
