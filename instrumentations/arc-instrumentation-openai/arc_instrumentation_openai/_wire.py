"""Reading wire JSON and the SDK's objects alike.

Anything may be missing: compatible servers leave out what they please.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from arc_runtime.instrumentation import Reply
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

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

Attributes = dict[str, AttributeValue]

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


def get(value: object, field: str) -> Any:
    """`field` of a mapping or an object; None when it is not there."""
    if isinstance(value, dict):
        return value.get(field)
    try:
        # What a model of the SDK does not declare it keeps apart; its own lookup takes microseconds to say no.
        return value.__dict__[field] if field in value.__dict__ else value.__pydantic_extra__[field]  # type: ignore[attr-defined]
    except (AttributeError, KeyError, TypeError):
        return None


def beyond(value: object) -> Mapping[str, Any]:
    """Fields that the SDK has no name for, or all fields of a mapping: to ask an object of it for them takes longer."""
    if isinstance(value, dict):
        return value
    found = getattr(value, "__pydantic_extra__", None)
    return found if isinstance(found, dict) else {}


def items(value: object, field: str) -> Sequence[Any]:
    """The list in `field`; empty when there is none."""
    found = get(value, field)
    return found if isinstance(found, list | tuple) else ()


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list, or the one that `value` is."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def plain(value: object) -> object:
    """An object of the SDK as JSON values; anything else as it is."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", exclude_none=True, warnings=False) if callable(dump) else value


def arguments(value: object) -> object:
    """Tool arguments as values, so that redaction sees them unescaped; as they stand when they are no JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def present(values: Mapping[str, object]) -> Attributes:
    """Those of `values` that are strings."""
    return {name: value for name, value in values.items() if isinstance(value, str)}


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


def finish_attributes(reasons: Iterable[object]) -> Attributes:
    """The finish reasons that were given."""
    given = tuple(reason for reason in reasons if isinstance(reason, str) and reason)
    return {semconv.RESPONSE_FINISH_REASONS: given} if given else {}


class LazyMessages(Sequence[object]):
    """`make` of each of `values`, made only when somebody reads them: content is off by default."""

    def __init__(self, values: Sequence[object], make: Callable[[object], object]) -> None:
        self._values = values
        self._make = make

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._make(self._values[index])


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
