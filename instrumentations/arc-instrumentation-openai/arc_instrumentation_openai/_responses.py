"""The Responses API as the GenAI conventions tell it: pure functions from wire JSON, or the SDK's objects, to facts.

Source: OpenAI API reference, responses and their streaming events; GenAI conventions (November 2026).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Reply
from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _wire
from arc_instrumentation_openai._estimates import estimated_usage, text_length
from arc_instrumentation_openai._wire import get

__all__ = [
    "COMPACTION",
    "FETCHED",
    "RESPONSES",
    "EventFold",
    "fetched",
    "finish_reason",
    "reply",
    "request_attributes",
    "request_content",
]

_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
}
_STRINGS: Final = {
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "previous_response_id": semconv.REQUEST_PREVIOUS_RESPONSE_ID,
}
_OUTPUT_TYPES: Final = {"text": "text", "json_object": "json", "json_schema": "json"}
_FINISH_REASONS: Final = {"completed": "stop", "complete": "stop", "failed": "error", "cancelled": "error"}
_INCOMPLETE: Final = {"max_output_tokens": "length"}
_DELTAS: Final = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
}
"""Events that carry a piece of text, and of what it is a piece."""
_CALLS: Final = frozenset({"function_call", "custom_tool_call", "mcp_call"})
_ANSWERED_BY_CALLER: Final = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_ELSEWHERE: Final = ("previous_response_id", "conversation", "prompt")
"""Fields that bring in text which is not in the request."""

Attributes = dict[str, AttributeValue]


def request_attributes(body: Mapping[str, object]) -> Attributes:
    """What the request body says, content apart."""
    attributes = {**_wire.request_values(body, _NUMBERS, _STRINGS), semconv.OPENAI_API_TYPE: "responses"}
    attributes.update(
        _wire.present({
            semconv.CONVERSATION_ID: _conversation(body),
            semconv.REQUEST_REASONING_LEVEL: get(body.get("reasoning"), "effort"),
            semconv.OUTPUT_TYPE: _OUTPUT_TYPES.get(str(get(get(body.get("text"), "format"), "type"))),
        })
    )  # fmt: skip
    return attributes


def _conversation(value: object) -> object:
    conversation = get(value, "conversation")
    return conversation if isinstance(conversation, str) else get(conversation, "id")


def request_content(body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """Instructions, input and tool definitions of the request body, as the conventions shape them."""
    content: dict[str, Sequence[object]] = {}
    instructions, given, tools = body.get("instructions"), body.get("input"), body.get("tools")
    if isinstance(instructions, str) and instructions:
        content[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": instructions}]
    if isinstance(given, str):
        content[semconv.INPUT_MESSAGES] = [{"role": "user", "parts": [{"type": "text", "content": given}]}]
    elif isinstance(given, list | tuple):
        content[semconv.INPUT_MESSAGES] = [_input_message(item) for item in given]
    if isinstance(tools, list | tuple) and tools:
        content[semconv.TOOL_DEFINITIONS] = tools
    return content


# --- answers ---------------------------------------------------------------------------------------------------------


def reply(response: object) -> Reply:
    """What a whole response says; one that is queued or under way has neither usage nor finish reason yet."""
    error = get(response, "error")
    attributes = {
        **_wire.response_attributes(response),
        **_wire.usage_attributes(get(response, "usage")),
        **_wire.finish_attributes((finish_reason(response),)),
        **_wire.present({
            semconv.CONVERSATION_ID: _conversation(response),
            semconv.FAILURE_TYPE: None if error is None else get(error, "code") or "error",
        }),
    }  # fmt: skip
    if any(get(item, "type") == "compaction" for item in _wire.items(response, "output")):
        attributes[semconv.CONVERSATION_COMPACTED] = True
    return Reply(attributes, _wire.LazyMessages((response,) if _wire.items(response, "output") else (), _output))


def finish_reason(response: object) -> str | None:
    """Why the response ended, in the words of the conventions; None while it goes on."""
    status = get(response, "status")
    if status == "incomplete":
        reason = get(get(response, "incomplete_details"), "reason")
        return _INCOMPLETE.get(reason, reason) if isinstance(reason, str) else "incomplete"
    reason = _FINISH_REASONS.get(status) if isinstance(status, str) else None
    waits = reason == "stop" and any(
        get(item, "type") in _ANSWERED_BY_CALLER for item in _wire.items(response, "output")
    )
    return "tool_calls" if waits else reason


def fetched(response: object) -> Reply:
    """What a response that was retrieved says.

    Its tokens are told only when it was made in the background: else the call that made it has told them.
    """
    said = reply(response)
    if get(response, "background") is True:
        return said
    return Reply({name: value for name, value in said.attributes.items() if not _is_usage(name)}, said.messages)


def _is_usage(name: str) -> bool:
    return name.startswith("gen_ai.usage.") or name == semconv.USAGE_ESTIMATED


class EventFold:
    """Follows the events of a streamed response; `body` is the request that it answers."""

    def __init__(self, body: Mapping[str, object]) -> None:
        self._body = body
        self._response: object = None
        self._failure: object = None
        self._calls: dict[int, object] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}

    def add(self, event: object) -> None:
        """Take one event in."""
        kind = get(event, "type")
        if what := _DELTAS.get(kind):
            if isinstance(piece := get(event, "delta"), str):
                self._pieces.setdefault((get(event, "output_index") or 0, what), []).append(piece)
        elif kind == "response.output_item.added":
            self._calls[get(event, "output_index") or 0] = get(event, "item")
        elif kind == "error":
            self._failure = get(event, "code") or "error"
        elif (response := get(event, "response")) is not None:
            self._response = response

    def reply(self) -> Reply:
        """What the events so far amount to: the last state of the response, or what was seen of it before its end."""
        said = reply(self._response)
        attributes = {**said.attributes, **_wire.present({semconv.FAILURE_TYPE: self._failure})}
        if semconv.USAGE_INPUT_TOKENS not in attributes and semconv.USAGE_OUTPUT_TOKENS not in attributes:
            attributes.update(self._estimate())
        return Reply(attributes, said.messages or self._seen())

    def _estimate(self) -> Attributes:
        known = not any(self._body.get(field) for field in _ELSEWHERE)
        sent = text_length([self._body.get(field) for field in ("instructions", "input", "tools")]) if known else None
        return estimated_usage(sent, sum(len(piece) for pieces in self._pieces.values() for piece in pieces))

    def _seen(self) -> Sequence[object]:
        parts = [self._part(index, what, "".join(pieces)) for (index, what), pieces in sorted(self._pieces.items())]
        return [{"role": "assistant", "parts": parts}] if parts else []

    def _part(self, index: int, what: str, text: str) -> object:
        if what == "arguments":
            call = self._calls.get(index)
            return _tool_call(get(call, "call_id") or get(call, "id"), get(call, "name"), text)
        return {"type": what, "content": text}


class FetchedFold(EventFold):
    """Follows a response that is retrieved as a stream: its tokens as `fetched` has it, and never an estimate."""

    def reply(self) -> Reply:
        """What the events so far amount to."""
        said = fetched(self._response)
        return Reply(said.attributes, said.messages or self._seen())


# --- content ---------------------------------------------------------------------------------------------------------


def _output(response: object) -> dict[str, object]:
    parts = [part for item in _wire.items(response, "output") for part in _parts(item)]
    return {"role": "assistant", "parts": parts, "finish_reason": finish_reason(response)}


def _input_message(item: object) -> dict[str, object]:
    kind = get(item, "type")
    if kind in _OUTPUTS:
        answer = {
            "type": "tool_call_response",
            "id": get(item, "call_id"),
            "response": _wire.plain(get(item, "output")),
        }
        return {"role": "tool", "parts": [answer]}
    return {"role": get(item, "role") or "assistant", "parts": list(_parts(item))}


def _parts(item: object) -> Iterator[object]:
    """One item of input or output as parts of a message."""
    kind = get(item, "type")
    if kind in (None, "message"):
        content = get(item, "content")
        if isinstance(content, str):
            yield {"type": "text", "content": content}
        else:
            yield from map(_part, _wire.items(item, "content"))
    elif kind in _CALLS:
        arguments = get(item, "arguments") or get(item, "input")
        yield _tool_call(get(item, "call_id") or get(item, "id"), get(item, "name"), arguments)
        if kind == "mcp_call" and (output := get(item, "output")) is not None:
            yield {"type": "tool_call_response", "id": get(item, "id"), "response": output}
    elif kind == "reasoning":
        for block in (*_wire.items(item, "summary"), *_wire.items(item, "content")):
            yield {"type": "reasoning", "content": get(block, "text")}
    elif kind == "image_generation_call" and get(item, "result"):
        picture = f"image/{get(item, 'output_format') or 'png'}"
        yield {"type": "blob", "modality": "image", "mime_type": picture, "data": get(item, "result")}
    else:
        yield _without_secrets(_wire.plain(item))


def _tool_call(call_id: object, name: object, arguments: object) -> dict[str, object]:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": _wire.arguments(arguments)}


def _part(part: object) -> object:
    match get(part, "type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "content": get(part, "text")}
        case "refusal":
            return {"type": "refusal", "content": get(part, "refusal")}
        case "input_image" if url := get(part, "image_url"):
            return {"type": "uri", "modality": "image", "uri": url}
        case _:
            return _wire.plain(part)


def _without_secrets(item: Any) -> object:
    """An item of another kind as it is, but for what only the provider can read."""
    return {k: v for k, v in item.items() if k != "encrypted_content"} if isinstance(item, Mapping) else item


RESPONSES: Final = Api(
    "responses",
    "chat",
    request_attributes,
    ("instructions", "input", "tools"),
    request_content,
    (*_wire.ANSWER_FIELDS, "output", "status", "incomplete_details", "error", "conversation", "background"),
    reply,
    EventFold,
)
COMPACTION: Final = RESPONSES._replace(name="responses.compact")
FETCHED: Final = RESPONSES._replace(
    name="responses.retrieve", operation="fetch_response", reply=fetched, fold=FetchedFold
)
