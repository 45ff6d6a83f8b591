// The way of the rows as nodes from left to right, or from top to bottom where there is little room.
import { Background, Controls, Handle, type Node, type NodeProps, Position, ReactFlow, useNodesState, useReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";

export type NodeKind = "source" | "change_schema" | "sql" | "go" | "checks" | "target";

// Item is what a node shows.
export type Item = { id: string; kind: NodeKind; title: string; text: string; problem?: string; step?: number };

type Data = Item & { chosen: boolean; tall: boolean; choose: () => void; remove?: () => void; move?: (by: number) => void };
type FlowNode = Node<Data, "item">;

type Props = {
  items: Item[];
  chosen: string;
  choose: (id: string) => void;
  mayChange: boolean;
  remove: (item: Item) => void;
  move: (step: number, to: number) => void;
};

const width = 196;
const height = 84;
const types = { item: ItemNode };

export default function Canvas(props: Props) {
  const { items, mayChange, move } = props;
  const box = useRef<HTMLDivElement>(null);
  const tall = useTall(box);
  const made = useMemo(() => items.map((item, i) => nodeOf(item, i, tall, props)), [items, tall, props.chosen, mayChange]);
  const [nodes, setNodes, changed] = useNodesState<FlowNode>(made);
  useEffect(() => setNodes(made), [made, setNodes]);
  const edges = useMemo(
    () => items.slice(1).map((item, i) => ({ id: item.id, source: items[i]!.id, target: item.id, focusable: false })),
    [items],
  );
  // A step that is let go stands between those that it was put between; all nodes go back into line.
  const dropped = (_: unknown, node: FlowNode) => {
    const along = (n: FlowNode) => (tall ? n.position.y : n.position.x);
    const others = made.filter((n) => n.data.step !== undefined && n.id !== node.id);
    const to = others.filter((n) => along(n) < along(node)).length;
    if (node.data.step !== undefined && node.data.step !== to) move(node.data.step, to);
    else setNodes(made);
  };
  return (
    <div className="canvas" ref={box} role="group" aria-label="Canvas" style={tall ? { height: items.length * (height + 34) + 30 } : undefined}>
      <ReactFlow
        key={String(tall)}
        nodes={nodes}
        edges={edges}
        nodeTypes={types}
        onNodesChange={changed}
        onNodeDragStop={dropped}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        deleteKeyCode={null}
        nodeDragThreshold={4}
        preventScrolling={false}
        zoomOnScroll={false}
        panOnDrag={!tall}
        minZoom={0.3}
        maxZoom={1.2}
      >
        <Fit on={`${items.length} ${tall}`} />
        <Background gap={20} />
        {!tall && <Controls orientation="horizontal" showInteractive={false} />}
      </ReactFlow>
    </div>
  );
}

// useTall reports whether a box has too little room for nodes beside each other.
function useTall(box: React.RefObject<HTMLDivElement | null>): boolean {
  const [tall, setTall] = useState(() => window.innerWidth < 600);
  useEffect(() => {
    const look = new ResizeObserver(([e]) => e && setTall(e.contentRect.width < 480));
    if (box.current) look.observe(box.current);
    return () => look.disconnect();
  }, [box]);
  return tall;
}

function Fit({ on }: { on: string }) {
  const { fitView } = useReactFlow();
  useEffect(() => {
    const frame = requestAnimationFrame(() => void fitView({ padding: 0.1, maxZoom: 1 }));
    return () => cancelAnimationFrame(frame);
  }, [on, fitView]);
  return null;
}

function nodeOf(item: Item, i: number, tall: boolean, p: Props): FlowNode {
  const isStep = item.step !== undefined;
  return {
    id: item.id,
    type: "item",
    position: tall ? { x: 0, y: i * (height + 34) } : { x: i * (width + 44), y: 0 },
    width,
    height,
    draggable: p.mayChange && isStep,
    data: {
      ...item,
      chosen: p.chosen === item.id,
      tall,
      choose: () => p.choose(item.id),
      remove: p.mayChange && (isStep || item.kind === "checks") ? () => p.remove(item) : undefined,
      move: p.mayChange && isStep ? (by) => p.move(item.step!, item.step! + by) : undefined,
    },
  };
}

function ItemNode({ data: d }: NodeProps<FlowNode>) {
  const pressed = (e: KeyboardEvent) => {
    if (e.key === "Delete" && d.remove) d.remove();
    else if (e.altKey && d.move && /^Arrow(Left|Up)$/.test(e.key)) d.move(-1);
    else if (e.altKey && d.move && /^Arrow(Right|Down)$/.test(e.key)) d.move(1);
    else return;
    e.preventDefault();
  };
  return (
    <>
      {d.kind !== "source" && <Handle type="target" position={d.tall ? Position.Top : Position.Left} />}
      <button
        type="button"
        className={`node ${d.kind}${d.problem ? " bad" : ""}`}
        aria-pressed={d.chosen}
        aria-keyshortcuts={[d.remove && "Delete", d.move && "Alt+ArrowLeft Alt+ArrowRight"].filter(Boolean).join(" ") || undefined}
        onClick={d.choose}
        onKeyDown={pressed}
        title={d.problem}
      >
        <span className="kind">{names[d.kind]}</span>
        <span className="title">{d.title}</span>
        <span className={d.problem ? "text problem" : "text"}>{d.problem ?? d.text}</span>
      </button>
      {d.kind !== "target" && <Handle type="source" position={d.tall ? Position.Bottom : Position.Right} />}
    </>
  );
}

const names: Record<NodeKind, string> = { source: "Source", change_schema: "Change Schema", sql: "SQL Query", go: "Go", checks: "Checks", target: "Target" };
