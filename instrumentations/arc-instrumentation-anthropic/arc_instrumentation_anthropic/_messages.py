"""Messages as the GenAI conventions tell them: pure functions from wire JSON, or the SDK's objects, to facts.

Source: Anthropic API reference, messages and streaming; GenAI conventions (November 2026) for attributes and messages.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Attributes, Reply
from arc_semconv import attributes as semconv

__all__ = ["ANSWER_FIELDS", "CONTENT_FIELDS", "EventFold", "reply", "request_attributes", "request_content"]

CONTENT_FIELDS: Final = ("messages", "system", "tools")
ANSWER_FIELDS: Final = ("id", "model", "content", "stop_reason", "usage")
_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
}


def get(value: object, field: str) -> Any:
    """`field` of a mapping or an object; None when it is not there."""
    if isinstance(value, Mapping):
        return value.get(field)
    try:
        return value.__dict__.get(field)
    except AttributeError:
        return None


def request_attributes(body: Mapping[str, object]) -> Attributes:
    """What the request body says, content apart."""
    attributes: Attributes = {}
    for field, name in _NUMBERS.items():
        value = body.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[name] = value
    stop = body.get("stop_sequences")
    if isinstance(stop, list | tuple) and stop:
        attributes[semconv.REQUEST_STOP_SEQUENCES] = tuple(word for word in stop if isinstance(word, str))
    if body.get("stream") is True:
        attributes[semconv.REQUEST_STREAM] = True
    return attributes


def request_content(body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """Messages, system and tool definitions of the request body, as the conventions shape them."""
    content: dict[str, Sequence[object]] = {}
    messages, system, tools = body.get("messages"), body.get("system"), body.get("tools")
    if isinstance(messages, Sequence):
        content[semconv.INPUT_MESSAGES] = [_message(message) for message in messages]
    if system:
        content[semconv.SYSTEM_INSTRUCTIONS] = _parts(system)
    if isinstance(tools, Sequence) and tools:
        content[semconv.TOOL_DEFINITIONS] = list(tools)
    return content


def _message(message: object) -> dict[str, object]:
    return {"role": get(message, "role") or "assistant", "parts": _parts(get(message, "content"))}


def _parts(content: object) -> list[object]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    return [_part(block) for block in content] if isinstance(content, list | tuple) else []


def _part(block: object) -> object:
    match get(block, "type"):
        case "text":
            return {"type": "text", "content": get(block, "text")}
        case "thinking":
            return {"type": "reasoning", "content": get(block, "thinking")}
        case "tool_use" | "server_tool_use":
            return {
                "type": "tool_call",
                "id": get(block, "id"),
                "name": get(block, "name"),
                "arguments": get(block, "input"),
            }
        case "tool_result":
            return {"type": "tool_call_response", "id": get(block, "tool_use_id"), "response": get(block, "content")}
        case "image" | "document":
            source = get(block, "source")
            kind = {"modality": get(block, "type"), "mime_type": get(source, "media_type")}
            if get(source, "type") == "base64":
                return {"type": "blob", **kind, "data": get(source, "data")}
            return {"type": "uri", **kind, "uri": get(source, "url")}
        case _:
            dump = getattr(block, "model_dump", None)
            return dump(mode="json", exclude_none=True, warnings=False) if callable(dump) else block


def reply(answer: object) -> Reply:
    """What a whole message says."""
    attributes = {**_named(answer), **_usage(get(answer, "usage")), **_finish(get(answer, "stop_reason"))}
    content = get(answer, "content")
    if not isinstance(content, list | tuple):
        return Reply(attributes, ())
    said = {"role": "assistant", "parts": _parts(content), "finish_reason": get(answer, "stop_reason")}
    return Reply(attributes, (said,))


def _named(answer: object) -> Attributes:
    named = {semconv.RESPONSE_ID: get(answer, "id"), semconv.RESPONSE_MODEL: get(answer, "model")}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def _usage(usage: object) -> Attributes:
    """Token counts; those from and into the cache are input too, as the conventions count."""
    sent, read, written = (
        get(usage, name) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    counts = {
        semconv.USAGE_OUTPUT_TOKENS: get(usage, "output_tokens"),
        semconv.USAGE_CACHE_READ_INPUT_TOKENS: read or None,
        semconv.USAGE_CACHE_CREATION_INPUT_TOKENS: written or None,
    }
    if isinstance(sent, int):
        counts[semconv.USAGE_INPUT_TOKENS] = sent + (read or 0) + (written or 0)
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _finish(reason: object) -> Attributes:
    return {semconv.RESPONSE_FINISH_REASONS: (reason,)} if isinstance(reason, str) else {}


class EventFold:
    """Puts a streamed message together."""

    def __init__(self) -> None:
        self._message: object = None
        self._usage: dict[str, object] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._reason: object = None

    def add(self, event: object) -> None:
        """Take one event in."""
        kind = get(event, "type")
        if kind == "content_block_delta":
            self._add(self._blocks.setdefault(get(event, "index") or 0, {"pieces": []}), get(event, "delta"))
        elif kind == "content_block_start":
            block = get(event, "content_block")
            known = {name: get(block, name) for name in ("type", "id", "name", "input", "text", "thinking")}
            self._blocks[get(event, "index") or 0] = {**known, "pieces": []}
        elif kind == "message_start":
            self._message = get(event, "message")
            self._count(get(self._message, "usage"))
        elif kind == "message_delta":
            self._count(get(event, "usage"))
            self._reason = get(get(event, "delta"), "stop_reason") or self._reason

    def _add(self, block: dict[str, Any], delta: object) -> None:
        for name in ("text", "partial_json", "thinking"):
            if isinstance(piece := get(delta, name), str):
                block["pieces"].append(piece)

    def _count(self, usage: object) -> None:
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            if (count := get(usage, name)) is not None:
                self._usage[name] = count

    def reply(self) -> Reply:
        """What the events so far amount to."""
        content = [_joined(block) for _, block in sorted(self._blocks.items())]
        whole = {"content": content, "stop_reason": self._reason, "usage": self._usage}
        return reply({"id": get(self._message, "id"), "model": get(self._message, "model"), **whole})


def _joined(block: Mapping[str, Any]) -> dict[str, object]:
    text = "".join(block["pieces"])
    kind = block.get("type") or "text"
    if kind in ("tool_use", "server_tool_use"):
        return {"type": kind, "id": block["id"], "name": block["name"], "input": _arguments(text, block.get("input"))}
    field = "thinking" if kind == "thinking" else "text"
    return {"type": kind, field: f"{block.get(field) or ''}{text}"}


def _arguments(text: str, given: object) -> object:
    try:
        return json.loads(text) if text else given
    except (ValueError, RecursionError):
        return text
