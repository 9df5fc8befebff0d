"""The pattern language: what to recognise in a request. Malformed patterns are refused here, matching never raises."""

import fnmatch
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from arc_runtime.errors import PatternError
from arc_runtime.fixes._paths import MISSING, lookup

__all__ = ["CALL_KEYS", "OPERATORS", "Condition", "Pattern", "parse_pattern"]

Test = Callable[[object], bool]

_NUMBERS: Final = (int, float)
CALL_KEYS: Final = ("$provider", "$api", "$host", "$agent", "$stream")
"""Keys into the call rather than its body."""


class Condition(NamedTuple):
    """One test on one value of a request."""

    key: str
    path: tuple[str, ...]
    """Steps into the body; empty for a key into the call."""
    test: Test


class Pattern(NamedTuple):
    """A parsed pattern; every condition must hold."""

    conditions: tuple[Condition, ...]
    model: str | None
    """The model it demands, when it demands exactly one: what entries are indexed by."""
    warnings: tuple[str, ...]
    asks_call: bool
    """Whether a condition is on the call rather than the body."""

    def matches(self, body: Mapping[str, object], call: Mapping[str, object]) -> bool:
        """Whether `body` (wire JSON) and `call` (values of the `$` keys) meet every condition; never raises."""
        for condition in self.conditions:
            value = lookup(body, condition.path) if condition.path else call.get(condition.key, MISSING)
            if not condition.test(value):
                return False
        return True


def parse_pattern(pattern: object) -> Pattern:
    """`pattern` compiled; PatternError names the key at fault and the operators there are."""
    if not isinstance(pattern, Mapping) or not pattern:
        raise PatternError("pattern", "a pattern is a mapping with at least one condition", allowed=OPERATORS)
    conditions: list[Condition] = []
    warnings: list[str] = []
    for key, wanted in pattern.items():
        path = _parse_key(key)
        if isinstance(wanted, float):
            warnings.append(
                f"{key!r} is compared with the float {wanted!r} for equality; a range such as "
                f"{{'>=': {wanted!r}}} is rarely missed"
            )
        tests = wanted if isinstance(wanted, Mapping) else {"==": wanted}
        if not tests:
            raise PatternError(key, "an empty mapping compares with nothing", allowed=OPERATORS)
        conditions += (Condition(key, path, _parse_test(key, name, operand)) for name, operand in tests.items())
    asks_call = any(not condition.path for condition in conditions)
    return Pattern(tuple(conditions), _model_of(pattern), tuple(warnings), asks_call)


def _parse_key(key: object) -> tuple[str, ...]:
    if not isinstance(key, str) or not key:
        raise PatternError(str(key), "a key is a non-empty string, a path into the request body")
    if key.startswith("$"):
        if key not in CALL_KEYS:
            raise PatternError(key, "there is no such key into the call", allowed=CALL_KEYS)
        return ()
    path = tuple(key.split("."))
    if not all(path):
        raise PatternError(key, "a path has no empty steps")
    return path


def _model_of(pattern: Mapping[str, object]) -> str | None:
    wanted = pattern.get("model")
    if isinstance(wanted, Mapping):
        wanted = wanted.get("==")
    return wanted if isinstance(wanted, str) else None


# --- operators -------------------------------------------------------------------------------------------------------


def _is_number(value: object) -> bool:
    kind = type(value)
    if kind is int or kind is float:
        return value == value  # noqa: PLR0124 - all but NaN
    return isinstance(value, _NUMBERS) and kind is not bool and value == value  # noqa: PLR0124


def _equal(value: object, operand: object) -> bool:
    # JSON's true is not 1, as it is in Python.
    return isinstance(value, bool) == isinstance(operand, bool) and value == operand


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[str, object], Test]:
    def build(key: str, operand: object) -> Test:
        if not (_is_number(operand) or isinstance(operand, str)):
            raise PatternError(key, f"{operand!r} has no order; compare with a number or a string")
        numeric = _is_number(operand)

        def test(value: object) -> bool:
            comparable = _is_number(value) if numeric else isinstance(value, str)
            return comparable and compare(value, operand)

        return test

    return build


def _equals(_key: str, operand: object) -> Test:
    return lambda value: _equal(value, operand)


def _differs(_key: str, operand: object) -> Test:
    return lambda value: value is not MISSING and not _equal(value, operand)


def _members(key: str, operand: object) -> list[object]:
    if not isinstance(operand, list | tuple | set | frozenset) or not operand:
        raise PatternError(key, "`in` and `not_in` take a list with at least one value")
    return list(operand)


def _in(key: str, operand: object) -> Test:
    members = _members(key, operand)
    return lambda value: any(_equal(value, member) for member in members)


def _not_in(key: str, operand: object) -> Test:
    members = _members(key, operand)
    return lambda value: value is not MISSING and not any(_equal(value, member) for member in members)


def _exists(key: str, operand: object) -> Test:
    if not isinstance(operand, bool):
        raise PatternError(key, "`exists` takes true or false")
    return lambda value: (value is not MISSING) is operand


def _text(key: str, operand: object) -> str:
    if not isinstance(operand, str) or not operand:
        raise PatternError(key, "`glob` and `prefix` take a non-empty string")
    return operand


def _glob(key: str, operand: object) -> Test:
    matches = re.compile(fnmatch.translate(_text(key, operand))).match
    return lambda value: isinstance(value, str) and matches(value) is not None


def _prefix(key: str, operand: object) -> Test:
    prefix = _text(key, operand)
    return lambda value: isinstance(value, str) and value.startswith(prefix)


_BUILDERS: Final[dict[str, Callable[[str, object], Test]]] = {
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    "==": _equals,
    "!=": _differs,
    "in": _in,
    "not_in": _not_in,
    "exists": _exists,
    "glob": _glob,
    "prefix": _prefix,
}
OPERATORS: Final = tuple(_BUILDERS)
"""Every operator of the pattern language."""


def _parse_test(key: str, name: object, operand: object) -> Test:
    build = _BUILDERS.get(name) if isinstance(name, str) else None
    if build is None:
        raise PatternError(key, f"there is no operator {name!r}", allowed=OPERATORS)
    return build(key, operand)
