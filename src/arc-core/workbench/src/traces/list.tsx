import { useEffect, useRef } from "preact/hooks";
import { Page } from "../app.tsx";
import { AwayError, RefusedError, type Status, type TraceSummary } from "../api.ts";
import { FixBadge, RedactionBadge, StatusMark } from "../badges.tsx";
import { now } from "../clock.ts";
import { ago, compact, cost, duration, epoch, exact, grouped, plural } from "../format.ts";
import { Icon } from "../icons.tsx";
import { useShortcuts } from "../keyboard.ts";
import { go, isPlainClick, Link, place, rewrite, traceHref, withQuery } from "../routing.tsx";
import { EmptyStore, NoMatch } from "./empty.tsx";
import { meterScale } from "./meter.ts";
import { feed, isLoading, load, loading } from "./feed.ts";

const POLL_MS = 4000;
const STATUSES: [Status, string][] = [
  ["ok", "OK"],
  ["error", "Error"],
  ["interrupted", "Interrupted"],
  ["cancelled", "Cancelled"],
  ["running", "Running"],
];
const FILTERS = ["q", "service", "status", "before", "limit"];

/** Address of the list as it was last shown, and the trace that was opened from it. */
export const lastList = { href: "/", traceId: "" };

/** The part of the address that is a question to Core. */
function asked(query: URLSearchParams): string {
  const kept = new URLSearchParams();
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value) kept.set(name, value);
  }
  return kept.toString();
}

export function TraceList() {
  const { query } = place.value;
  const question = asked(query);
  const table = useRef<HTMLTableElement>(null);
  const search = useRef<HTMLInputElement>(null);
  lastList.href = `/${question && `?${question}`}`;

  useEffect(() => {
    document.title = "Traces · Arc";
  }, []);
  useEffect(() => {
    void load(question);
    if (query.get("before")) return;
    const look = () => {
      // Who closed the dialog for the key is not asked again every few seconds.
      if (!document.hidden && !isLoading() && !lacksKey(feed.value.problem)) void load(question);
    };
    const timer = setInterval(look, POLL_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [question]);
  useEffect(() => {
    focusRow(table.current, lastList.traceId);
  }, []);

  const step = (by: number) => () => moveFocus(table.current, by);
  useShortcuts({
    j: step(1),
    ArrowDown: step(1),
    k: step(-1),
    ArrowUp: step(-1),
    Home: step(Number.NEGATIVE_INFINITY),
    End: step(Number.POSITIVE_INFINITY),
    r: () => void load(question),
    "/": () => search.current?.select(),
  });

  const { page, problem, query: answered } = feed.value;
  const traces = page?.traces ?? [];
  const filtered = ["q", "service", "status", "before"].some((name) => query.get(name));
  const stale = answered !== question;
  return (
    <Page crumbs={<h1>Traces</h1>}>
      <main class="traces">
        <Filters query={query} services={page?.services ?? []} search={search} reload={() => void load(question)} />
        {problem && <Problem error={problem} kept={traces.length > 0} filtered={question !== ""} retry={() => void load(question)} />}
        {page === null ? (
          !problem && <Waiting />
        ) : traces.length === 0 && !stale ? (
          filtered ? (
            <NoMatch />
          ) : (
            <EmptyStore />
          )
        ) : (
          <div class={stale || problem ? "rows is-stale" : "rows"}>
            <Table traces={traces} table={table} />
            <Paging query={query} next={page.next} shown={traces.length} />
          </div>
        )}
      </main>
    </Page>
  );
}

function links(table: HTMLTableElement | null): HTMLElement[] {
  return table ? [...table.querySelectorAll<HTMLElement>("a.trace-name")] : [];
}

function moveFocus(table: HTMLTableElement | null, by: number): void {
  const rows = links(table);
  const at = rows.indexOf(document.activeElement as HTMLElement);
  // The first press lands on the first row, or on the one last opened.
  const opened = rows.findIndex((row) => row.dataset["traceId"] === lastList.traceId);
  const next = at < 0 ? (Number.isFinite(by) ? Math.max(0, opened) : by) : at + by;
  const row = rows[Math.max(0, Math.min(rows.length - 1, next))];
  row?.focus();
  row?.closest("tr")?.scrollIntoView({ block: "nearest" });
}

function focusRow(table: HTMLTableElement | null, traceId: string): void {
  const row = links(table).find((link) => link.dataset["traceId"] === traceId);
  row?.focus({ preventScroll: true });
  row?.closest("tr")?.scrollIntoView({ block: "center" });
}

interface FiltersProps {
  query: URLSearchParams;
  services: string[];
  search: { current: HTMLInputElement | null };
  reload: () => void;
}

function Filters({ query, services, search, reload }: FiltersProps) {
  const typing = useRef<ReturnType<typeof setTimeout>>(undefined);
  const change = (name: string, value: string) => {
    rewrite(`/${withQuery(place.value.query, { [name]: value.trim(), before: null })}`);
  };
  const type = (value: string) => {
    clearTimeout(typing.current);
    typing.current = setTimeout(() => change("q", value), 220);
  };
  useEffect(() => () => clearTimeout(typing.current), []);
  const q = query.get("q") ?? "";
  // Not a controlled field: an answer that comes while the user types must not put back older text.
  useEffect(() => {
    const field = search.current;
    if (field && document.activeElement !== field) field.value = q;
  }, [q]);
  const service = query.get("service") ?? "";
  const status = query.get("status") ?? "";
  const offered = service && !services.includes(service) ? [service, ...services] : services;
  return (
    <search class="filters">
      <label class="field grow">
        <Icon name="search" />
        <span class="unseen">Search traces</span>
        <input
          ref={search}
          type="search"
          defaultValue={q}
          placeholder="Search by trace name or id"
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            clearTimeout(typing.current);
            change("q", event.currentTarget.value);
          }}
        />
        <kbd>/</kbd>
      </label>
      <label class={service ? "field is-set" : "field"}>
        <span>Service</span>
        <select value={service} title={service} onChange={(event) => change("service", event.currentTarget.value)}>
          <option value="">All</option>
          {offered.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <Icon name="chevron" />
      </label>
      <label class={status ? "field is-set" : "field"}>
        <span>Status</span>
        <select value={status} onChange={(event) => change("status", event.currentTarget.value)}>
          <option value="">All</option>
          {STATUSES.map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
        <Icon name="chevron" />
      </label>
      <Freshness live={!query.get("before")} />
      <button type="button" class={loading.value ? "is-busy" : ""} onClick={reload} title="Refresh (r)" aria-label="Refresh">
        <Icon name="refresh" />
      </button>
    </search>
  );
}

function Freshness({ live }: { live: boolean }) {
  const { answeredAt, problem } = feed.value;
  if (!answeredAt) return <span class="freshness" />;
  // With a healthy live list the age is never more than the poll, and a ticking number would only distract.
  if (live && !problem) return <span class="freshness is-live">Live</span>;
  return <span class="freshness">Updated {ago(answeredAt, now.value)}</span>;
}

function lacksKey(problem: Error | null): boolean {
  return problem instanceof RefusedError && problem.status === 401;
}

function headline(problem: Error): string {
  if (problem instanceof AwayError) return "Arc Core does not answer.";
  return problem instanceof RefusedError && problem.status < 500 ? "Arc Core refused the request." : "Arc Core cannot answer now.";
}

interface ProblemProps {
  error: Error;
  /** Whether older traces are still shown. */
  kept: boolean;
  filtered: boolean;
  retry: () => void;
}

function Problem({ error, kept, filtered, retry }: ProblemProps) {
  const away = error instanceof AwayError;
  return (
    <div class="problem" role="alert">
      <Icon name={away ? "away" : "error"} />
      <p>
        <strong>{headline(error)}</strong>{" "}
        {away
          ? `${kept ? "These are the traces it last sent" : `Nothing listens at ${location.origin}`}; trying again every few seconds.`
          : error.message}
      </p>
      {lacksKey(error) && (
        <button type="button" onClick={retry}>
          Enter the API key
        </button>
      )}
      {filtered && error instanceof RefusedError && error.status < 500 && !lacksKey(error) && <Link href="/">Clear filters</Link>}
    </div>
  );
}

function Waiting() {
  return (
    <div class="waiting" role="status" aria-label="Loading">
      {Array.from({ length: 8 }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

function Table({ traces, table }: { traces: TraceSummary[]; table: { current: HTMLTableElement | null } }) {
  const scale = meterScale(traces.map((trace) => trace.duration_ms));
  return (
    <table ref={table}>
      <thead>
        <tr>
          <th class="c-started">Started</th>
          <th class="c-name">Trace</th>
          <th class="c-service">Service</th>
          <th class="c-status">Status</th>
          <th class="c-duration">Duration</th>
          <th class="c-spans">Spans</th>
          <th class="c-tokens">
            Tokens <small>in / out</small>
          </th>
          <th class="c-cost">Cost</th>
          <th class="c-marks">Fixes</th>
          <th class="c-marks">Redacted</th>
          <th class="c-agents">Agents</th>
        </tr>
      </thead>
      <tbody>
        {traces.map((trace) => (
          <Row key={trace.trace_id} trace={trace} scale={scale} fresh={feed.value.fresh.has(trace.trace_id)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ trace, scale, fresh }: { trace: TraceSummary; scale: number; fresh: boolean }) {
  const href = traceHref(trace.trace_id);
  const open = (event: MouseEvent) => {
    // Selecting text in a row to copy it is not opening it.
    const onName = event.target instanceof Element && event.target.closest("a") !== null;
    if (!onName && getSelection()?.toString()) return;
    lastList.traceId = trace.trace_id;
    event.preventDefault();
    if (isPlainClick(event)) go(href);
    else openTab(href);
  };
  return (
    <tr data-testid="trace-row" data-trace-id={trace.trace_id} class={fresh ? "is-fresh" : ""} onClick={open}>
      <td class="c-started">
        <Started at={trace.started_at} />
      </td>
      <td class="c-name">
        <Link
          class="trace-name"
          data-testid="trace-name"
          data-trace-id={trace.trace_id}
          href={href}
          title={trace.name}
          onClick={(event) => isPlainClick(event) || event.stopPropagation()}
        >
          {trace.name || trace.trace_id}
        </Link>
      </td>
      <td class="c-service" title={trace.service}>
        {trace.service}
      </td>
      <td class="c-status">
        <StatusMark status={trace.status} />
        {trace.errors > 0 && trace.status !== "error" && (
          <span class="survived" title={`${plural(trace.errors, "span")} failed on the way`}>
            {plural(trace.errors, "error")}
          </span>
        )}
      </td>
      <td class="c-duration">
        <span class="meter">
          <i
            class={trace.duration_ms > scale ? "is-over" : ""}
            style={{ width: `${scale > 0 ? Math.min(100, Math.max(1.5, (trace.duration_ms / scale) * 100)) : 0}%` }}
          />
        </span>
        <span>{duration(trace.duration_ms)}</span>
      </td>
      <td class="c-spans">{grouped(trace.spans)}</td>
      <td class="c-tokens" title={`${grouped(trace.input_tokens)} in, ${grouped(trace.output_tokens)} out`}>
        <Tokens input={trace.input_tokens} output={trace.output_tokens} />
      </td>
      <td class="c-cost">
        <Cost trace={trace} />
      </td>
      <td class="c-marks">{trace.fixes > 0 ? <FixBadge count={trace.fixes} /> : <Nothing />}</td>
      <td class="c-marks">{trace.redactions > 0 ? <RedactionBadge count={trace.redactions} /> : <Nothing />}</td>
      <td class="c-agents" title={trace.agents.join(" → ")}>
        {trace.agents.join(", ")}
      </td>
    </tr>
  );
}

function openTab(href: string): void {
  window.open(href, "_blank", "noopener");
}

function Nothing() {
  return <span class="nothing">–</span>;
}

function Started({ at }: { at: string }) {
  const then = epoch(at);
  return (
    <time dateTime={at} title={exact(then)}>
      {ago(then, now.value)}
    </time>
  );
}

function Tokens({ input, output }: { input: number; output: number }) {
  if (input + output === 0) return <Nothing />;
  return (
    <>
      {compact(input)} <i>/</i> {compact(output)}
    </>
  );
}

export function Cost({ trace }: { trace: TraceSummary }) {
  const text = cost(trace.cost_usd, trace.unpriced_calls);
  if (text === null) {
    if (trace.input_tokens + trace.output_tokens + trace.unpriced_calls === 0) return <Nothing />;
    return (
      <span class="unknown" title={`No price is known for ${trace.models.join(", ") || "these models"}`}>
        unknown
      </span>
    );
  }
  const bound = trace.unpriced_calls > 0 ? `At least: the price of ${plural(trace.unpriced_calls, "model call")} is not known` : undefined;
  return <span title={bound}>{text}</span>;
}

function Paging({ query, next, shown }: { query: URLSearchParams; next: string | null; shown: number }) {
  const older = query.get("before");
  return (
    <footer class="paging">
      <span>{plural(shown, "trace")}</span>
      {older && <Link href={`/${withQuery(query, { before: null })}`}>Newest</Link>}
      {next && (
        <Link href={`/${withQuery(query, { before: next })}`} rel="next">
          Older <Icon name="next" />
        </Link>
      )}
    </footer>
  );
}
