// The frame around all pages: who asks, and where to go.
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, Suspense, createContext, lazy, useContext } from "react";
import { Link, Route, Switch, useLocation } from "wouter";

import { Problem, answer, api } from "./api/client";
import { useSession } from "./api/queries";
import { Home } from "./pages/home";
import { Login } from "./pages/login";
import { PipelinePage } from "./pages/pipeline";
import { Pipelines } from "./pages/pipelines";
import { RunPage } from "./pages/run";
import { Runs } from "./pages/runs";
import { Triggers } from "./pages/triggers";
import { Watermarks } from "./pages/watermarks";
import { Button, Empty, Failure, Loading, Page } from "./ui/parts";

// What is seldom needed is loaded when it is.
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
  ["/connections", "Connections"],
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
        <Side who={session.data.name} open={session.data.open} />
        <Suspense fallback={<Loading />}>
          <Pages />
        </Suspense>
      </div>
    </Role>
  );
}

function Side({ who, open }: { who: string; open: boolean }) {
  const [path] = useLocation();
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
        <Link key={href} href={href} className="item" aria-current={path === href || (href !== "/" && path.startsWith(`${href}/`)) ? "page" : undefined}>
          {name}
        </Link>
      ))}
      <div className="who">
        {open ? (
          "this machine"
        ) : (
          <>
            {who} <Button onClick={() => void out()}>Log out</Button>
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
      <Route path="/runs/:id">{(p) => <RunPage id={decodeURIComponent(p.id)} key={p.id} />}</Route>
      <Route path="/triggers" component={Triggers} />
      <Route path="/watermarks" component={Watermarks} />
      <Route path="/new" component={NewPipeline} />
      <Route path="/connections" component={Connections} />
      <Route path="/connections/new" component={NewConnection} />
      <Route path="/connections/:name">{(p) => <EditConnection name={decodeURIComponent(p.name)} key={p.name} />}</Route>
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
