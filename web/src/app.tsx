// The frame around all pages: who asks, and where to go.
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, Suspense, createContext, lazy, useContext } from "react";
import { Link, Route, Switch, useLocation } from "wouter";

import { Problem, answer, api } from "./api/client";
import { useSession } from "./api/queries";
import { Audit } from "./pages/accounts/audit";
import { Password } from "./pages/accounts/password";
import { Users } from "./pages/accounts/users";
import { Home } from "./pages/home";
import { Login } from "./pages/login";
import { PipelinePage } from "./pages/pipeline";
import { Pipelines } from "./pages/pipelines";
import { RunPage } from "./pages/run";
import { CompareRuns } from "./pages/run/compare";
import { Runs } from "./pages/runs";
import { Triggers } from "./pages/triggers";
import { Watermarks } from "./pages/watermarks";
import { Button, Empty, Failure, Loading, Page } from "./ui/parts";

// What not everybody opens is loaded when somebody does.
const Catalog = lazy(() => import("./pages/catalog"));
const Query = lazy(() => import("./pages/query"));
const NewPipeline = lazy(() => import("./pages/new/new").then((m) => ({ default: m.NewPipeline })));
const Connections = lazy(() => import("./pages/connections/connections").then((m) => ({ default: m.Connections })));
const NewConnection = lazy(() => import("./pages/connections/edit").then((m) => ({ default: m.NewConnection })));
const EditConnection = lazy(() => import("./pages/connections/edit").then((m) => ({ default: m.EditConnection })));

const roles = ["viewer", "operator", "admin"];
const Role = createContext("viewer");

// Only shows its children to those whose role allows what they do.
export function Only({ role, children }: { role: "operator" | "admin"; children: ReactNode }) {
  return roles.indexOf(useContext(Role)) >= roles.indexOf(role) ? children : null;
}

const places: [string, string][] = [
  ["/", "Home"],
  ["/pipelines", "Pipelines"],
  ["/runs", "Runs"],
  ["/triggers", "Triggers"],
  ["/watermarks", "Watermarks"],
  ["/catalog", "Catalog"],
  ["/query", "Query"],
  ["/connections", "Connections"],
];

const governed: [string, string][] = [
  ["/users", "Users"],
  ["/audit", "Audit"],
];

export function App() {
  const session = useSession();
  if (session.error instanceof Problem && session.error.status === 401) return <Login />;
  if (session.error) {
    return (
      <main>
        <Failure error={session.error} />
        <Button onClick={() => void session.refetch()}>Try again</Button>
      </main>
    );
  }
  if (!session.data) return <Loading />;
  return (
    <Role value={session.data.role}>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <div className="frame">
        <Side who={session.data.name} open={session.data.open} person={session.data.kind === "user"} />
        <Suspense
          fallback={
            <main>
              <Loading />
            </main>
          }
        >
          <Pages />
        </Suspense>
      </div>
    </Role>
  );
}

function Place({ href, name }: { href: string; name: string }) {
  const [path] = useLocation();
  return (
    <Link href={href} className="item" aria-current={path === href || (href !== "/" && path.startsWith(`${href}/`)) ? "page" : undefined}>
      {name}
    </Link>
  );
}

function Side({ who, open, person }: { who: string; open: boolean; person: boolean }) {
  const client = useQueryClient();
  const out = async () => {
    await answer(api.DELETE("/api/v1/session"));
    await client.resetQueries(); // nothing stays of what the one before has seen
  };
  return (
    <nav className="side" aria-label="Pages">
      <Link href="/" className="brand">
        Tidemark
      </Link>
      {places.map(([href, name]) => (
        <Place key={href} href={href} name={name} />
      ))}
      <Only role="admin">
        {governed.map(([href, name]) => (
          <Place key={href} href={href} name={name} />
        ))}
      </Only>
      <div className="who">
        {open ? (
          "this machine"
        ) : (
          <>
            {person ? (
              <Link href="/password" title="Change your password">
                {who}
              </Link>
            ) : (
              who
            )}{" "}
            <Button onClick={() => void out()}>Log out</Button>
          </>
        )}
      </div>
    </nav>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/" component={Home} />
      <Route path="/pipelines" component={Pipelines} />
      <Route path="/pipelines/:name/:tab?">{(p) => <PipelinePage name={decodeURIComponent(p.name)} tab={p.tab ?? "runs"} />}</Route>
      <Route path="/runs" component={Runs} />
      <Route path="/runs/compare" component={CompareRuns} />
      <Route path="/runs/:id">{(p) => <RunPage id={decodeURIComponent(p.id)} key={p.id} />}</Route>
      <Route path="/triggers" component={Triggers} />
      <Route path="/watermarks" component={Watermarks} />
      <Route path="/catalog/*?">{() => <Catalog />}</Route>
      <Route path="/query" component={Query} />
      <Route path="/new" component={NewPipeline} />
      <Route path="/connections" component={Connections} />
      <Route path="/connections/new" component={NewConnection} />
      <Route path="/connections/:name">{(p) => <EditConnection name={decodeURIComponent(p.name)} key={p.name} />}</Route>
      <Route path="/users" component={Users} />
      <Route path="/audit" component={Audit} />
      <Route path="/password" component={Password} />
      <Route>
        <Page title="Not found">
          <Empty>
            There is no such page. <Link href="/">Go home</Link>
          </Empty>
        </Page>
      </Route>
    </Switch>
  );
}
