// The way of the rows as nodes from left to right, in as many lines as it takes; from top to bottom where there is little room.
import { Background, Handle, type Node, type NodeProps, Position, ReactFlow, useNodesState } from "@xyflow/react";
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
const right = width + 44; // from one node to the next
const down = height + 36;
const edge = 18; // around all
const types = { item: ItemNode };

export default function Canvas(props: Props) {
  const { items, mayChange, move } = props;
  const box = useRef<HTMLDivElement>(null);
  const perLine = usePerLine(box);
  const made = useMemo(() => items.map((item, i) => nodeOf(item, i, perLine, props)), [items, perLine, props.chosen, mayChange]);
  const [nodes, setNodes, changed] = useNodesState<FlowNode>(made);
  useEffect(() => setNodes(made), [made, setNodes]);
  const edges = useMemo(() => items.slice(1).map((item, i) => ({ id: item.id, source: items[i]!.id, target: item.id, type: "smoothstep" })), [items]);
  // A step that is let go takes the nearest place among the steps; all nodes go back into line.
  const dropped = (_: unknown, node: FlowNode) => {
    const column = Math.min(Math.max(Math.round(node.position.x / right), 0), perLine - 1);
    const place = Math.round(node.position.y / down) * perLine + column - 1; // before the first step is the source
    const to = Math.min(Math.max(place, 0), items.filter((i) => i.step !== undefined).length - 1);
    if (node.data.step !== undefined && node.data.step !== to) move(node.data.step, to);
    else setNodes(made);
  };
  const lines = Math.ceil(items.length / perLine);
  return (
    <div className="canvas" ref={box} role="group" aria-label="Canvas" style={{ height: lines * down - (down - height) + 2 * edge + 18 }}>
      <ReactFlow
        key={perLine}
        nodes={nodes}
        edges={edges}
        nodeTypes={types}
        defaultViewport={{ x: edge, y: edge, zoom: 1 }}
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
        panOnDrag={false}
        zoomOnScroll={false}
        zoomOnPinch={false}
        zoomOnDoubleClick={false}
      >
        <Background gap={20} />
      </ReactFlow>
    </div>
  );
}

// usePerLine is how many nodes a box has room for beside each other.
function usePerLine(box: React.RefObject<HTMLDivElement | null>): number {
  const [fit, setFit] = useState(() => (window.innerWidth < 600 ? 1 : 4));
  useEffect(() => {
    const look = new ResizeObserver(([e]) => e && setFit(Math.max(1, Math.floor((e.contentRect.width - 2 * edge + right - width) / right))));
    if (box.current) look.observe(box.current);
    return () => look.disconnect();
  }, [box]);
  return fit;
}

function nodeOf(item: Item, i: number, perLine: number, p: Props): FlowNode {
  const isStep = item.step !== undefined;
  return {
    id: item.id,
    type: "item",
    position: { x: (i % perLine) * right, y: Math.floor(i / perLine) * down },
    width,
    height,
    draggable: p.mayChange && isStep,
    data: {
      ...item,
      chosen: p.chosen === item.id,
      tall: perLine === 1,
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
        className={`node${d.problem ? " bad" : ""}`}
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
