/** GenAI messages, read leniently: what has another shape is shown as JSON rather than left out. Pure. */

export type Part =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool_call"; name: string; id: string; value: unknown }
  | { type: "tool_call_response"; name: string; id: string; value: unknown }
  | { type: "other"; label: string; value: unknown };

export interface Message {
  role: string;
  name: string;
  finish: string;
  parts: Part[];
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function readMessage(raw: unknown): Message {
  if (!isFields(raw)) return { role: "message", name: "", finish: "", parts: [readPart(raw)] };
  const content = raw["parts"] ?? raw["content"];
  const list = Array.isArray(content) ? content : content === undefined || content === null ? [] : [content];
  const known = "parts" in raw || "content" in raw;
  return {
    role: text(raw["role"]) || "message",
    name: text(raw["name"]),
    finish: text(raw["finish_reason"]),
    parts: known ? list.map(readPart) : [{ type: "other", label: "message", value: raw }],
  };
}

function readPart(raw: unknown): Part {
  if (typeof raw === "string") return { type: "text", text: raw };
  if (!isFields(raw)) return { type: "other", label: "part", value: raw };
  const name = text(raw["name"]);
  const id = text(raw["id"]);
  switch (raw["type"]) {
    case "text":
    case "reasoning": {
      const content = raw["content"] ?? raw["text"];
      if (typeof content === "string") return { type: raw["type"], text: content };
      break;
    }
    case "tool_call":
      return { type: "tool_call", name, id, value: raw["arguments"] };
    case "tool_call_response":
      return { type: "tool_call_response", name, id, value: raw["response"] ?? raw["result"] };
  }
  return { type: "other", label: text(raw["type"]) || "part", value: raw };
}
