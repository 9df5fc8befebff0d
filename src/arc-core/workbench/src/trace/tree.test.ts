import { describe, expect, test } from "vitest";
import type { SpanView } from "../api.ts";
import { isApplied } from "../fixes.ts";
import { loanTrace } from "../fixtures/loan.ts";
import { failedTrace, hostileTrace, interruptedTrace, largeTrace, runningTrace } from "../fixtures/odd.ts";
import { ancestors, buildTree, byAgent, notable, own, selfMs, startingPlace, type Tree, visibleRows } from "./tree.ts";

function span(span_id: string, parent_id: string | null, changes: Partial<SpanView> = {}): SpanView {
  return {
    span_id,
    parent_id,
    kind: "other",
    name: span_id,
    service: "s",
    scope: "",
    status: "ok",
    status_message: "",
    started_at: "2026-11-20T00:00:00Z",
    offset_ms: 0,
    duration_ms: 10,
    agent: null,
    model: null,
    tool: null,
    input_tokens: 0,
    output_tokens: 0,
    cost_usd: null,
    fix: null,
    redactions: null,
    input_messages: [],
    output_messages: [],
    attributes: {},
    resource: {},
    events: [],
    links: [],
    ...changes,
  };
}

function drawn(tree: Tree): string[] {
  return tree.nodes.map(({ span, depth, stray }) => `${"  ".repeat(depth)}${span.span_id}${stray ? ` (${stray})` : ""}`);
}

describe("the tree", () => {
  test("is in preorder, siblings by their start", () => {
    const spans = [span("root", null), span("late", "root", { offset_ms: 5 }), span("early", "root", { offset_ms: 1 }), span("leaf", "early")];
    expect(drawn(buildTree(spans))).toEqual(["root", "  early", "    leaf", "  late"]);
  });

  test("keeps spans whose parent is missing, after the root", () => {
    const spans = [span("lost", "nobody", { offset_ms: -5 }), span("below", "lost"), span("root", null)];
    expect(drawn(buildTree(spans))).toEqual(["root", "lost (orphan)", "  below"]);
  });

  test("cuts rings of parents at their earliest span", () => {
    const spans = [span("root", null), span("a", "c", { offset_ms: 3 }), span("b", "a", { offset_ms: 1 }), span("c", "b", { offset_ms: 2 }), span("me", "me")];
    expect(drawn(buildTree(spans))).toEqual(["root", "me (cycle)", "b (cycle)", "  c", "    a"]);
  });

  test("shows every span once, whatever the parents are", () => {
    for (const { spans } of [loanTrace(0), hostileTrace(0), runningTrace(0)]) {
      expect(buildTree(spans).nodes.map((node) => node.span.span_id).sort()).toEqual(spans.map((each) => each.span_id).sort());
    }
  });

  test("bears an id that is there twice", () => {
    const tree = buildTree([span("root", null), span("twin", "root"), span("twin", "root"), span("child", "twin")]);
    expect(tree.nodes.length).toBe(4);
    expect(tree.places.get("twin")).toBe(1);
  });

  test("is not afraid of depth", () => {
    const spans = Array.from({ length: 20_000 }, (_, i) => span(`${i}`, i ? `${i - 1}` : null));
    const tree = buildTree(spans);
    expect(tree.nodes.at(-1)?.depth).toBe(19_999);
    expect(tree.nodes[0]?.end).toBe(20_000);
  });

  test("is empty for no spans", () => {
    const tree = buildTree([]);
    expect([tree.nodes, startingPlace(tree), visibleRows(tree, new Set())]).toEqual([[], -1, []]);
    expect(tree.endMs).toBeGreaterThan(tree.startMs);
  });

  test("of 10,000 spans is built in a blink", () => {
    const { spans } = largeTrace(0);
    const start = performance.now();
    const tree = buildTree(spans);
    expect(performance.now() - start).toBeLessThan(250);
    expect(tree.nodes.length).toBe(10_000);
  });
});

test("a collapsed span hides all below it and tells what it hides", () => {
  const tree = buildTree(loanTrace(0).spans);
  const analyst = tree.nodes.findIndex((node) => node.span.name === "agent.run credit_analyst");
  const id = tree.nodes[analyst]?.span.span_id as string;
  const rows = visibleRows(tree, new Set([id]));
  expect(rows.length).toBe(tree.nodes.length - ((tree.nodes[analyst]?.end as number) - analyst - 1));
  expect(tree.nodes[analyst]?.within).toMatchObject({ calls: 2, errors: 2, redactions: 2, inputTokens: 4575 });
});

test("the spans above are named from the nearest up", () => {
  const tree = buildTree([span("a", null), span("b", "a"), span("c", "b")]);
  expect(ancestors(tree, 2)).toEqual(["b", "a"]);
});

test("self time counts overlapping children once, and only within the span", () => {
  const tree = buildTree([
    span("p", null, { duration_ms: 100 }),
    span("x", "p", { offset_ms: 10, duration_ms: 30 }),
    span("y", "p", { offset_ms: 20, duration_ms: 30 }),
    span("z", "p", { offset_ms: 90, duration_ms: 50 }),
  ]);
  expect(selfMs(tree, 0)).toBe(50);
});

describe("a trace opens at", () => {
  const opened = (spans: SpanView[]) => {
    const tree = buildTree(spans);
    return tree.nodes[startingPlace(tree)]?.span.name;
  };
  test("its root when it went well, even after a failure it recovered from", () => expect(opened(loanTrace(0).spans)).toBe("agent.job loan_review"));
  test("the cause of its failure, not an error before it", () => expect(opened(failedTrace(0).spans)).toBe("agent.tool ledger.refund"));
  test("the question it waits on", () => expect(opened(interruptedTrace(0).spans)).toBe("agent.action approval"));
  test("its first span while it runs", () => expect(opened(runningTrace(0).spans)).toBe("agent.run planner"));
});

test("agents are summed up in the order of their first run", () => {
  const agents = byAgent(buildTree(loanTrace(0).spans), 0);
  expect(agents.map(({ agent, calls, errors }) => [agent, calls, errors])).toEqual([
    ["intake_officer", 2, 0],
    ["credit_analyst", 2, 1],
    ["underwriter", 1, 0],
  ]);
});

test("what is worth a look are causes and fixes, not the plumbing below them", () => {
  const tree = buildTree(loanTrace(0).spans);
  const { places, more } = notable(tree, 0, 10);
  expect(places.map((place) => tree.nodes[place]?.span.name)).toEqual(["agent.tool credit_bureau", "chat gpt-4.1"]);
  expect(more).toBe(0);
});

describe("a fix that left the request unchanged", () => {
  const fix = (mode: string) => ({ ids: ["acme.fix"], mode, trigger: "before", outcome: "ok", changes: [] });
  const call = (mode: string, changes: Partial<SpanView> = {}) => span(mode, "root", { kind: "llm", fix: fix(mode), ...changes });
  const tree = buildTree([span("root", null), ...["on", "canary", "shadow", "control"].map((mode) => call(mode))]);

  test("is known by its mode", () => expect(["on", "canary", "", "shadow", "control"].map((mode) => isApplied({ mode }))).toEqual([true, true, true, false, false]));
  test("is counted as watched, not as a fix", () => {
    expect(tree.nodes[0]?.within).toMatchObject({ fixes: 2, watched: 2 });
    expect(own(call("shadow"))).toMatchObject({ fixes: 0, watched: 1 });
  });
  test("is nothing to look at", () => {
    const { places } = notable(tree, 0, 10);
    expect(places.map((place) => tree.nodes[place]?.span.span_id)).toEqual(["on", "canary"]);
  });
});
