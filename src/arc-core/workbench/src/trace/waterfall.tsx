/** The tree of spans and their bars on one time axis; of 10,000 rows only those in view are in the document. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { FixBadge, RedactionBadge, WatchedBadge } from "../badges.tsx";
import { duration, grouped } from "../format.ts";
import { Icon, type IconName } from "../icons.tsx";
import { useShortcuts } from "../keyboard.ts";
import { Split, storedSplit } from "../split.tsx";
import { axis, bar, ROW, rowWindow, scrolledTo, type TimeRange } from "./layout.ts";
import { ancestors, type Node, own, type Tree, visibleRows } from "./tree.ts";

const INDENT = 14;
/** Deeper spans are not moved further to the right: the name needs the room. */
const DEEPEST = 18;
const NAMES = { store: "arc.split.names", start: 46 };

const KINDS: Record<string, string> = { job: "Job", run: "Agent run", llm: "Model call", tool: "Tool", action: "Action", other: "Span" };

export function kindWord(kind: string): string {
  return KINDS[kind] ?? kind;
}

export function kindIcon(kind: string): IconName {
  return (kind in KINDS ? kind : "other") as IconName;
}

interface WaterfallProps {
  tree: Tree;
  at: number;
  onSelect: (at: number, how: "click" | "key") => void;
}

export function Waterfall({ tree, at, onSelect }: WaterfallProps) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [zoom, setZoom] = useState<TimeRange | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const frame = useRef<HTMLElement>(null);
  const rows = useMemo(() => visibleRows(tree, collapsed), [tree, collapsed]);
  const rowOf = useMemo(() => new Map(rows.map((place, row) => [place, row])), [rows]);
  const [first, last] = useRowWindow(scroller, rows.length);
  const range = zoom ?? { from: tree.startMs, to: tree.endMs };
  const ticks = axis(range);
  const row = rowOf.get(at) ?? -1;
  const node = tree.nodes[at];

  const setSplit = (percent: number) => frame.current?.style.setProperty("--names", `${percent}%`);
  useLayoutEffect(() => setSplit(storedSplit(NAMES.store, NAMES.start)), []);

  // What is selected is in view: opened up, and scrolled to.
  useEffect(() => {
    const above = ancestors(tree, at).filter((id) => collapsed.has(id));
    if (above.length > 0) setCollapsed(new Set([...collapsed].filter((id) => !above.includes(id))));
  }, [at, tree]);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && row >= 0) box.scrollTop = scrolledTo(row, box.scrollTop, box.clientHeight);
  }, [row]);
  useEffect(() => scroller.current?.focus({ preventScroll: true }), []);

  const fold = (id: string, shut: boolean) => {
    const next = new Set(collapsed);
    if (shut) next.add(id);
    else next.delete(id);
    setCollapsed(next);
  };
  const toRow = (to: number) => {
    const place = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (place !== undefined) onSelect(place, "key");
  };
  const page = () => Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 2);
  const out = () => {
    if (!node) return;
    if (node.end > at + 1 && !collapsed.has(node.span.span_id)) fold(node.span.span_id, true);
    else if (node.parent >= 0) onSelect(node.parent, "key");
  };
  const into = () => {
    if (!node || node.end === at + 1) return;
    if (collapsed.has(node.span.span_id)) fold(node.span.span_id, false);
    else toRow(row + 1);
  };
  const toError = (by: 1 | -1) => () => {
    const place = nextWhere(tree.nodes, at, by, ({ span }) => span.status === "error");
    if (place >= 0) onSelect(place, "key");
  };
  const toggleZoom = () => {
    if (zoom || !node) setZoom(null);
    else setZoom(around(node, tree));
  };
  useShortcuts({
    ArrowDown: () => toRow(row + 1),
    j: () => toRow(row + 1),
    ArrowUp: () => toRow(row - 1),
    k: () => toRow(row - 1),
    ArrowRight: into,
    ArrowLeft: out,
    Home: () => toRow(0),
    End: () => toRow(rows.length - 1),
    PageDown: () => toRow(row + page()),
    PageUp: () => toRow(row - page()),
    e: toError(1),
    E: toError(-1),
    z: toggleZoom,
    "/": () => search.current?.select(),
  });

  const expandable = tree.nodes.some((each, i) => each.depth > 0 && each.end > i + 1);
  const shown: number[] = rows.slice(first, last);
  return (
    <section class="waterfall" aria-label="Spans" ref={frame}>
      <div class="axis">
        <div class="axis-names">
          <Find tree={tree} at={at} field={search} onFound={(place) => onSelect(place, "key")} />
          {expandable && (
            <button
              type="button"
              class="bare"
              title={collapsed.size > 0 ? "Expand all" : "Collapse all"}
              aria-label={collapsed.size > 0 ? "Expand all" : "Collapse all"}
              onClick={() => setCollapsed(collapsed.size > 0 ? new Set() : foldable(tree))}
            >
              <Icon name="chevron" class={collapsed.size > 0 ? "" : "is-open"} />
            </button>
          )}
        </div>
        <div class="lane">
          {ticks.map(({ time, label }) => (
            <span key={time} class="tick" style={{ left: `${((time - range.from) / (range.to - range.from)) * 100}%` }}>
              {label}
            </span>
          ))}
          {zoom && (
            <button type="button" class="unzoom" onClick={() => setZoom(null)} title="Show the whole trace (z)">
              Zoomed <Icon name="close" />
            </button>
          )}
        </div>
      </div>
      <div
        ref={scroller}
        class="scroller"
        role="treegrid"
        aria-label="Spans of the trace"
        aria-rowcount={rows.length}
        aria-activedescendant={row >= first && row < last ? `row-${at}` : undefined}
        tabIndex={0}
      >
        <div class="rows" role="presentation" style={{ height: `${rows.length * ROW}px` }}>
          <div class="grid lane" role="presentation">
            {ticks.map(({ time }) => (
              <i key={time} style={{ left: `${((time - range.from) / (range.to - range.from)) * 100}%` }} />
            ))}
          </div>
          {shown.map((place, i) => (
            <Row
              key={place}
              node={tree.nodes[place] as Node}
              place={place}
              row={first + i}
              range={range}
              selected={place === at}
              collapsed={collapsed.has((tree.nodes[place] as Node).span.span_id)}
              onSelect={onSelect}
              onFold={fold}
            />
          ))}
        </div>
      </div>
      <Split label="Width of the names" {...NAMES} least={22} most={75} onMove={setSplit} />
    </section>
  );
}

function useRowWindow(scroller: { current: HTMLDivElement | null }, rows: number): [number, number] {
  const [view, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const look = () => {
      const top = Math.floor(box.scrollTop / ROW) * ROW;
      const height = box.clientHeight;
      setView((before) => (before.top === top && before.height === height ? before : { top, height }));
    };
    look();
    box.addEventListener("scroll", look, { passive: true });
    const resize = new ResizeObserver(look);
    resize.observe(box);
    return () => {
      box.removeEventListener("scroll", look);
      resize.disconnect();
    };
  }, []);
  return rowWindow(view.top, view.height, rows);
}

/** The range of `node` with a little air, never beyond the trace. */
function around({ span }: Node, tree: Tree): TimeRange {
  const air = Math.max(span.duration_ms * 0.05, 0.001);
  return { from: Math.max(tree.startMs, span.offset_ms - air), to: Math.min(tree.endMs, span.offset_ms + span.duration_ms + air) };
}

/** Ids of all that can be collapsed below the top. */
function foldable({ nodes }: Tree): Set<string> {
  return new Set(nodes.filter((node, i) => node.depth > 0 && node.end > i + 1).map(({ span }) => span.span_id));
}

/** The next place, wrapping around, whose node is what is wanted; -1 when there is none. */
function nextWhere(nodes: readonly Node[], from: number, by: 1 | -1, wanted: (node: Node) => boolean): number {
  const count = nodes.length;
  for (let i = 1; i <= count; i++) {
    const place = (((from + by * i) % count) + count) % count;
    if (wanted(nodes[place] as Node)) return place;
  }
  return -1;
}

interface FindProps {
  tree: Tree;
  at: number;
  field: { current: HTMLInputElement | null };
  onFound: (place: number) => void;
}

/** Finds spans by name, agent, model, tool or status message: Enter goes to the next, Shift+Enter back. */
function Find({ tree, at, field, onFound }: FindProps) {
  const [text, setText] = useState("");
  const found = useMemo(() => matches(tree, text), [tree, text]);
  const step = (by: 1 | -1) => {
    const place = nextWhere(tree.nodes, at, by, (node) => found.has(node));
    if (place >= 0) onFound(place);
  };
  return (
    <label class="find">
      <Icon name="search" />
      <span class="unseen">Find a span</span>
      <input
        ref={field}
        type="search"
        value={text}
        placeholder="Find a span"
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
        }}
      />
      {text ? <output>{grouped(found.size)}</output> : <kbd>/</kbd>}
    </label>
  );
}

function matches({ nodes }: Tree, text: string): ReadonlySet<Node> {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return new Set();
  return new Set(
    nodes.filter(({ span }) =>
      [span.name, span.agent, span.model, span.tool, span.status_message, span.span_id].some((field) => field?.toLowerCase().includes(wanted)),
    ),
  );
}

interface RowProps {
  node: Node;
  place: number;
  row: number;
  range: TimeRange;
  selected: boolean;
  collapsed: boolean;
  onSelect: (at: number, how: "click" | "key") => void;
  onFold: (id: string, shut: boolean) => void;
}

function Row({ node, place, row, range, selected, collapsed, onSelect, onFold }: RowProps) {
  const { span } = node;
  const parent = node.end > place + 1;
  const fold = (event: MouseEvent) => {
    event.stopPropagation();
    onFold(span.span_id, !collapsed);
  };
  return (
    <div
      id={`row-${place}`}
      role="row"
      class={`span kind-${kindIcon(span.kind)} is-${span.status}`}
      data-testid="span-row"
      data-span-id={span.span_id}
      data-kind={span.kind}
      data-status={span.status}
      aria-level={node.depth + 1}
      aria-rowindex={row + 1}
      aria-selected={selected}
      aria-expanded={parent ? !collapsed : undefined}
      style={{ transform: `translateY(${row * ROW}px)` }}
      onClick={() => onSelect(place, "click")}
      onDblClick={() => parent && onFold(span.span_id, !collapsed)}
    >
      <div role="gridcell" class="name" style={{ paddingLeft: `${8 + Math.min(node.depth, DEEPEST) * INDENT}px` }}>
        {node.depth > 0 && <i class="guides" style={{ width: `${Math.min(node.depth, DEEPEST) * INDENT}px` }} />}
        {parent ? (
          <button type="button" class="fold" tabIndex={-1} aria-label={collapsed ? "Expand" : "Collapse"} onClick={fold}>
            <Icon name="chevron" class={collapsed ? "" : "is-open"} />
          </button>
        ) : (
          <i class="fold" />
        )}
        <span class="kind" title={kindWord(span.kind)}>
          <Icon name={kindIcon(span.kind)} />
        </span>
        <span class="text" title={span.name}>
          {span.name}
        </span>
        {node.stray && (
          <span class="badge is-stray" title={STRAY[node.stray]}>
            <Icon name="stray" />
            {node.stray}
          </span>
        )}
        {collapsed && <span class="hidden-below">{grouped(node.end - place - 1)}</span>}
        <Marks node={node} collapsed={collapsed} />
      </div>
      <Lane node={node} range={range} />
    </div>
  );
}

const STRAY = {
  orphan: "Its parent span has not arrived",
  cycle: "Its parents lead back to itself",
};

function Marks({ node, collapsed }: { node: Node; collapsed: boolean }) {
  const { span, within } = node;
  const mine = own(span);
  const below = collapsed ? within : { errors: 0, fixes: 0, watched: 0, redactions: 0 };
  const fixes = mine.fixes + below.fixes;
  const watched = mine.watched + below.watched;
  const redactions = mine.redactions + below.redactions;
  return (
    <span class="marks">
      {fixes > 0 && <FixBadge count={fixes} />}
      {watched > 0 && <WatchedBadge count={watched} />}
      {redactions > 0 && <RedactionBadge count={redactions} types={span.redactions?.types ?? []} />}
      {span.status !== "ok" && (
        <span class={`status is-${span.status}`} title={span.status_message || span.status}>
          <Icon name={span.status} />
          <span class="unseen">{span.status}</span>
        </span>
      )}
      {span.status === "ok" && below.errors > 0 && (
        <span class="status is-error" title={`${grouped(below.errors)} failed below`}>
          <Icon name="error" />
          <span class="unseen">errors below</span>
        </span>
      )}
    </span>
  );
}

function Lane({ node, range }: { node: Node; range: TimeRange }) {
  const { span } = node;
  const where = bar(span.offset_ms, span.duration_ms, range);
  if (!where) return <div role="gridcell" class="lane" />;
  const { left, width } = where;
  return (
    <div role="gridcell" class="lane">
      <i class="bar" style={{ left: `${left}%`, width: `${width}%` }} />
      <span class="took" style={{ left: `${left + width}%` }}>
        {duration(span.duration_ms)}
      </span>
    </div>
  );
}
