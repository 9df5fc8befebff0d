"""The Realtime API as the GenAI conventions tell it: pure functions from wire JSON, or the SDK's objects, to facts.

Source: OpenAI API reference, realtime client and server events; GenAI conventions (November 2026). Both forms of the
events are read: those of the API's beta (`response.text.delta`, `modalities`) and those of today
(`response.output_text.delta`, `output_modalities`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from arc_runtime.instrumentation import Reply
from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from arc_semconv.kinds import RunState
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _wire
from arc_instrumentation_openai._wire import get

__all__ = ["REALTIME", "audio_size", "message", "reply", "request_attributes", "session_content", "sound", "spoken"]

Attributes = dict[str, AttributeValue]

_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "max_response_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
}
_STRINGS: Final = {"model": semconv.REQUEST_MODEL}
_INCOMPLETE: Final = {"max_output_tokens": "length"}
_FINISH_REASONS: Final = {"completed": "stop", "failed": "error", "cancelled": "cancelled"}
_DELTAS: Final = {
    "response.output_text.delta": "text",
    "response.text.delta": "text",
    "response.output_audio_transcript.delta": "text",
    "response.audio_transcript.delta": "text",
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
}
"""Events that carry a piece of text, and of what it is a piece; those of sound are nowhere kept."""
_SOUNDS: Final = frozenset({"audio", "input_audio", "output_audio"})
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})


def request_attributes(body: Mapping[str, object]) -> Attributes:
    """What the session's configuration, overlaid with that of one response, says; content apart."""
    attributes: Attributes = {**_wire.request_values(body, _NUMBERS, _STRINGS), semconv.REQUEST_API: "realtime"}
    modalities = _wire.strings(body.get("output_modalities") or body.get("modalities"))
    if modalities:
        attributes[semconv.OUTPUT_TYPE] = "speech" if "audio" in modalities else "text"
    attributes.update(_wire.present({semconv.REQUEST_REASONING_LEVEL: get(body.get("reasoning"), "effort")}))
    return attributes


def session_content(body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """Instructions and tools of the session's configuration, and the input that a response was given of its own."""
    content: dict[str, Sequence[object]] = {}
    instructions, given, tools = body.get("instructions"), body.get("input"), body.get("tools")
    if isinstance(instructions, str) and instructions:
        content[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": instructions}]
    if isinstance(given, list | tuple) and given:
        content[semconv.INPUT_MESSAGES] = [message(item) for item in given]
    if isinstance(tools, list | tuple) and tools:
        content[semconv.TOOL_DEFINITIONS] = [_wire.plain(tool) for tool in tools]
    return content


def reply(response: object) -> Reply:
    """What a response says, as `response.done` or `response.created` tells it."""
    status, details = get(response, "status"), get(response, "status_details")
    attributes = {
        **_wire.present({
            semconv.RESPONSE_ID: get(response, "id"),
            semconv.CONVERSATION_ID: get(response, "conversation_id"),
            semconv.FAILURE_TYPE: _failure(details) if status == "failed" else None,
            semconv.RUN_STATE: RunState.CANCELLED.value if status == "cancelled" else None,
        }),
        **_wire.finish_attributes((_finish_reason(status, details),)),
        **_usage(get(response, "usage")),
    }  # fmt: skip
    return Reply(attributes, _wire.LazyMessages((response,) if _wire.items(response, "output") else (), spoken))


def _finish_reason(status: object, details: object) -> object:
    if status == "incomplete":
        reason = get(details, "reason")
        return _INCOMPLETE.get(reason, reason) if isinstance(reason, str) else "incomplete"
    return _FINISH_REASONS.get(status) if isinstance(status, str) else None


def _failure(details: object) -> object:
    error = get(details, "error")
    return get(error, "code") or get(error, "type") or "error"


def _usage(usage: object) -> Attributes:
    """Token counts; the parts of them that are sound bear the names of the conventions."""
    received, sent = get(usage, "input_token_details"), get(usage, "output_token_details")
    counts = {
        semconv.USAGE_INPUT_TOKENS: get(usage, "input_tokens"),
        semconv.USAGE_OUTPUT_TOKENS: get(usage, "output_tokens"),
        semconv.USAGE_CACHE_READ_INPUT_TOKENS: get(received, "cached_tokens"),
        semconv.USAGE_AUDIO_INPUT_TOKENS: get(received, "audio_tokens"),
        semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: get(get(received, "cached_tokens_details"), "audio_tokens"),
        semconv.USAGE_AUDIO_OUTPUT_TOKENS: get(sent, "audio_tokens"),
        semconv.USAGE_REASONING_OUTPUT_TOKENS: get(sent, "reasoning_tokens"),
    }
    return {name: count for name, count in counts.items() if isinstance(count, int)}


class RealtimeFold:
    """Follows the events of one response."""

    def __init__(self, _body: Mapping[str, object]) -> None:
        self._response: object = None
        self._items: dict[object, object] = {}
        self._pieces: dict[tuple[object, str], list[str]] = {}

    def add(self, event: object) -> None:
        """Take one event in."""
        kind = get(event, "type")
        if what := _DELTAS.get(kind):
            delta = get(event, "delta")
            if isinstance(delta, str):
                self._pieces.setdefault((get(event, "item_id"), what), []).append(delta)
        elif kind == "response.output_item.added":
            item = get(event, "item")
            self._items[get(item, "id")] = item
        elif (response := get(event, "response")) is not None:
            self._response = response

    def reply(self) -> Reply:
        """What the events so far amount to: the last state of the response, or what was seen of it before its end."""
        said = reply(self._response)
        return Reply(said.attributes, said.messages or self._seen())

    def _seen(self) -> Sequence[object]:
        parts = [self._part(item_id, what, "".join(pieces)) for (item_id, what), pieces in self._pieces.items()]
        return [{"role": "assistant", "parts": parts}] if parts else []

    def _part(self, item_id: object, what: str, text: str) -> object:
        if what == "arguments":
            item = self._items.get(item_id)
            return _tool_call(item, text)
        return {"type": "text", "content": text}


# --- content ---------------------------------------------------------------------------------------------------------


def spoken(response: object) -> dict[str, object]:
    """What was answered, as one message."""
    return {"role": "assistant", "parts": [part for item in _wire.items(response, "output") for part in _parts(item)]}


def message(item: object) -> dict[str, object]:
    """An item of a conversation as a message; sound is told by its size."""
    role = "tool" if get(item, "type") == "function_call_output" else get(item, "role") or "assistant"
    return {"role": role, "parts": list(_parts(item))}


def audio_size(audio: object) -> int:
    """Bytes of sound in `audio`, base64 text; 0 when it is none."""
    return len(audio) * 3 // 4 if isinstance(audio, str) else 0


def sound(size_bytes: int) -> dict[str, object]:
    """The part of a message that is so many bytes of sound."""
    return {"type": "blob", "modality": "audio", "content": f"<blob {size_bytes} bytes>"}


def _parts(item: object) -> Iterator[object]:
    kind = get(item, "type")
    if kind in (None, "message"):
        yield from map(_part, _wire.items(item, "content"))
    elif kind in ("function_call", "mcp_call"):
        yield _tool_call(item, get(item, "arguments"))
        if kind == "mcp_call" and (output := get(item, "output")) is not None:
            yield {"type": "tool_call_response", "id": get(item, "id"), "response": output}
    elif kind == "function_call_output":
        yield {"type": "tool_call_response", "id": get(item, "call_id"), "response": get(item, "output")}
    else:
        yield _wire.plain(item)


def _part(part: object) -> object:
    kind = get(part, "type")
    if kind in _TEXTS:
        return {"type": "text", "content": get(part, "text")}
    if isinstance(transcript := get(part, "transcript"), str):
        return {"type": "text", "content": transcript}
    if kind in _SOUNDS or isinstance(get(part, "audio"), str):
        return sound(audio_size(get(part, "audio")))
    if kind == "input_image":
        return {"type": "uri", "modality": "image", "uri": get(part, "image_url")}
    return _wire.plain(part)


def _tool_call(item: object, arguments: object) -> dict[str, object]:
    return {
        "type": "tool_call",
        "id": get(item, "call_id") or get(item, "id"),
        "name": get(item, "name"),
        "arguments": _wire.arguments(arguments),
    }


REALTIME: Final = Api(
    "realtime",
    "chat",
    request_attributes,
    ("instructions", "input", "tools"),
    session_content,
    ("id", "conversation_id", "status", "status_details", "usage", "output"),
    reply,
    RealtimeFold,
)
