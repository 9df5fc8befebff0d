/** `npm run mock`: serves the built workbench with made-up traces, on loopback only.
 *
 * MOCK_KEY=secret asks for that API key; MOCK_EMPTY=1 has no traces; MOCK_LIVE=1 lets a new trace arrive now and then;
 * MOCK_PORT chooses the port.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { defineConfig, type Plugin } from "vite";
import type { TraceDetail } from "../src/api.ts";
import { loanTrace } from "../src/fixtures/loan.ts";
import { failedTrace, hostileTrace, interruptedTrace, largeTrace, runningTrace, smallTrace } from "../src/fixtures/odd.ts";

const { MOCK_KEY, MOCK_EMPTY, MOCK_LIVE, MOCK_PORT } = process.env;
const PAGE = 50;

function madeUp(): TraceDetail[] {
  const now = Date.now();
  const ago = (minutes: number) => now - minutes * 60_000;
  const list = [
    loanTrace(ago(0.4)),
    runningTrace(ago(0.1)),
    failedTrace(ago(2)),
    interruptedTrace(ago(5)),
    hostileTrace(ago(9)),
    largeTrace(ago(14)),
    ...Array.from({ length: 120 }, (_, i) => smallTrace(ago(16 + i * i * 0.9), 100 + i)),
  ];
  return list.sort((a, b) => (a.trace.started_at < b.trace.started_at ? 1 : -1));
}

const traces = MOCK_EMPTY ? [] : madeUp();
const bodies = new Map<string, string>();

function page(query: URLSearchParams): object {
  const q = (query.get("q") ?? "").toLowerCase();
  const wanted = traces.filter(
    ({ trace }) =>
      (!query.get("service") || trace.service === query.get("service")) &&
      (!query.get("status") || trace.status === query.get("status")) &&
      (!q || JSON.stringify(trace).toLowerCase().includes(q)),
  );
  const before = query.get("before");
  const from = before ? wanted.findIndex(({ trace }) => trace.trace_id === before) + 1 : 0;
  const limit = Number(query.get("limit") ?? PAGE);
  const shown = wanted.slice(from, from + limit);
  return {
    traces: shown.map(({ trace }) => trace),
    next: from + limit < wanted.length ? shown.at(-1)?.trace.trace_id : null,
    services: [...new Set(traces.map(({ trace }) => trace.service))].sort(),
  };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://mock");
  const send = (status: number, body: string) => {
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(body);
  };
  if (MOCK_KEY && request.headers["x-api-key"] !== MOCK_KEY) return send(401, '{"error":"an API key is needed"}');
  const id = /^\/api\/v1\/traces\/([^/]+)$/.exec(url.pathname)?.[1];
  if (url.pathname === "/api/v1/traces") return send(200, JSON.stringify(page(url.searchParams)));
  const found = traces.find(({ trace }) => trace.trace_id === id);
  if (!id || !found) return send(404, '{"error":"no such trace"}');
  if (!bodies.has(id)) bodies.set(id, JSON.stringify(found));
  send(200, bodies.get(id) as string);
}

const api: Plugin = {
  name: "made-up-traces",
  configurePreviewServer(server) {
    for (const { trace } of traces.slice(0, 8)) console.log(`${trace.trace_id} ${trace.spans} ${trace.name.slice(0, 40)}`);
    if (MOCK_LIVE) {
      let seed = 5000;
      setInterval(() => traces.unshift(smallTrace(Date.now(), seed++)), 7000).unref();
    }
    server.middlewares.use((request, response, next) => {
      response.setHeader("content-security-policy", "default-src 'self'");
      response.setHeader("x-content-type-options", "nosniff");
      if (request.url?.startsWith("/api/")) answer(request, response);
      else next();
    });
  },
};

export default defineConfig({
  plugins: [api],
  build: { outDir: "../arc_core/web/dist" },
  preview: { host: "127.0.0.1", port: Number(MOCK_PORT ?? 4400), strictPort: true },
});
