// A result as a grid that stays quick with any number of rows: only those in sight are on the page.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";

import "./query.css";
import type { Rows } from "./run";

type Column = { name: string; type: string };
type At = { row: number; column: number };

const [rowHeight, headHeight, widest, perChar, room, bar] = [28, 47, 340, 8.5, 22, 16]; // pixels
const looked = 200; // rows, for the widths

// isNumber tells the types whose digits stand below each other.
export const isNumber = (type: string) => /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|NUMERIC|FLOAT|DOUBLE|REAL)/i.test(type) && !type.endsWith("]");

export function Grid({ columns, rows, label }: { columns: Column[]; rows: Rows; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const id = useId();
  const [at, setAt] = useState<At>({ row: 0, column: 0 });
  const [open, setOpen] = useState(false);
  const widths = useMemo(() => columns.map((c, i) => widthOf(c, i, rows)), [columns, rows]);
  const gutter = perChar * String(rows.length).length + room;
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => host.current, estimateSize: () => rowHeight, overscan: 8, scrollPaddingStart: rowHeight * 2 });
  const template = `${gutter}px ${widths.map((w) => `${w}px`).join(" ")}`;
  const total = gutter + widths.reduce((a, b) => a + b, 0);
  const go = (row: number, column: number) => {
    const to = { row: Math.max(0, Math.min(rows.length - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
    setAt(to);
    list.scrollToIndex(to.row);
    reveal(host.current, gutter, widths, to.column);
  };
  const value = rows[at.row]?.[at.column];
  return (
    <>
      <div
        className="grid"
        role="grid"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length + 1}
        aria-activedescendant={`${id}-${at.row}-${at.column}`}
        tabIndex={0}
        ref={host}
        style={{ height: `min(30rem, 70vh, ${headHeight + rows.length * rowHeight + bar}px)` }}
        onKeyDown={(e) => onKey(e, at, rows.length, columns.length, go, () => setOpen(!open), value)}
      >
        <div role="rowgroup" className="head" style={{ width: total }}>
          <div role="row" aria-rowindex={1} className="line" style={{ gridTemplateColumns: template }}>
            <div role="columnheader" aria-colindex={1} className="num">
              <span className="hidden">Row</span>
            </div>
            {columns.map((c, i) => (
              <div key={i} role="columnheader" aria-colindex={i + 2} className={isNumber(c.type) ? "num" : undefined} title={`${c.name}: ${c.type}`}>
                {c.name}
                <small>{c.type.toLowerCase()}</small>
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" style={{ height: list.getTotalSize(), width: total, position: "relative" }}>
          {list.getVirtualItems().map((v) => (
            <div key={v.key} role="row" aria-rowindex={v.index + 2} className="line" style={{ gridTemplateColumns: template, transform: `translateY(${v.start}px)`, height: rowHeight }}>
              <div role="rowheader" aria-colindex={1} className="num soft">
                {v.index + 1}
              </div>
              {columns.map((c, i) => (
                <Cell key={i} id={`${id}-${v.index}-${i}`} index={i} number={isNumber(c.type)} value={rows[v.index]?.[i]} active={at.row === v.index && at.column === i} onClick={() => setAt({ row: v.index, column: i })} />
              ))}
            </div>
          ))}
        </div>
      </div>
      {open && value !== undefined && (
        <pre className="text whole" tabIndex={0} aria-label={`Row ${at.row + 1}, ${columns[at.column]?.name}`}>
          {value ?? "NULL"}
        </pre>
      )}
      <p className="soft keys">Arrows move, Enter shows all of a cell, Ctrl-C copies it.</p>
    </>
  );
}

function Cell(p: { id: string; index: number; number: boolean; value: string | null | undefined; active: boolean; onClick: () => void }) {
  const kind = [p.number ? "num" : "", p.active ? "active" : "", p.value === null ? "null" : ""].filter(Boolean).join(" ");
  return (
    <div id={p.id} role="gridcell" aria-colindex={p.index + 2} aria-selected={p.active} className={kind} onClick={p.onClick}>
      {p.value === null ? "NULL" : line(p.value ?? "")}
    </div>
  );
}

// line is the begin of a text in one line: all of it is shown on demand.
const line = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text).replaceAll(/\r?\n/g, " ↵ ");

// widthOf is the width that the first rows want, in pixels.
function widthOf(c: Column, i: number, rows: Rows): number {
  let most = Math.max(c.name.length, c.type.length * 0.85);
  for (const row of rows.slice(0, looked)) most = Math.max(most, (row[i] ?? "NULL").length);
  return Math.min(widest, Math.ceil(most * perChar) + room);
}

// reveal scrolls sideways until a column is in sight, behind the numbers of the rows, which stay.
function reveal(host: HTMLElement | null, gutter: number, widths: number[], column: number) {
  if (!host) return;
  const left = gutter + widths.slice(0, column).reduce((a, b) => a + b, 0);
  const right = left + (widths[column] ?? 0);
  if (left - gutter < host.scrollLeft) host.scrollLeft = left - gutter;
  else if (right > host.scrollLeft + host.clientWidth) host.scrollLeft = right - host.clientWidth;
}

function onKey(e: KeyboardEvent, at: At, rows: number, columns: number, go: (row: number, column: number) => void, open: () => void, value: string | null | undefined) {
  const page = Math.max(1, Math.floor(e.currentTarget.clientHeight / rowHeight) - 2);
  const far = e.ctrlKey || e.metaKey;
  const moves: Record<string, [number, number]> = {
    ArrowDown: [far ? rows : at.row + 1, at.column],
    ArrowUp: [far ? 0 : at.row - 1, at.column],
    ArrowRight: [at.row, at.column + 1],
    ArrowLeft: [at.row, at.column - 1],
    PageDown: [at.row + page, at.column],
    PageUp: [at.row - page, at.column],
    Home: far ? [0, 0] : [at.row, 0],
    End: far ? [rows, columns] : [at.row, columns],
  };
  const to = moves[e.key];
  if (to) go(...to);
  else if (e.key === "Enter") open();
  else if (far && e.key === "c" && !getSelection()?.toString()) void navigator.clipboard?.writeText(value ?? "");
  else return;
  e.preventDefault();
}
