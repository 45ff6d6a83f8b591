// The catalog: lakes, databases, tables. It is in a file of its own, which is loaded when it is first shown.
import { Route, Switch } from "wouter";

import "./catalog.css";
import { TableList } from "./list";
import { TablePage } from "./table";

export default function Catalog() {
  return (
    <Switch>
      <Route path="/catalog/:lake/:table/:tab?">
        {(p) => {
          const [lake, table] = [decodeURIComponent(p.lake), decodeURIComponent(p.table)];
          return <TablePage key={`${lake}/${table}`} lake={lake} table={table} tab={p.tab ?? "columns"} />;
        }}
      </Route>
      <Route path="/catalog/:lake?">{(p) => <TableList wanted={p.lake && decodeURIComponent(p.lake)} />}</Route>
    </Switch>
  );
}
