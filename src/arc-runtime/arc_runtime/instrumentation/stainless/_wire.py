"""Reading wire JSON and the SDK's objects alike; anything may be missing."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from arc_semconv import attributes as semconv

from arc_runtime.instrumentation._account import Attributes

__all__ = [
    "LazyMessages",
    "arguments",
    "beyond",
    "finish_attributes",
    "get",
    "items",
    "plain",
    "present",
    "strings",
]


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
