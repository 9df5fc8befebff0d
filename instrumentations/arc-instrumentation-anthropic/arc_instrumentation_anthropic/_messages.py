"""Messages as the GenAI conventions tell them: pure functions from wire JSON, or the SDK's objects, to facts.

Source: Anthropic API reference, messages and streaming; GenAI conventions (November 2026) for attributes and messages.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from arc_runtime.instrumentation import Attributes, Reply
from arc_runtime.instrumentation.stainless import Api, LazyMessages, arguments, finish_attributes, get, plain, strings
from arc_semconv import attributes as semconv

__all__ = ["MESSAGES", "EventFold", "reply", "request_attributes", "request_content"]

_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
}
_COUNTS: Final = (
    "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens_details",
)  # fmt: skip
_CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_PIECES: Final = ("text", "partial_json", "thinking")
"""Fields of a delta that hold the next piece of its block."""


def request_attributes(body: Mapping[str, object]) -> Attributes:
    """What the request body says, content apart."""
    attributes: Attributes = {}
    for field, name in _NUMBERS.items():
        value = body.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[name] = value
    if stop := strings(body.get("stop_sequences")):
        attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
    if body.get("stream") is True:
        attributes[semconv.REQUEST_STREAM] = True
    output = body.get("output_config")
    if isinstance(effort := get(output, "effort"), str):
        attributes[semconv.REQUEST_REASONING_LEVEL] = effort
    if "json_schema" in (get(get(output, "format"), "type"), get(body.get("output_format"), "type")):
        attributes[semconv.OUTPUT_TYPE] = "json"
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
    kind = get(block, "type")
    if kind in _CALLS:
        called = {"id": get(block, "id"), "name": get(block, "name"), "arguments": get(block, "input")}
        return {"type": "tool_call", **called}
    if isinstance(kind, str) and kind.endswith("tool_result"):  # of a tool of the program's, or of the provider's
        return {
            "type": "tool_call_response",
            "id": get(block, "tool_use_id"),
            "response": _plain_parts(get(block, "content")),
        }
    match kind:
        case "text":
            return {"type": "text", "content": get(block, "text")}
        case "thinking":
            return {"type": "reasoning", "content": get(block, "thinking")}
        case "image" | "document":
            return _media(kind, get(block, "source"))
        case _:
            return plain(block)


def _plain_parts(content: object) -> object:
    """The content of a tool's result as JSON values."""
    return [plain(part) for part in content] if isinstance(content, list | tuple) else plain(content)


def _media(kind: str, source: object) -> dict[str, object]:
    told = {"modality": kind, "mime_type": get(source, "media_type")}
    match get(source, "type"):
        case "base64":
            return {"type": "blob", **told, "data": get(source, "data")}
        case "url":
            return {"type": "uri", **told, "uri": get(source, "url")}
        case "file":
            return {"type": "file", **told, "file_id": get(source, "file_id")}
        case _:  # a document's text, in one or in blocks
            return {"type": "text", "content": get(source, "data") or _plain_parts(get(source, "content"))}


def reply(answer: object) -> Reply:
    """What a whole message says."""
    reason = get(answer, "stop_reason")
    attributes = {**_named(answer), **_usage(get(answer, "usage")), **finish_attributes([reason])}
    if not isinstance(get(answer, "content"), list | tuple):
        return Reply(attributes, ())
    return Reply(attributes, LazyMessages([answer], _output_message))


def _output_message(answer: object) -> dict[str, object]:
    parts = _parts(get(answer, "content"))
    return {"role": "assistant", "parts": parts, "finish_reason": get(answer, "stop_reason")}


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
        semconv.USAGE_CACHE_WRITE_INPUT_TOKENS: written or None,
        semconv.USAGE_REASONING_OUTPUT_TOKENS: get(get(usage, "output_tokens_details"), "thinking_tokens"),
    }
    if isinstance(sent, int):
        counts[semconv.USAGE_INPUT_TOKENS] = sent + (read or 0) + (written or 0)
    return {name: count for name, count in counts.items() if isinstance(count, int)}


class EventFold:
    """Puts a streamed message together."""

    def __init__(self) -> None:
        self._message: object = None
        self._usage: dict[str, object] = {}
        self._blocks: dict[int, _Block] = {}
        self._reason: object = None

    def add(self, event: object) -> None:
        """Take one event in."""
        kind = get(event, "type")
        if kind == "content_block_delta":
            index = get(event, "index") or 0
            block = self._blocks.get(index)
            if block is None:
                block = self._blocks[index] = _Block(None)
            block.add(get(event, "delta"))
        elif kind == "content_block_start":
            self._blocks[get(event, "index") or 0] = _Block(get(event, "content_block"))
        elif kind == "message_start":
            self._message = get(event, "message")
            self._count(get(self._message, "usage"))
        elif kind == "message_delta":
            self._count(get(event, "usage"))
            self._reason = get(get(event, "delta"), "stop_reason") or self._reason

    def _count(self, usage: object) -> None:
        for name in _COUNTS:
            if (count := get(usage, name)) is not None:
                self._usage[name] = count

    def reply(self) -> Reply:
        """What the events so far amount to."""
        content = [block.whole() for _, block in sorted(self._blocks.items())]
        named = {"id": get(self._message, "id"), "model": get(self._message, "model")}
        return reply({**named, "content": content, "stop_reason": self._reason, "usage": self._usage})


class _Block:
    """One block of a streamed message: as it began, and the pieces that came after."""

    def __init__(self, began: object) -> None:
        self._began = began
        self._pieces: list[str] = []

    def add(self, delta: object) -> None:
        """Take one piece in."""
        for name in _PIECES:
            if isinstance(piece := get(delta, name), str):
                self._pieces.append(piece)

    def whole(self) -> object:
        """The block with all its pieces."""
        began, text = self._began, "".join(self._pieces)
        kind = get(began, "type") or "text"
        if kind in _CALLS:
            given = {"id": get(began, "id"), "name": get(began, "name")}
            return {"type": kind, **given, "input": arguments(text) if text else get(began, "input")}
        if kind in ("text", "thinking"):
            return {"type": kind, kind: f"{get(began, kind) or ''}{text}"}
        return began


MESSAGES: Final = Api(
    name="messages",
    operation="chat",
    request_attributes=request_attributes,
    content_fields=("messages", "system", "tools"),
    request_content=request_content,
    answer_fields=("id", "model", "content", "stop_reason", "usage"),
    reply=reply,
    fold=lambda _body: EventFold(),
)
