"""Parameters of requests: what each may be, read and told in the schema."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.datastructures import QueryParams

from arc_core.errors import MalformedError
from arc_core.filters import MAX_LENGTH, parse

_MAX_TEXT: Final = 1000
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_INTERVAL: Final = re.compile(r"(?P<number>[1-9][0-9]{0,3})(?P<unit>[mhd])", re.ASCII)
_UNIT_S: Final = {"m": 60, "h": 3600, "d": 86400}


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a query string."""

    name: str
    says: str
    schema: dict[str, object]
    """JSON Schema of its text."""
    read: Callable[[str], Any]
    """Its value; raises MalformedError for what it cannot be. Empty text is read like none."""
    default: Any = None
    is_hidden: bool = False
    """Still read, no longer told of."""


def read_all(parameters: Sequence[Parameter], query: QueryParams) -> dict[str, Any]:
    """The value of each of `parameters` in `query`.

    Raise MalformedError for one that is not among them, came twice, or cannot be used.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name, _ in query.multi_items():
        if name not in known:
            told = ", ".join(parameter.name for parameter in parameters if not parameter.is_hidden) or "none"
            raise MalformedError(f"there is no parameter {name[:100]!r} here; there are: {told}")
        if len(query.getlist(name)) > 1:
            raise MalformedError(f"the parameter {name} came more than once")
    return {
        name: parameter.read(query[name]) if query.get(name) else parameter.default for name, parameter in known.items()
    }


def whole_number(name: str, says: str, *, default: int, most: int) -> Parameter:
    """A number from 1 to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= most:
            raise MalformedError(f"{name} {text[:100]!r} is not a whole number from 1 to {most}")
        return int(text)

    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name, says, schema, read, default)


def choice(
    name: str, says: str, choices: Sequence[str], *, default: str | None = None, is_hidden: bool = False
) -> Parameter:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            raise MalformedError(f"{name} {text[:100]!r} is none of {', '.join(choices)}")
        return text

    schema: dict[str, object] = {"type": "string", "enum": list(choices)}
    if default is not None:
        schema["default"] = default
    return Parameter(name, says, schema, read, default, is_hidden)


def text(name: str, says: str, *, is_hidden: bool = False) -> Parameter:
    """Any text, of which the first 10,000 characters are read."""
    return Parameter(
        name, says, {"type": "string", "maxLength": _MAX_TEXT}, lambda given: given[: 10 * _MAX_TEXT], "", is_hidden
    )


def moment(name: str, says: str, *, is_hidden: bool = False) -> Parameter:
    """A time, as nanoseconds since 1970."""

    def read(given: str) -> int:
        try:
            found = datetime.fromisoformat(given)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise MalformedError(f"{name} {given[:100]!r} is no time with its zone, for example 2026-11-21T09:30:00Z")
        return max(0, (found - _EPOCH) // _MICROSECOND * 1000)

    return Parameter(name, says, {"type": "string", "format": "date-time"}, read, 0, is_hidden)


def interval(name: str, says: str) -> Parameter:
    """A length of time, as seconds: `5m`, `1h`, `7d`."""

    def read(given: str) -> int:
        found = _INTERVAL.fullmatch(given)
        if found is None:
            raise MalformedError(
                f"{name} {given[:100]!r} is no whole number of minutes, hours or days, for example 5m, 1h or 7d"
            )
        return int(found["number"]) * _UNIT_S[found["unit"]]

    return Parameter(name, says, {"type": "string", "pattern": "^[1-9][0-9]{0,3}[mhd]$"}, read)


def cursor(name: str, pattern: str, make: Callable[[re.Match[str]], Any], *, is_hidden: bool = False) -> Parameter:
    """The `next` of a page."""
    compiled = re.compile(pattern, re.ASCII | re.DOTALL)

    def read(given: str) -> object:
        found = compiled.fullmatch(given)
        made = None if found is None else make(found)
        if made is None:
            raise MalformedError(f"{name} {given[:100]!r} is not the `next` of a page")
        return made

    schema: dict[str, object] = {"type": "string", "pattern": f"^{pattern}$"}
    return Parameter(name, "the `next` of the page before", schema, read, None, is_hidden)


FILTER: Final = Parameter(
    "filter",
    "what to find, in the [filter language](filters.md)",
    {
        "type": "string",
        "format": "arc-filter",
        "maxLength": MAX_LENGTH,
        "examples": ["service:loans status:error since:24h"],
    },
    parse,
    parse(""),
)
