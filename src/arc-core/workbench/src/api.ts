/** The JSON of Arc Core's `/api/v1`, as `arc_semconv/api.py` and `fixes.py` define it, and how to ask for it. */

import { signal } from "@preact/signals";

export type Status = "ok" | "error" | "interrupted" | "cancelled" | "running";
export type Kind = "job" | "run" | "tool" | "action" | "llm" | "other";

export interface TraceSummary {
  trace_id: string;
  name: string;
  service: string;
  status: Status;
  started_at: string;
  duration_ms: number;
  spans: number;
  errors: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
  unpriced_calls: number;
  fixes: number;
  redactions: number;
  agents: string[];
  models: string[];
}

export interface TracePage {
  traces: TraceSummary[];
  next: string | null;
  services: string[];
}

export interface Change {
  path: string;
  op?: "set" | "delete" | "rename" | "rewrite";
  /** Absent when there was none, or content is not captured. */
  old?: unknown;
  new?: unknown;
}

export interface Fix {
  ids: string[];
  mode: string;
  trigger: string;
  outcome: string;
  changes: Change[];
}

export interface EventView {
  name: string;
  offset_ms: number;
  attributes: Record<string, string>;
}

export interface LinkView {
  trace_id: string;
  span_id: string;
  attributes: Record<string, string>;
}

export interface SpanView {
  span_id: string;
  parent_id: string | null;
  kind: Kind;
  name: string;
  service: string;
  scope: string;
  status: Status;
  status_message: string;
  started_at: string;
  offset_ms: number;
  duration_ms: number;
  agent: string | null;
  model: string | null;
  tool: string | null;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
  fix: Fix | null;
  redactions: { count: number; types: string[] } | null;
  input_messages: unknown[];
  output_messages: unknown[];
  attributes: Record<string, string>;
  resource: Record<string, string>;
  events: EventView[];
  links: LinkView[];
}

export interface TraceDetail {
  trace: TraceSummary;
  spans: SpanView[];
}

/** Arc Core answered, and said no. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Nobody answered. */
export class AwayError extends Error {
  constructor() {
    super(`Arc Core does not answer at ${location.origin}`);
  }
}

const KEY = "arc.key";

export interface KeyQuestion {
  /** Whether a key was sent and refused. */
  refused: boolean;
  answer: (key: string | null) => void;
}

/** Set while a request waits for the user to give an API key. */
export const keyQuestion = signal<KeyQuestion | null>(null);

let asked: Promise<string | null> | null = null;

function askForKey(refused: boolean): Promise<string | null> {
  asked ??= new Promise<string | null>((resolve) => {
    keyQuestion.value = { refused, answer: resolve };
  }).then((key) => {
    keyQuestion.value = null;
    asked = null;
    if (key) sessionStorage.setItem(KEY, key);
    return key;
  });
  return asked;
}

/** Whether a header can carry `key`: visible ASCII. */
export function isSendable(key: string): boolean {
  return /^[!-~]+$/.test(key);
}

/** What goes with every request; null when no header can carry `key`, which is then as good as refused. */
function headersWith(key: string | null): Headers | null {
  try {
    return new Headers({ accept: "application/json", ...(key ? { "x-api-key": key } : {}) });
  } catch {
    return null;
  }
}

/** The JSON at `path`; asks for an API key, once or again, while Core wants one. */
async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = headersWith(key);
    const response =
      headers &&
      (await fetch(path, { headers, signal: signal ?? null }).catch((error: unknown) => {
        throw error instanceof DOMException && error.name === "AbortError" ? error : new AwayError();
      }));
    if (response === null || response.status === 401) {
      // Another request may have brought the key while this one was on its way.
      const present = sessionStorage.getItem(KEY);
      if (present !== null && present !== key) continue;
      sessionStorage.removeItem(KEY);
      if (await askForKey(key !== null)) continue;
    }
    if (response === null) throw new RefusedError(401, "the API key cannot be sent");
    if (!response.ok) throw new RefusedError(response.status, await reason(response));
    return (await response.json().catch(() => {
      throw new RefusedError(response.status, `the answer to ${path} is not JSON`);
    })) as T;
  }
}

async function reason(response: Response): Promise<string> {
  try {
    const { error } = (await response.json()) as { error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // A proxy's HTML page: the status line has to do.
  }
  return `${response.status} ${response.statusText}`.trim();
}

export function fetchTraces(query: string, signal?: AbortSignal): Promise<TracePage> {
  return ask(`/api/v1/traces${query && `?${query}`}`, signal);
}

export function fetchTrace(traceId: string, signal?: AbortSignal): Promise<TraceDetail> {
  return ask(`/api/v1/traces/${encodeURIComponent(traceId)}`, signal);
}
