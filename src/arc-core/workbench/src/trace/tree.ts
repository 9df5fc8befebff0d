/** Spans as a tree, written out in preorder. Pure, and without recursion: a chain may be 10,000 deep. */

import type { SpanView } from "../api.ts";
import { isApplied } from "../fixes.ts";

/** Why a span with a parent stands at the top: the parent has not arrived, or leads back to the span. */
export type Stray = "orphan" | "cycle";

export interface Node {
  span: SpanView;
  depth: number;
  /** Place in `Tree.nodes`; -1 at the top. */
  parent: number;
  /** Place just after the last descendant. */
  end: number;
  stray: Stray | null;
  /** Of the descendants, so that a collapsed row can tell what it hides. */
  within: Totals;
}

export interface Totals {
  errors: number;
  /** Calls that a fix changed. */
  fixes: number;
  /** Calls that matched a fix, but were sent as they were. */
  watched: number;
  redactions: number;
  calls: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number;
  unpriced: number;
}

export interface Tree {
  nodes: Node[];
  /** Place of each span id in `nodes`; of the first when an id is there twice. */
  places: Map<string, number>;
  startMs: number;
  endMs: number;
}

export function buildTree(spans: readonly SpanView[]): Tree {
  const byId = new Map<string, number>();
  spans.forEach((span, i) => {
    if (!byId.has(span.span_id)) byId.set(span.span_id, i);
  });
  const children: number[][] = spans.map(() => []);
  const tops: { span: number; stray: Stray | null }[] = [];
  spans.forEach((span, i) => {
    const parent = span.parent_id ? byId.get(span.parent_id) : undefined;
    if (parent !== undefined && parent !== i) children[parent]?.push(i);
    else if (parent === i) tops.push({ span: i, stray: "cycle" });
    else tops.push({ span: i, stray: span.parent_id ? "orphan" : null });
  });
  const earliest = (a: number, b: number) => (spans[a]?.offset_ms ?? 0) - (spans[b]?.offset_ms ?? 0) || a - b;
  for (const list of children) list.sort(earliest);
  // The root first, whatever the clocks of other hosts say; strays after it.
  tops.sort((a, b) => Number(a.stray !== null) - Number(b.stray !== null) || earliest(a.span, b.span));

  const nodes: Node[] = [];
  const seen = new Uint8Array(spans.length);
  for (const top of tops) walk(top.span, top.stray, { spans, children, seen, nodes });
  // What is left hangs below itself: break the ring at its earliest span.
  const rest = spans.map((_, i) => i).filter((i) => !seen[i]);
  for (const i of rest.sort(earliest)) if (!seen[i]) walk(i, "cycle", { spans, children, seen, nodes });

  sumUp(nodes);
  const places = new Map<string, number>();
  nodes.forEach((node, i) => {
    if (!places.has(node.span.span_id)) places.set(node.span.span_id, i);
  });
  let startMs = 0;
  let endMs = 0;
  for (const span of spans) {
    startMs = Math.min(startMs, span.offset_ms);
    endMs = Math.max(endMs, span.offset_ms + span.duration_ms);
  }
  return { nodes, places, startMs, endMs: endMs > startMs ? endMs : startMs + 1 };
}

interface Walk {
  spans: readonly SpanView[];
  children: readonly (readonly number[])[];
  seen: Uint8Array;
  nodes: Node[];
}

function walk(top: number, stray: Stray | null, { spans, children, seen, nodes }: Walk): void {
  const stack: { span: number; parent: number; depth: number; stray: Stray | null }[] = [
    { span: top, parent: -1, depth: 0, stray },
  ];
  const open: number[] = [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const span = spans[next.span];
    if (!span || seen[next.span]) continue;
    seen[next.span] = 1;
    close(nodes, open, next.depth);
    open.push(nodes.length);
    const place = nodes.length;
    nodes.push({ span, depth: next.depth, parent: next.parent, end: place + 1, stray: next.stray, within: nothing() });
    const below = children[next.span] ?? [];
    for (let i = below.length - 1; i >= 0; i--) {
      stack.push({ span: below[i] as number, parent: place, depth: next.depth + 1, stray: null });
    }
  }
  close(nodes, open, 0);
}

function close(nodes: Node[], open: number[], depth: number): void {
  while (open.length > depth) (nodes[open.pop() as number] as Node).end = nodes.length;
}

function nothing(): Totals {
  return { errors: 0, fixes: 0, watched: 0, redactions: 0, calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, unpriced: 0 };
}

/** What the span itself adds to the totals of those above it. */
export function own(span: SpanView): Totals {
  const called = span.kind === "llm";
  return {
    errors: Number(span.status === "error"),
    fixes: Number(span.fix !== null && isApplied(span.fix)),
    watched: Number(span.fix !== null && !isApplied(span.fix)),
    redactions: span.redactions?.count ?? 0,
    calls: Number(called),
    inputTokens: called ? span.input_tokens : 0,
    outputTokens: called ? span.output_tokens : 0,
    costUsd: called ? (span.cost_usd ?? 0) : 0,
    unpriced: Number(called && span.cost_usd === null),
  };
}

function sumUp(nodes: Node[]): void {
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i] as Node;
    const parent = nodes[node.parent];
    if (!parent) continue;
    add(parent.within, own(node.span));
    add(parent.within, node.within);
  }
}

/** Field by field: a loop over their names costs tens of milliseconds in a trace of 10,000 spans. */
function add(to: Totals, more: Totals): void {
  to.errors += more.errors;
  to.fixes += more.fixes;
  to.watched += more.watched;
  to.redactions += more.redactions;
  to.calls += more.calls;
  to.inputTokens += more.inputTokens;
  to.outputTokens += more.outputTokens;
  to.costUsd += more.costUsd;
  to.unpriced += more.unpriced;
}

/** Places of the rows to show, top to bottom, when the spans in `collapsed` hide what is below them. */
export function visibleRows({ nodes }: Tree, collapsed: ReadonlySet<string>): number[] {
  const rows: number[] = [];
  for (let i = 0; i < nodes.length; ) {
    const node = nodes[i] as Node;
    rows.push(i);
    i = collapsed.has(node.span.span_id) ? node.end : i + 1;
  }
  return rows;
}

export interface AgentTotals extends Totals {
  agent: string;
  runs: number;
  /** Of its runs; those of a run within a run of the same agent are not counted twice. */
  runMs: number;
}

/** What each agent took below the span at `place`, in the order of their first run. */
export function byAgent({ nodes }: Tree, place: number): AgentTotals[] {
  const totals = new Map<string, AgentTotals>();
  const { end } = nodes[place] as Node;
  for (let i = place + 1; i < end; i++) {
    const { span, parent } = nodes[i] as Node;
    if (!span.agent) continue;
    let mine = totals.get(span.agent);
    if (!mine) totals.set(span.agent, (mine = { agent: span.agent, runs: 0, runMs: 0, ...nothing() }));
    add(mine, own(span));
    if (span.kind === "run") {
      mine.runs += 1;
      if (nodes[parent]?.span.agent !== span.agent) mine.runMs += span.duration_ms;
    }
  }
  return [...totals.values()];
}

/** Places of the spans below `place` that are worth a look, at most `limit`: failures at their cause, and fixes that changed something. */
export function notable({ nodes }: Tree, place: number, limit: number): { places: number[]; more: number } {
  const { end } = nodes[place] as Node;
  const places: number[] = [];
  for (let i = place + 1; i < end; i++) {
    const { span } = nodes[i] as Node;
    const question = span.kind === "action" && span.status === "interrupted";
    const cause = span.status === "error" && lastFailure(nodes, i) < 0 && !isPlumbing(nodes, i);
    const mended = span.fix !== null && isApplied(span.fix);
    if (mended || question || cause) places.push(i);
  }
  return { places: places.slice(0, limit), more: Math.max(0, places.length - limit) };
}

/** Ids of the spans above the span at `place`, nearest first. */
export function ancestors({ nodes }: Tree, place: number): string[] {
  const ids: string[] = [];
  for (let node = nodes[place]; node; node = nodes[node.parent]) {
    if (node !== nodes[place]) ids.push(node.span.span_id);
  }
  return ids;
}

/** Time within the span at `place` that none of its children covers. */
export function selfMs({ nodes }: Tree, place: number): number {
  const node = nodes[place] as Node;
  const from = node.span.offset_ms;
  const to = from + node.span.duration_ms;
  let covered = 0;
  let reached = from;
  // Children are in order of their start, so one pass merges them.
  for (let i = place + 1; i < node.end; i = (nodes[i] as Node).end) {
    const child = (nodes[i] as Node).span;
    const end = Math.min(to, child.offset_ms + child.duration_ms);
    const start = Math.max(reached, child.offset_ms);
    if (end > start) covered += end - start;
    reached = Math.max(reached, end);
  }
  return Math.max(0, node.span.duration_ms - covered);
}

/** The span to open a trace at, when the address names none.
 *
 * A failed trace opens at its cause: from the root down to the child that failed last, since that is the failure which
 * made the parent fail; an earlier one was survived. An interrupted trace opens at the question it waits on. Any other
 * opens at its root: an error that the agent recovered from is marked in the tree, but is not the news.
 */
export function startingPlace({ nodes }: Tree): number {
  const root = nodes[0];
  if (!root) return -1;
  if (root.span.status === "interrupted") {
    const question = nodes.findLastIndex(({ span }) => span.kind === "action");
    return question < 0 ? 0 : question;
  }
  const arrived = root.stray === null;
  if (arrived && root.span.status !== "error") return 0;
  let place = arrived ? 0 : nodes.findIndex(({ span }) => span.status === "error");
  if (place < 0) return 0;
  for (;;) {
    const cause = lastFailure(nodes, place);
    if (cause < 0) return place;
    place = cause;
  }
}

/** Whether the span is a detail, such as an HTTP request, of a span that failed with it and says it better. */
function isPlumbing(nodes: readonly Node[], place: number): boolean {
  const { span, parent } = nodes[place] as Node;
  return span.kind === "other" && nodes[parent]?.span.status === "error";
}

function lastFailure(nodes: readonly Node[], parent: number): number {
  const { end } = nodes[parent] as Node;
  let last = -1;
  let lastEnd = Number.NEGATIVE_INFINITY;
  for (let i = parent + 1; i < end; i = (nodes[i] as Node).end) {
    const { span } = nodes[i] as Node;
    if (span.status === "error" && !isPlumbing(nodes, i) && span.offset_ms + span.duration_ms >= lastEnd) {
      last = i;
      lastEnd = span.offset_ms + span.duration_ms;
    }
  }
  return last;
}
