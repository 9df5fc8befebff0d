"""Text to a tree."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, cast

from arc_core.errors import MalformedError
from arc_core.filters._tree import (
    CHOICES,
    NUMBER_FIELDS,
    TEXT_FIELDS,
    Attribute,
    Compare,
    Comparison,
    Filter,
    Match,
    Not,
    Text,
    When,
    all_of,
    any_of,
)

MAX_LENGTH: Final = 4000
"""Longest filter, in characters."""

_MAX_CONDITIONS: Final = 50
_MAX_DEPTH: Final = 20

_SPACE: Final = re.compile(r"\s*")
_KEYWORD: Final = re.compile(r"(AND|OR|NOT)(?=[\s()]|$)")
_FIELD: Final = re.compile(
    r'(?P<name>[A-Za-z_]+)(?:\.(?:(?P<key>[\w./-]+)|"(?P<quoted>(?:[^"\\]|\\.)*)"))?(?P<op>>=|<=|!=|[:=<>~])'
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD: Final = re.compile(r"[^\s()\",]+")
_TEXT: Final = re.compile(r'[^\s()"]+')
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)
_SPAN: Final = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,9})?)(?P<unit>ns|us|ms|s|m|h|d|w)", re.ASCII)
_UNIT_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAX_NS: Final = 2**63 - 1


def parse(text: str) -> Filter:
    """What `text` says; nothing said is a filter that everything passes.

    Raise MalformedError, naming the place, when it is no filter.
    """
    if len(text) > MAX_LENGTH:
        raise MalformedError(f"the filter has {len(text)} characters; it may have {MAX_LENGTH}")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._value_at = 0
        self._conditions = 0
        self._depth = 0

    def whole(self) -> Filter:
        self._skip()
        if self._at == len(self._text):
            return all_of(())
        found = self._either()
        if self._at < len(self._text):
            raise self._error(f"{self._text[self._at]!r} has nothing before it that it ends")
        return found

    def _either(self) -> Filter:
        parts = [self._together()]
        while self._keyword("OR"):
            parts.append(self._together())
        return any_of(parts)

    def _together(self) -> Filter:
        parts = [self._one()]
        while True:
            if self._keyword("AND"):
                parts.append(self._one())
                continue
            if self._at == len(self._text) or self._text[self._at] == ")" or self._is_at("OR"):
                return all_of(parts)
            parts.append(self._one())

    def _one(self) -> Filter:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"it is nested more than {_MAX_DEPTH} deep")
        found = self._plain()
        self._depth -= 1
        return found

    def _plain(self) -> Filter:
        if self._keyword("NOT") or self._taken("-"):
            return Not(self._one())
        if self._taken("("):
            self._skip()
            found = self._either()
            if not self._taken(")"):
                raise self._error("a ) is missing")
            self._skip()
            return found
        if self._at == len(self._text) or self._text[self._at] == ")" or _KEYWORD.match(self._text, self._at):
            raise self._error("a condition is missing")
        self._conditions += 1
        if self._conditions > _MAX_CONDITIONS:
            raise self._error(f"there are more than {_MAX_CONDITIONS} conditions")
        found = self._condition()
        self._skip()
        return found

    def _condition(self) -> Filter:
        told = _FIELD.match(self._text, self._at)
        if told is None:
            return Text(self._words())
        field = self._field(told)
        self._at = told.end()
        operator = told["op"]
        if field in ("since", "until"):
            return self._when(cast("Literal['since', 'until']", field), operator)
        if operator in (":", "=", "!=", "~"):
            return self._equal(field, operator)
        return Compare(field, cast("Comparison", operator), self._number(field, self._value()))

    def _field(self, told: re.Match[str]) -> str | Attribute:
        name = told["name"].lower()
        key = told["key"] if told["quoted"] is None else _ESCAPED.sub(r"\1", told["quoted"])
        if name in ("attributes", "resource") and key:
            return Attribute(cast("Literal['attributes', 'resource']", name), key)
        if key is None and (name in TEXT_FIELDS or name in NUMBER_FIELDS or name in ("since", "until")):
            return name
        known = ", ".join([*TEXT_FIELDS, *NUMBER_FIELDS])
        raise self._error(
            f"there is no field {told['name'][:50]!r}; there are {known}, since, until, attributes.KEY and "
            "resource.KEY; put quotes around text to look for"
        )

    def _equal(self, field: str | Attribute, operator: str) -> Filter:
        if isinstance(field, str) and field in NUMBER_FIELDS:
            if operator == "~":
                raise self._error(f"{field} is a number; compare it by =, !=, <, <=, > or >=")
            same = Compare(field, "=", self._number(field, self._value()))
            return Not(same) if operator == "!=" else same
        choices = CHOICES.get(field) if operator != "~" and isinstance(field, str) else None
        values = [self._one_of(field, choices)]
        while self._taken(","):
            values.append(self._one_of(field, choices))
        way: Literal["is", "like", "contains"] = "like" if operator == ":" else "contains" if operator == "~" else "is"
        match = Match(field, way, tuple(values))
        return Not(match) if operator == "!=" else match

    def _one_of(self, field: str | Attribute, choices: Collection[str] | None) -> str:
        value = self._value()
        if choices is not None and value not in choices:
            raise self._value_error(f"{field} {value[:50]!r} is none of {', '.join(choices)}")
        return value

    def _number(self, field: str | Attribute, text: str) -> float:
        if field == "duration":
            return self._nanoseconds(text) / _UNIT_NS["s"]
        if isinstance(field, str) and field not in NUMBER_FIELDS:
            raise self._error(f"{field} is text; compare it by :, =, != or ~")
        if not _NUMBER.fullmatch(text):
            raise self._value_error(f"{text[:50]!r} is no number")
        return float(text)

    def _nanoseconds(self, text: str) -> int:
        found = _SPAN.fullmatch(text)
        nanoseconds = None if found is None else round(float(found["number"]) * _UNIT_NS[found["unit"]])
        if nanoseconds is None or nanoseconds > _MAX_NS:
            raise self._value_error(f"{text[:50]!r} is no duration, for example 500ms, 2s or 24h")
        return nanoseconds

    def _when(self, edge: Literal["since", "until"], operator: str) -> When:
        if operator not in (":", "="):
            raise self._error(f"{edge} takes a colon: {edge}:24h")
        text = self._value()
        if _SPAN.fullmatch(text):
            return When(edge, None, self._nanoseconds(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self._value_error(
                f"{edge} {text[:50]!r} is no time with its zone and no duration, for example 2026-11-21T09:30:00Z or "
                "24h"
            )
        return When(edge, min(_MAX_NS, max(0, (moment - _EPOCH) // _MICROSECOND * 1000)))

    def _value(self) -> str:
        self._value_at = self._at
        if quoted := _QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            return _ESCAPED.sub(r"\1", quoted[1])
        found = _WORD.match(self._text, self._at)
        if found is None:
            raise self._error("a value is missing; put quotes around one with spaces, commas or brackets")
        self._at = found.end()
        return found[0]

    def _words(self) -> str:
        if quoted := _QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            text = _ESCAPED.sub(r"\1", quoted[1])
        elif found := _TEXT.match(self._text, self._at):
            self._at = found.end()
            text = found[0]
        else:
            raise self._error("a quote is not closed")
        if not text:
            raise self._error("text to look for is empty")
        return text

    def _keyword(self, word: str) -> bool:
        if not self._is_at(word):
            return False
        self._at += len(word)
        self._skip()
        return True

    def _is_at(self, word: str) -> bool:
        found = _KEYWORD.match(self._text, self._at)
        return found is not None and found[1] == word

    def _taken(self, character: str) -> bool:
        if not self._text.startswith(character, self._at):
            return False
        self._at += 1
        return True

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = self._at if found is None else found.end()

    def _value_error(self, message: str) -> MalformedError:
        self._at = self._value_at
        return self._error(message)

    def _error(self, message: str) -> MalformedError:
        return MalformedError(f"the filter, at character {self._at + 1}: {message}")
