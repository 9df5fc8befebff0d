"""Legacy completions (`text_completion`), whole and streamed. Source: OpenAI API reference, completions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Reply
from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _wire
from arc_instrumentation_openai._estimates import estimated_usage, text_length
from arc_instrumentation_openai._wire import get

__all__ = ["COMPLETIONS", "TextFold", "reply", "request_attributes", "request_content"]

_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "seed": semconv.REQUEST_SEED,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
}


def request_attributes(body: Mapping[str, object]) -> dict[str, AttributeValue]:
    """What the request body says, content apart."""
    attributes = _wire.request_values(body, _NUMBERS)
    attributes[semconv.REQUEST_API] = "completions"
    return attributes


def request_content(body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """The prompts, each as a message of the user; prompts that are token numbers are no text and left out."""
    prompts = _wire.strings(body.get("prompt"))
    return {semconv.INPUT_MESSAGES: [_message("user", prompt) for prompt in prompts]} if prompts else {}


def reply(completion: object) -> Reply:
    """What a whole completion says."""
    return _wire.completion_reply(completion, _output_message)


class TextFold:
    """Puts a streamed completion together; `body` is the request that it answers."""

    def __init__(self, body: Mapping[str, object]) -> None:
        self._body = body
        self._first: object = None
        self._usage: object = None
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: object) -> None:
        """Take one chunk in."""
        if self._first is None or not get(self._first, "model"):
            self._first = chunk
        usage = get(chunk, "usage")
        if usage is not None:
            self._usage = usage
        for choice in _wire.items(chunk, "choices"):
            held = self._choices.setdefault(get(choice, "index") or 0, {"pieces": [], "finish_reason": None})
            if text := get(choice, "text"):
                held["pieces"].append(text)
            if reason := get(choice, "finish_reason"):
                held["finish_reason"] = reason

    def reply(self) -> Reply:
        """What the chunks so far amount to; usage is estimated when no chunk told it."""
        choices = [
            {"text": "".join(held["pieces"]), "finish_reason": held["finish_reason"]}
            for _, held in sorted(self._choices.items())
        ]
        attributes = {
            **_wire.response_attributes(self._first),
            **(_wire.usage_attributes(self._usage) or self._estimate(choices)),
            **_wire.finish_attributes(choice["finish_reason"] for choice in choices),
        }
        return Reply(attributes, _wire.LazyMessages(choices, _output_message))

    def _estimate(self, choices: Sequence[Mapping[str, Any]]) -> dict[str, AttributeValue]:
        prompts = _wire.strings(self._body.get("prompt"))
        return estimated_usage(
            text_length(prompts) if prompts else None, sum(len(choice["text"]) for choice in choices)
        )


def _message(role: str, text: object) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _output_message(choice: object) -> dict[str, object]:
    return {**_message("assistant", get(choice, "text")), "finish_reason": get(choice, "finish_reason")}


COMPLETIONS: Final = Api(
    "completions",
    "text_completion",
    request_attributes,
    ("prompt",),
    request_content,
    (*_wire.ANSWER_FIELDS, "choices", "error"),
    reply,
    TextFold,
)
