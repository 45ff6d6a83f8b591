// The graph of what starts what. The table below it has the same in words, so that this is a picture with links.
import { useMemo } from "react";
import { Link } from "wouter";

import type { Pipeline, Trigger } from "../../api/client";
import { State, When, pipelinePath, useNow } from "../../ui/parts";
import { type Edge, type Node, graphOf } from "./layout";
import "./triggers.css";

const size = { width: 230, height: 66, across: 76, down: 18, edge: 12 };
const left = (n: Node) => size.edge + n.column * (size.width + size.across);
const top = (n: Node) => size.edge + n.row * (size.height + size.down);

export default function TriggerGraph({ triggers, pipelines }: { triggers: Trigger[]; pipelines: Pipeline[] }) {
  const now = useNow();
  const graph = useMemo(() => graphOf(triggers, pipelines), [triggers, pipelines]);
  const byId = new Map(graph.nodes.map((n) => [n.id, n]));
  const width = 2 * size.edge + graph.columns * (size.width + size.across) - size.across;
  const height = 2 * size.edge + graph.rows * (size.height + size.down) - size.down;
  return (
    <div className="triggers graph" role="region" aria-label="What starts what" tabIndex={0}>
      <div style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M0 0 L8 4 L0 8 z" />
            </marker>
          </defs>
          {graph.edges.map((e) => (
            <Arrow key={`${e.trigger.id} ${e.from}`} edge={e} from={byId.get(e.from)} to={byId.get(e.to)} />
          ))}
        </svg>
        {graph.nodes.map((n) => (
          <div key={n.id} className={n.trigger?.enabled === false ? `node ${n.kind} off` : `node ${n.kind}`} style={{ left: left(n), top: top(n), width: size.width, height: size.height }}>
            {n.trigger ? <TriggerNode trigger={n.trigger} now={now} /> : <PipelineNode name={n.name} pipeline={n.pipeline} now={now} />}
          </div>
        ))}
      </div>
    </div>
  );
}

function Arrow({ edge, from, to }: { edge: Edge; from?: Node; to?: Node }) {
  if (!from || !to) return null;
  const [x1, y1, x2, y2] = [left(from) + size.width, top(from) + size.height / 2, left(to) - 1, top(to) + size.height / 2];
  const bend = Math.max((x2 - x1) / 2, 20);
  return (
    <g className={edge.trigger.enabled ? "edge" : "edge off"}>
      <title>{`${edge.trigger.id}: ${edge.trigger.says}`}</title>
      <path d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} markerEnd="url(#arrow)" />
      {edge.trigger.kind === "after" && (
        <text x={x2 - 12} y={y2 - 6}>
          {edge.trigger.says.split(" ")[0]}
          {edge.trigger.says.includes(" of all of ") ? ", all" : ""}
        </text>
      )}
    </g>
  );
}

function PipelineNode({ name, pipeline, now }: { name: string; pipeline?: Pipeline; now: number }) {
  const run = pipeline?.running ?? pipeline?.last;
  return (
    <>
      <Link href={pipelinePath(name)} className="name" title={name}>
        {name}
      </Link>
      <span className="line">
        {run ? (
          <>
            <State state={run.state} /> <When at={run.ended ?? run.started ?? run.queued} now={now} />
          </>
        ) : (
          <span className="soft">has not run yet</span>
        )}
      </span>
    </>
  );
}

function TriggerNode({ trigger: t, now }: { trigger: Trigger; now: number }) {
  return (
    <>
      <span className="name" title={t.says}>
        {t.says}
      </span>
      <span className="line">
        {!t.enabled ? (
          "off"
        ) : t.error ? (
          <span className="problem">its last look failed</span>
        ) : t.next ? (
          <>
            next <When at={t.next} now={now} />
          </>
        ) : (
          <>
            fired <When at={t.fired} now={now} />
          </>
        )}
      </span>
    </>
  );
}
