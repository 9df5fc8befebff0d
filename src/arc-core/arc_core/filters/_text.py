"""A tree to text: the same filter, always written the same way."""

import re
from datetime import UTC, datetime
from typing import Final, assert_never

from arc_core.filters._tree import And, Attribute, Compare, Filter, Match, Not, Or, Text, When

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./*@+:-]+", re.ASCII)
_PLAIN_KEY: Final = re.compile(r"[\w./-]+")
_PLAIN_TEXT: Final = re.compile(r"(?!(?:AND|OR|NOT)$)[A-Za-z0-9_]+", re.ASCII)
_OPERATORS: Final = {"is": "=", "like": ":", "contains": "~"}
_SECOND: Final = 1_000_000_000


def to_text(wanted: Filter) -> str:
    """The text that `parse` reads as `wanted`; empty for the filter that everything passes."""
    match wanted:
        case Match():
            values = ",".join(_quoted(value, _PLAIN) for value in wanted.values)
            return f"{_field(wanted.field)}{_OPERATORS[wanted.way]}{values}"
        case Compare():
            unit = "s" if wanted.field == "duration" else ""
            return f"{_field(wanted.field)}{wanted.operator}{_number(wanted.number)}{unit}"
        case When():
            return f"{wanted.edge}:{_moment(wanted)}"
        case Text():
            return _quoted(wanted.text, _PLAIN_TEXT)
        case Not():
            return f"-{_grouped(wanted.part)}"
        case And():
            return " ".join(f"({to_text(part)})" if isinstance(part, Or) else to_text(part) for part in wanted.parts)
        case Or():
            return " OR ".join(to_text(part) for part in wanted.parts)
        case _:
            assert_never(wanted)


def _grouped(part: Filter) -> str:
    return f"({to_text(part)})" if isinstance(part, And | Or) else to_text(part)


def _field(field: str | Attribute) -> str:
    return field if isinstance(field, str) else f"{field.of}.{_quoted(field.key, _PLAIN_KEY)}"


def _quoted(text: str, plain: re.Pattern[str]) -> str:
    if plain.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(number: float) -> str:
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _moment(when: When) -> str:
    if when.at_ns is None:
        return f"{when.ago_ns}ns" if when.ago_ns % _SECOND else f"{when.ago_ns // _SECOND}s"
    seconds, rest = divmod(when.at_ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
