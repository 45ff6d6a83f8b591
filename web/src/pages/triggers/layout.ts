// Where the nodes of the graph of triggers lie: what starts is left of what is started.
import type { Pipeline, Trigger } from "../../api/client";

export type Node = { id: string; kind: "pipeline" | "trigger"; name: string; column: number; row: number; pipeline?: Pipeline; trigger?: Trigger };
export type Edge = { from: string; to: string; trigger: Trigger };
export type Graph = { nodes: Node[]; edges: Edge[]; columns: number; rows: number };

const pipelineId = (name: string) => `p:${name}`;
const triggerId = (t: Trigger) => `t:${t.id}`;

// graphOf returns the pipelines that triggers start, or wait for, and what starts them. A trigger that waits for runs of others is an
// arrow from each of these, and any other a node of its own.
export function graphOf(triggers: Trigger[], pipelines: Pipeline[]): Graph {
  const known = new Map(pipelines.map((p) => [p.name, p]));
  const nodes = new Map<string, Node>();
  const edges: Edge[] = [];
  const pipeline = (name: string) => {
    const id = pipelineId(name);
    if (!nodes.has(id)) nodes.set(id, { id, kind: "pipeline", name, column: 0, row: 0, pipeline: known.get(name) });
    return id;
  };
  for (const t of triggers) {
    const to = pipeline(t.pipeline);
    if (t.after?.length) {
      for (const from of t.after) edges.push({ from: pipeline(from), to, trigger: t });
    } else {
      nodes.set(triggerId(t), { id: triggerId(t), kind: "trigger", name: t.id, column: 0, row: 0, trigger: t });
      edges.push({ from: triggerId(t), to, trigger: t });
    }
  }
  return placed([...nodes.values()], edges);
}

// placed puts each node one column behind the last of those that start it, and within a column beside those.
function placed(nodes: Node[], edges: Edge[]): Graph {
  const byId = new Map(nodes.map((n) => [n.id, n]));
  const before = new Map<string, string[]>();
  for (const e of edges) before.set(e.to, [...(before.get(e.to) ?? []), e.from]);
  // The config allows no circle, so that this ends; the bound is for one that comes while it changes.
  for (let round = 0, moved = true; moved && round < nodes.length; round++) {
    moved = false;
    for (const e of edges) {
      const [from, to] = [byId.get(e.from), byId.get(e.to)];
      if (from && to && to.column <= from.column) {
        to.column = from.column + 1;
        moved = true;
      }
    }
  }
  let [columns, rows] = [0, 0];
  for (let column = 0; ; column++) {
    const here = nodes.filter((n) => n.column === column);
    if (here.length === 0) break;
    const beside = (n: Node) => middle((before.get(n.id) ?? []).map((id) => byId.get(id)?.row ?? 0));
    const order = new Map(here.map((n, i) => [n.id, beside(n) ?? i]));
    here.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
    here.forEach((n, i) => {
      n.row = Math.max(i, (here[i - 1]?.row ?? -1) + 1, column === 0 ? 0 : Math.round(order.get(n.id) ?? 0));
      rows = Math.max(rows, n.row + 1);
    });
    columns = column + 1;
  }
  return { nodes, edges, columns, rows };
}

const middle = (values: number[]) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : undefined);
