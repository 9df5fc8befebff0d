"""Chat completions as the GenAI conventions tell them: pure functions from wire JSON, or the SDK's objects, to facts.

Source: OpenAI API reference, chat completions; GenAI conventions (November 2026) for attributes and messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Reply
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _wire
from arc_instrumentation_openai._api import Api
from arc_instrumentation_openai._estimates import estimated_usage, text_length
from arc_instrumentation_openai._wire import get

__all__ = ["CHAT", "ChunkFold", "reply", "request_attributes", "request_content"]

_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "seed": semconv.REQUEST_SEED,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
}
_STRINGS: Final = {
    "reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
}
_OUTPUT_TYPES: Final = {"text": "text", "json_object": "json", "json_schema": "json"}


def request_attributes(body: Mapping[str, object]) -> dict[str, AttributeValue]:
    """What the request body says, content apart."""
    attributes = _wire.request_values(body, _NUMBERS, _STRINGS)
    if isinstance(limit := body.get("max_completion_tokens"), int):  # it stands where both are given
        attributes[semconv.REQUEST_MAX_TOKENS] = limit
    attributes[semconv.OPENAI_API_TYPE] = "chat_completions"
    if kind := _OUTPUT_TYPES.get(str(get(body.get("response_format"), "type"))):
        attributes[semconv.OUTPUT_TYPE] = kind
    return attributes


def request_content(body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """Messages and tool definitions of the request body, as the conventions shape them."""
    content: dict[str, Sequence[object]] = {}
    messages, tools = body.get("messages"), body.get("tools")
    if isinstance(messages, Sequence):
        content[semconv.INPUT_MESSAGES] = [_input_message(message) for message in messages]
    if isinstance(tools, Sequence) and tools:
        content[semconv.TOOL_DEFINITIONS] = tools
    return content


def reply(completion: object) -> Reply:
    """What a whole completion says."""
    return _wire.completion_reply(completion, _output_message)


class ChunkFold:
    """Puts a streamed completion together; `body` is the request that it answers."""

    def __init__(self, body: Mapping[str, object]) -> None:
        self._body = body
        self._first: object = None
        self._last: object = None
        self._usage: object = None
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: object) -> None:
        """Take one chunk in."""
        if self._first is None:
            self._first = chunk
        self._last = chunk
        usage = get(chunk, "usage")
        if usage is not None:
            self._usage = usage
        for delta in get(chunk, "choices") or ():
            self._add_choice(delta)

    def _add_choice(self, choice: object) -> None:
        index = get(choice, "index") or 0
        held = self._choices.get(index)
        if held is None:
            held = self._choices[index] = {"role": "assistant", "content": [], "tools": {}, "finish_reason": None}
        delta = get(choice, "delta")
        text = get(delta, "content")
        if text:
            held["content"].append(text)
        for call in get(delta, "tool_calls") or ():
            _add_tool_call(held["tools"], call)
        if reason := get(choice, "finish_reason"):
            held["finish_reason"] = reason

    def _estimate(self) -> dict[str, AttributeValue]:
        received = 0
        for held in self._choices.values():
            received += sum(map(len, held["content"]))
            received += sum(len(piece) for call in held["tools"].values() for piece in call["arguments"])
        return estimated_usage(text_length([self._body.get("messages"), self._body.get("tools")]), received)

    def reply(self) -> Reply:
        """What the chunks so far amount to; usage is estimated when no chunk told it."""
        # Groq tells it in a field of its own when it was not asked for.
        usage = self._usage or get(get(self._last, "x_groq"), "usage")
        choices = [
            {
                "message": {
                    "role": held["role"],
                    "content": "".join(held["content"]),
                    "tool_calls": [_joined(call) for call in held["tools"].values()],
                },
                "finish_reason": held["finish_reason"],
            }
            for _, held in sorted(self._choices.items())
        ]
        attributes = {
            **_wire.response_attributes(self._first),
            **(_wire.usage_attributes(usage) or self._estimate()),
            **_wire.finish_attributes(choice["finish_reason"] for choice in choices),
        }
        return Reply(attributes, _wire.LazyMessages(choices, _output_message))


def _add_tool_call(held: dict[int, dict[str, Any]], call: object) -> None:
    index = get(call, "index") or 0
    joined = held.setdefault(index, {"id": None, "name": None, "arguments": []})
    function = get(call, "function")
    joined["id"] = get(call, "id") or joined["id"]
    joined["name"] = get(function, "name") or joined["name"]
    if piece := get(function, "arguments"):
        joined["arguments"].append(piece)


def _joined(call: Mapping[str, Any]) -> dict[str, object]:
    return {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}


# --- content ---------------------------------------------------------------------------------------------------------


def _output_message(choice: object) -> dict[str, object]:
    return {**_input_message(get(choice, "message")), "finish_reason": get(choice, "finish_reason")}


def _input_message(message: object) -> dict[str, object]:
    role = get(message, "role") or "assistant"
    if role in ("tool", "function"):
        answer = {
            "type": "tool_call_response",
            "id": get(message, "tool_call_id"),
            "response": get(message, "content"),
        }
        return {"role": "tool", "parts": [answer]}
    return {"role": role, "parts": [*_text_parts(message), *_tool_parts(message)]}


def _text_parts(message: object) -> Iterator[object]:
    reasoning = get(message, "reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        yield {"type": "reasoning", "content": reasoning}
    content = get(message, "content")
    if isinstance(content, str):
        if content:
            yield {"type": "text", "content": content}
    elif isinstance(content, Sequence):
        yield from map(_part, content)
    if refusal := get(message, "refusal"):
        yield {"type": "refusal", "content": refusal}


def _part(part: object) -> object:
    match get(part, "type"):
        case "text":
            return {"type": "text", "content": get(part, "text")}
        case "image_url":
            return {"type": "uri", "modality": "image", "uri": get(get(part, "image_url"), "url")}
        case "input_audio":
            audio = get(part, "input_audio")
            kind = f"audio/{get(audio, 'format')}"
            return {"type": "blob", "modality": "audio", "mime_type": kind, "data": get(audio, "data")}
        case _:
            return part


def _tool_parts(message: object) -> Iterator[object]:
    for call in _wire.items(message, "tool_calls"):
        function = get(call, "function") or get(call, "custom")
        arguments = get(function, "arguments") or get(function, "input")
        yield {
            "type": "tool_call",
            "id": get(call, "id"),
            "name": get(function, "name"),
            "arguments": _wire.arguments(arguments),
        }


CHAT: Final = Api(
    "chat.completions",
    "chat",
    request_attributes,
    ("messages", "tools"),
    request_content,
    (*_wire.ANSWER_FIELDS, "choices"),
    reply,
    ChunkFold,
)
