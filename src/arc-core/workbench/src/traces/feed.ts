/** The trace list as last answered by Core; it outlives the screen, so that coming back shows it at once. */

import { signal } from "@preact/signals";
import { AwayError, fetchTraces, type TracePage } from "../api.ts";

interface Feed {
  /** Query that `page` answers. */
  query: string;
  page: TracePage | null;
  /** Why the last request failed; `page` is then older than it should be. */
  problem: Error | null;
  /** When Core last answered. */
  answeredAt: number;
  /** Traces that were not in the page before; they are shown as new. */
  fresh: ReadonlySet<string>;
}

export const feed = signal<Feed>({ query: "", page: null, problem: null, answeredAt: 0, fresh: new Set() });
export const loading = signal(false);

let running: AbortController | null = null;

/** Asks for the page of `query`; the newest request wins. */
export async function load(query: string): Promise<void> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  loading.value = true;
  try {
    const page = await fetchTraces(query, mine.signal);
    if (running === mine) accept(query, page);
  } catch (error) {
    if (running !== mine) return;
    const problem = error instanceof Error ? error : new AwayError();
    feed.value = { ...feed.value, problem, fresh: new Set() };
  } finally {
    if (running === mine) {
      running = null;
      loading.value = false;
    }
  }
}

function accept(query: string, page: TracePage): void {
  const before = feed.value;
  const old = before.page;
  const comparable = old !== null && before.query === query;
  const known = new Set(comparable ? old.traces.map((trace) => trace.trace_id) : []);
  const fresh = new Set(comparable ? page.traces.map((trace) => trace.trace_id).filter((id) => !known.has(id)) : []);
  feed.value = { query, page, problem: null, answeredAt: Date.now(), fresh };
}

/** Whether a request is on its way; a poll then waits its turn. */
export function isLoading(): boolean {
  return running !== null;
}
