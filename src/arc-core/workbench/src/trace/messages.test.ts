import { expect, test } from "vitest";
import { readMessage } from "./messages.ts";

test("the parts of the GenAI conventions are read", () => {
  const { role, finish, parts } = readMessage({
    role: "assistant",
    finish_reason: "tool_call",
    parts: [
      { type: "text", content: "hi" },
      { type: "tool_call", id: "1", name: "f", arguments: { a: 1 } },
      { type: "tool_call_response", id: "1", result: "ok" },
    ],
  });
  expect([role, finish]).toEqual(["assistant", "tool_call"]);
  expect(parts).toEqual([
    { type: "text", text: "hi" },
    { type: "tool_call", id: "1", name: "f", value: { a: 1 } },
    { type: "tool_call_response", id: "1", name: "", value: "ok" },
  ]);
});

test.each([[null], [42], ["text"], [[]], [{}], [{ parts: [null, 1, { type: "image" }] }], [{ content: "chat style" }], [{ parts: "text" }]])(
  "a message of another shape is kept: %j",
  (raw) => {
    const message = readMessage(raw);
    expect(message.parts.length).toBeGreaterThan(0);
    expect(JSON.stringify(message)).not.toContain("undefined");
  },
);
