import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Page } from "../app.tsx";
import { AwayError, fetchTrace, RefusedError, type TraceDetail, type TraceSummary } from "../api.ts";
import { CopyButton, FixBadge, RedactionBadge, StatusMark } from "../badges.tsx";
import { now } from "../clock.ts";
import { ago, clock, compact, duration, epoch, exact, grouped, plural } from "../format.ts";
import { Icon } from "../icons.tsx";
import { useShortcuts } from "../keyboard.ts";
import { go, Link, place, rewrite, traceHref } from "../routing.tsx";
import { Split, storedSplit } from "../split.tsx";
import { Cost, lastList } from "../traces/list.tsx";
import { Details } from "./details.tsx";
import { buildTree, startingPlace, type Tree } from "./tree.ts";
import { Waterfall } from "./waterfall.tsx";

const POLL_MS = 3000;
const PANES = { store: "arc.split.trace", start: 58 };

interface Loaded {
  detail: TraceDetail | null;
  problem: Error | null;
}

function useTrace(traceId: string): Loaded & { reload: () => void } {
  const [loaded, setLoaded] = useState<Loaded>({ detail: null, problem: null });
  const [turn, setTurn] = useState(0);
  const reload = () => setTurn((n) => n + 1);
  // Before the first paint, not after it: Core takes a while for a large trace.
  useLayoutEffect(() => {
    const abort = new AbortController();
    fetchTrace(traceId, abort.signal).then(
      (detail) => setLoaded({ detail, problem: null }),
      (problem: unknown) => {
        if (!abort.signal.aborted) setLoaded((before) => ({ ...before, problem: problem as Error }));
      },
    );
    return () => abort.abort();
  }, [traceId, turn]);
  // A trace that still runs grows while one looks at it.
  const running = loaded.detail?.trace.status === "running";
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => !document.hidden && reload(), POLL_MS);
    return () => clearInterval(timer);
  }, [running]);
  return { ...loaded, reload };
}

export function TraceScreen({ traceId }: { traceId: string }) {
  const { detail, problem, reload } = useTrace(traceId);
  useShortcuts({
    Escape: () => go(lastList.href),
    r: reload,
  });
  useEffect(() => {
    lastList.traceId = traceId;
  }, [traceId]);
  useEffect(() => {
    document.title = `${detail?.trace.name ?? "Trace"} · Arc`;
  }, [detail]);
  const crumbs = (
    <>
      <Link href={lastList.href} class="crumb" title="Back to the traces (Esc)">
        <Icon name="back" /> Traces
      </Link>
      <span class="id">
        <code>{traceId}</code>
        <CopyButton text={traceId} label="Copy the trace id" />
      </span>
    </>
  );
  return (
    <Page crumbs={crumbs}>
      {detail ? <Trace detail={detail} problem={problem} /> : problem ? <Missing problem={problem} reload={reload} /> : <Opening />}
    </Page>
  );
}

function Opening() {
  return (
    <main class="trace">
      <div class="waiting" role="status" aria-label="Loading the trace">
        {Array.from({ length: 8 }, (_, i) => (
          <i key={i} />
        ))}
      </div>
    </main>
  );
}

function Missing({ problem, reload }: { problem: Error; reload: () => void }) {
  const gone = problem instanceof RefusedError && problem.status === 404;
  return (
    <main class="notice">
      <Icon name={problem instanceof AwayError ? "away" : "search"} class="large" />
      <h1>{gone ? "There is no such trace" : problem instanceof AwayError ? "Arc Core does not answer" : "The trace cannot be shown"}</h1>
      <p>{gone ? "It may not have arrived yet, or it was deleted with age." : problem.message}</p>
      <p>
        <button type="button" onClick={reload}>
          Try again
        </button>{" "}
        <Link href={lastList.href}>All traces</Link>
      </p>
    </main>
  );
}

function Trace({ detail, problem }: { detail: TraceDetail; problem: Error | null }) {
  const { trace, spans } = detail;
  const tree = useMemo(() => buildTree(spans), [spans]);
  const selected = useSelection(trace.trace_id, tree);
  const panes = useRef<HTMLDivElement>(null);
  const split = (percent: number) => panes.current?.style.setProperty("--split", `${percent}%`);
  useEffect(() => split(storedSplit(PANES.store, PANES.start)), []);
  const node = tree.nodes[selected.at];
  return (
    <main class="trace">
      <Header trace={trace} spans={spans.length} />
      {problem && (
        <div class="problem" role="alert">
          <Icon name="away" />
          <p>
            <strong>Not up to date.</strong> {problem.message}
          </p>
        </div>
      )}
      <div class="panes" ref={panes}>
        <Waterfall tree={tree} at={selected.at} onSelect={selected.select} />
        <Split label="Width of the tree" {...PANES} least={30} most={75} onMove={split} />
        {node ? <Details key={node.span.span_id} tree={tree} at={selected.at} trace={trace} onSelect={(at) => selected.select(at, "click")} /> : <aside class="details" />}
      </div>
    </main>
  );
}

interface Selection {
  at: number;
  /** A click is a step that Back undoes; moving along with the keys is not. */
  select: (at: number, how: "click" | "key") => void;
}

function useSelection(traceId: string, tree: Tree): Selection {
  const wanted = place.value.query.get("span") ?? "";
  const named = tree.places.get(wanted);
  const at = named ?? startingPlace(tree);
  const href = (i: number) => traceHref(traceId, tree.nodes[i]?.span.span_id);
  useEffect(() => {
    if (named === undefined && at >= 0) rewrite(href(at));
  }, [named, at]);
  return {
    at,
    select: (i, how) => {
      if (i === at) return;
      if (how === "click") go(href(i));
      else rewrite(href(i));
    },
  };
}

function Header({ trace, spans }: { trace: TraceSummary; spans: number }) {
  const then = epoch(trace.started_at);
  return (
    <header class="summary">
      <div class="title">
        <h1 title={trace.name}>{trace.name || "Trace"}</h1>
        <StatusMark status={trace.status} />
        {trace.fixes > 0 && <FixBadge count={trace.fixes} />}
        {trace.redactions > 0 && <RedactionBadge count={trace.redactions} />}
      </div>
      <dl class="facts">
        <div>
          <dt>Service</dt>
          <dd title={trace.service}>{trace.service}</dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd title={exact(then)}>
            {clock(then)} <small>{ago(then, now.value)}</small>
          </dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>{duration(trace.duration_ms)}</dd>
        </div>
        <div>
          <dt>Spans</dt>
          <dd>
            {grouped(spans)} {trace.errors > 0 && <small class="bad">{plural(trace.errors, "error")}</small>}
          </dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd title={`${grouped(trace.input_tokens)} in, ${grouped(trace.output_tokens)} out`}>
            {compact(trace.input_tokens)} <small>in</small> {compact(trace.output_tokens)} <small>out</small>
          </dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd>
            <Cost trace={trace} />
          </dd>
        </div>
        {trace.agents.length > 0 && (
          <div class="wide">
            <dt>{trace.agents.length === 1 ? "Agent" : "Agents"}</dt>
            <dd title={trace.agents.join(" → ")}>{trace.agents.join(" → ")}</dd>
          </div>
        )}
      </dl>
    </header>
  );
}
