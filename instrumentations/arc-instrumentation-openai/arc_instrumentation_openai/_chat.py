"""Chat completions as the GenAI conventions tell them: pure functions from wire JSON, or the SDK's objects, to facts.

Source: OpenAI API reference, chat completions; GenAI conventions (November 2026) for attributes and messages.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Reply
from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _wire
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
_LEGACY: Final = "function_call"
"""Index of the one call that answers had before there were tools."""
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
        content[semconv.TOOL_DEFINITIONS] = [_tool_definition(tool) for tool in tools]
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
        self._choices: dict[int, _Choice] = {}

    def add(self, chunk: object) -> None:
        """Take one chunk in."""
        if self._first is None or not get(self._first, "model"):  # Azure's first chunk, of its filters, names none
            self._first = chunk
        self._last = chunk
        usage = get(chunk, "usage")
        if usage is not None:
            self._usage = usage
        for choice in _wire.items(chunk, "choices"):
            self._add_choice(choice)

    def _add_choice(self, choice: object) -> None:
        index = get(choice, "index") or 0
        held = self._choices.get(index)
        if held is None:
            held = self._choices[index] = _Choice()
        delta = get(choice, "delta")
        text = get(delta, "content")
        if text:
            held.add_content(text)
        for call in get(delta, "tool_calls") or ():
            held.add_call(call)
        if refusal := get(delta, "refusal"):
            held.refusal.append(refusal)
        if function := get(delta, "function_call"):
            held.add_call({"index": _LEGACY, "function": function})
        if more := _wire.beyond(delta):
            held.add_reasoning(more)
        if reason := get(choice, "finish_reason"):
            held.finish_reason = reason

    def _estimate(self) -> dict[str, AttributeValue]:
        received = sum(held.length() for held in self._choices.values())
        return estimated_usage(text_length([self._body.get("messages"), self._body.get("tools")]), received)

    def reply(self) -> Reply:
        """What the chunks so far amount to; usage is estimated when no chunk told it."""
        # Groq tells it in a field of its own when it was not asked for.
        usage = self._usage or get(get(self._last, "x_groq"), "usage")
        choices = [held.joined() for _, held in sorted(self._choices.items())]
        attributes = {
            # Azure begins with a chunk on its content filter, which names neither id nor model.
            **_wire.response_attributes(self._first if get(self._first, "id") else self._last),
            **(_wire.usage_attributes(usage) or self._estimate()),
            **_wire.finish_attributes(choice["finish_reason"] for choice in choices),
        }
        return Reply(attributes, _wire.LazyMessages(choices, _output_message))


class _Choice:
    """The pieces of one choice."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.finish_reason: object = None
        self._by_index: dict[object, dict[str, Any]] = {}

    def add_content(self, given: object) -> None:
        """Take in text, or parts as Mistral's thinking models stream them."""
        if isinstance(given, str):
            self.content.append(given)
            return
        for part in given if isinstance(given, list) else ():
            text = _thought(part)
            if text is not None:
                self.reasoning.append(text)
            elif isinstance(text := get(part, "text"), str):
                self.content.append(text)

    def add_reasoning(self, more: Mapping[str, Any]) -> None:
        """Take in what other providers than OpenAI tell of the model's thoughts."""
        text = _reasoning(more)
        if text is not None:
            self.reasoning.append(text)

    def add_call(self, call: object) -> None:
        """Take in a piece of a tool call."""
        index, call_id = get(call, "index"), get(call, "id")
        function = get(call, "function") or get(call, "custom")
        name = get(function, "name")
        held = self._by_index.get(index) if index is not None else (self.calls[-1] if self.calls else None)
        if held is None or _begins_another(held, index, call_id, name):
            held = self._by_index[index] = {"id": None, "name": None, "arguments": []}
            self.calls.append(held)
        held["id"] = held["id"] or call_id
        held["name"] = held["name"] or name
        if piece := get(function, "arguments") or get(function, "input"):
            held["arguments"].append(piece if isinstance(piece, str) else json.dumps(piece, default=str))

    def length(self) -> int:
        """Characters of all of it."""
        pieces = (self.content, self.reasoning, self.refusal, *(call["arguments"] for call in self.calls))
        return sum(len(piece) for some in pieces for piece in some)

    def joined(self) -> dict[str, object]:
        """A choice as an answer that is not streamed has it."""
        message = {
            "role": "assistant",
            "content": "".join(self.content),
            "reasoning_content": "".join(self.reasoning),
            "refusal": "".join(self.refusal),
            "tool_calls": [
                {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
                for call in self.calls
            ],
        }
        return {"message": message, "finish_reason": self.finish_reason}


def _begins_another(held: Mapping[str, object], index: object, call_id: object, name: object) -> bool:
    """Whether a piece with a name is of another call than `held`.

    Gemini and Ollama give every call of an answer the index 0, others give none. An id alone says nothing: some
    versions of vLLM make up a new one for each piece.
    """
    if not name or not held["name"]:
        return False
    return call_id != held["id"] if call_id and held["id"] else index is None


# --- content ---------------------------------------------------------------------------------------------------------


def _tool_definition(tool: object) -> object:
    """Flat, as the conventions have it: a function's fields beside its type."""
    function = get(tool, "function")
    return {"type": get(tool, "type"), **function} if isinstance(function, Mapping) else tool


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
    parts = [*_text_parts(message), *_tool_parts(message)]
    name = get(message, "name")
    return {"role": role, "parts": parts, "name": name} if isinstance(name, str) else {"role": role, "parts": parts}


def _text_parts(message: object) -> Iterator[object]:
    reasoning = _reasoning(_wire.beyond(message))
    if reasoning:
        yield {"type": "reasoning", "content": reasoning}
    content = get(message, "content")
    if isinstance(content, str):
        if content:
            yield {"type": "text", "content": content}
    elif isinstance(content, Sequence):
        yield from map(_part, content)
    if refusal := get(message, "refusal"):
        yield {"type": "refusal", "content": refusal}
    if transcript := get(get(message, "audio"), "transcript"):
        yield {"type": "text", "content": transcript}


def _reasoning(fields: Mapping[str, Any]) -> str | None:
    """The model's thoughts, as DeepSeek and vLLM or as Groq and OpenRouter name them."""
    text = fields.get("reasoning_content") or fields.get("reasoning")
    return text if isinstance(text, str) else None


def _thought(part: object) -> str | None:
    """The text of a part that holds the model's thoughts (Mistral's `thinking`); None when it is another part."""
    if get(part, "type") != "thinking":
        return None
    given = get(part, "thinking")
    pieces = given if isinstance(given, list) else [given]
    texts = (piece if isinstance(piece, str) else get(piece, "text") for piece in pieces)
    return "".join(text for text in texts if isinstance(text, str))


def _part(part: object) -> object:
    match get(part, "type"):
        case "text":
            return {"type": "text", "content": get(part, "text")}
        case "image_url":
            return {"type": "uri", "modality": "image", "uri": get(get(part, "image_url"), "url")}
        case "thinking":
            return {"type": "reasoning", "content": _thought(part)}
        case "input_audio":
            audio = get(part, "input_audio")
            kind = f"audio/{get(audio, 'format')}"
            return {"type": "blob", "modality": "audio", "mime_type": kind, "data": get(audio, "data")}
        case _:
            return part


def _tool_parts(message: object) -> Iterator[object]:
    for call in _wire.items(message, "tool_calls"):
        yield _tool_part(get(call, "id"), get(call, "function") or get(call, "custom"))
    if function := get(message, "function_call"):
        yield _tool_part(None, function)


def _tool_part(call_id: object, function: object) -> object:
    arguments = get(function, "arguments") or get(function, "input")
    return {
        "type": "tool_call",
        "id": call_id,
        "name": get(function, "name"),
        "arguments": _wire.arguments(arguments),
    }


CHAT: Final = Api(
    "chat.completions",
    "chat",
    request_attributes,
    ("messages", "tools"),
    request_content,
    (*_wire.ANSWER_FIELDS, "choices", "error"),
    reply,
    ChunkFold,
)
