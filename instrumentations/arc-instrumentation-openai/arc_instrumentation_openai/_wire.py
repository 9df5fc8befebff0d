"""What requests and answers of all APIs have in common, and how their JSON is read.

Anything may be missing: compatible servers leave out what they please.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from arc_runtime.instrumentation import Attributes, Reply
from arc_runtime.instrumentation.stainless import (
    LazyMessages,
    arguments,
    beyond,
    finish_attributes,
    get,
    items,
    plain,
    present,
    strings,
)
from arc_semconv import attributes as semconv

__all__ = [
    "ANSWER_FIELDS",
    "LazyMessages",
    "arguments",
    "beyond",
    "finish_attributes",
    "get",
    "items",
    "plain",
    "present",
    "request_values",
    "response_attributes",
    "strings",
    "usage_attributes",
]

_NONE: Final[Mapping[str, str]] = {}
_RESPONSE: Final = (
    ("id", semconv.RESPONSE_ID),
    ("model", semconv.RESPONSE_MODEL),
    ("service_tier", semconv.OPENAI_RESPONSE_SERVICE_TIER),
    ("system_fingerprint", semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT),
)
ANSWER_FIELDS: Final = (*(field for field, _ in _RESPONSE), "usage")
"""What `response_attributes` and `usage_attributes` read."""
_PROMPT_NAMES: Final = ("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details")
_INPUT_NAMES: Final = ("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details")
_CACHED: Final = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
"""Where DeepSeek, Mistral and Moonshot tell the tokens that came from their cache."""


def request_values(
    body: Mapping[str, object], numbers: Mapping[str, str], texts: Mapping[str, str] = _NONE
) -> Attributes:
    """Fields of a request body by attribute name: those that hold numbers, and those that hold text."""
    attributes: Attributes = {}
    for field, value in body.items():
        if type(value) is str:
            if name := texts.get(field):
                attributes[name] = value
        elif isinstance(value, int | float) and not isinstance(value, bool) and (name := numbers.get(field)):
            attributes[name] = value
    if stop := strings(body.get("stop")):
        attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
    if isinstance(count := body.get("n"), int) and count != 1:
        attributes[semconv.REQUEST_CHOICE_COUNT] = count
    if body.get("stream") is True:
        attributes[semconv.REQUEST_STREAM] = True
    return attributes


def response_attributes(answer: object) -> Attributes:
    """Id, model, service tier and fingerprint of an answer, where they are given."""
    return {name: value for field, name in _RESPONSE if isinstance(value := get(answer, field), str)}


def usage_attributes(usage: object) -> Attributes:
    """Token counts under either set of names: those of completions (`prompt_`), and those of responses (`input_`)."""
    if usage is None:
        return {}
    of_completion = get(usage, "prompt_tokens") is not None or get(usage, "completion_tokens") is not None
    sent, received, sent_details, received_details = _PROMPT_NAMES if of_completion else _INPUT_NAMES
    counts = {semconv.USAGE_INPUT_TOKENS: get(usage, sent), semconv.USAGE_OUTPUT_TOKENS: get(usage, received)}
    if (details := get(usage, sent_details)) is not None:
        counts[semconv.USAGE_CACHE_READ_INPUT_TOKENS] = get(details, "cached_tokens")
        # None of a modality is told as 0, with every answer of text.
        counts[semconv.USAGE_AUDIO_INPUT_TOKENS] = get(details, "audio_tokens") or None
        counts[semconv.USAGE_IMAGE_INPUT_TOKENS] = get(details, "image_tokens") or None
    if counts.get(semconv.USAGE_CACHE_READ_INPUT_TOKENS) is None:
        counts[semconv.USAGE_CACHE_READ_INPUT_TOKENS] = _cached(beyond(usage))
    if (details := get(usage, received_details)) is not None:
        counts[semconv.USAGE_REASONING_OUTPUT_TOKENS] = get(details, "reasoning_tokens")
        counts[semconv.USAGE_AUDIO_OUTPUT_TOKENS] = get(details, "audio_tokens") or None
        counts[semconv.USAGE_IMAGE_OUTPUT_TOKENS] = get(details, "image_tokens") or None
    return {name: count for name, given in counts.items() if (count := _count(given)) is not None}


def _cached(others: Mapping[str, object]) -> object:
    return next((others[name] for name in _CACHED if others.get(name) is not None), None) if others else None


def _count(given: object) -> int | None:
    """A number of tokens, which some servers write as a float or as text."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    if isinstance(given, float) and given.is_integer():
        return int(given)
    return int(given) if isinstance(given, str) and given.isdecimal() else None


def completion_reply(completion: object, message: Callable[[Any], object]) -> Reply:
    """What a whole completion says; `message` makes the output message of one of its choices."""
    choices = items(completion, "choices")
    attributes = {
        **response_attributes(completion),
        **usage_attributes(get(completion, "usage")),
        **finish_attributes(get(choice, "finish_reason") for choice in choices),
    }
    if error := get(completion, "error"):  # some gateways answer 200 all the same
        attributes[semconv.FAILURE_TYPE] = str(get(error, "code") or "error")
    return Reply(attributes, LazyMessages(choices, message))
