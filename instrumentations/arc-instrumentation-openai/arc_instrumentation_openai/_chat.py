"""Chat completions as the GenAI conventions tell them: pure functions from wire JSON, or the SDK's objects, to facts.

Source: OpenAI API reference, chat completions; GenAI conventions (November 2026) for attributes and messages. Objects
and mappings are read alike, and anything may be missing: compatible servers leave out what they please.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Reply
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

__all__ = ["ChunkFold", "reply", "request_attributes", "request_content"]

_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "seed": semconv.REQUEST_SEED,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
}
_STRINGS: Final = {
    "model": semconv.REQUEST_MODEL,
    "reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
}
_OUTPUT_TYPES: Final = {"text": "text", "json_object": "json", "json_schema": "json"}


def request_attributes(body: Mapping[str, object]) -> dict[str, AttributeValue]:
    """What the request body says, content apart."""
    attributes: dict[str, AttributeValue] = {semconv.OPENAI_API_TYPE: "chat_completions"}
    for field, name in _NUMBERS.items():
        value = body.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[name] = value
    for field, name in _STRINGS.items():
        value = body.get(field)
        if isinstance(value, str):
            attributes[name] = value
    if stop := _strings(body.get("stop")):
        attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
    if isinstance(count := body.get("n"), int) and count != 1:
        attributes[semconv.REQUEST_CHOICE_COUNT] = count
    if body.get("stream") is True:
        attributes[semconv.REQUEST_STREAM] = True
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
    choices = _items(completion, "choices")
    attributes = {
        **_response_attributes(completion),
        **_usage_attributes(get(completion, "usage")),
        **_finish_attributes(get(choice, "finish_reason") for choice in choices),
    }
    return Reply(attributes, _LazyMessages(choices))


class ChunkFold:
    """Puts a streamed completion together."""

    def __init__(self) -> None:
        self._first: object = None
        self._usage: object = None
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: object) -> None:
        """Take one chunk in."""
        if self._first is None:
            self._first = chunk
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

    def reply(self) -> Reply:
        """What the chunks so far amount to."""
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
            **_response_attributes(self._first),
            **_usage_attributes(self._usage),
            **_finish_attributes(choice["finish_reason"] for choice in choices),
        }
        return Reply(attributes, _LazyMessages(choices))


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


# --- facts of a response ---------------------------------------------------------------------------------------------


def _response_attributes(completion: object) -> dict[str, AttributeValue]:
    fields = {
        "id": semconv.RESPONSE_ID,
        "model": semconv.RESPONSE_MODEL,
        "service_tier": semconv.OPENAI_RESPONSE_SERVICE_TIER,
        "system_fingerprint": semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
    }
    values = {name: get(completion, field) for field, name in fields.items()}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _usage_attributes(usage: object) -> dict[str, AttributeValue]:
    counts = {
        semconv.USAGE_INPUT_TOKENS: get(usage, "prompt_tokens"),
        semconv.USAGE_OUTPUT_TOKENS: get(usage, "completion_tokens"),
        semconv.USAGE_CACHE_READ_INPUT_TOKENS: get(get(usage, "prompt_tokens_details"), "cached_tokens"),
        semconv.USAGE_REASONING_OUTPUT_TOKENS: get(get(usage, "completion_tokens_details"), "reasoning_tokens"),
    }
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _finish_attributes(reasons: Iterator[object]) -> dict[str, AttributeValue]:
    given = tuple(reason for reason in reasons if isinstance(reason, str))
    return {semconv.RESPONSE_FINISH_REASONS: given} if given else {}


# --- content ---------------------------------------------------------------------------------------------------------


class _LazyMessages(Sequence[object]):
    """Output messages, made only when somebody reads them: content is off by default."""

    def __init__(self, choices: Sequence[object]) -> None:
        self._choices = choices

    def __len__(self) -> int:
        return len(self._choices)

    def __getitem__(self, index: Any) -> Any:
        choice = self._choices[index]
        message = _input_message(get(choice, "message"))
        return {**message, "finish_reason": get(choice, "finish_reason")}


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
    for call in _items(message, "tool_calls"):
        function = get(call, "function") or get(call, "custom")
        arguments = get(function, "arguments") or get(function, "input")
        yield {"type": "tool_call", "id": get(call, "id"), "name": get(function, "name"), "arguments": _read(arguments)}


def _read(arguments: object) -> object:
    """Tool arguments as values, so that redaction sees them unescaped; as they stand when they are no JSON."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


# --- reading ---------------------------------------------------------------------------------------------------------


def get(value: object, field: str) -> Any:
    """`field` of a mapping or an object; None when it is not there."""
    return value.get(field) if isinstance(value, dict) else getattr(value, field, None)


def _items(value: object, field: str) -> Sequence[Any]:
    items = get(value, field)
    return items if isinstance(items, list | tuple) else ()


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()
