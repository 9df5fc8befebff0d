"""The pattern language: what to recognise in a request. Malformed patterns are refused here, matching never raises."""

import fnmatch
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from arc_runtime.errors import PatternError
from arc_runtime.fixes._paths import DEEPEST, MISSING, Path, lookup, path_of

__all__ = [
    "CALL_KEYS",
    "ERROR_KEYS",
    "MESSAGE_OPERATORS",
    "OPERATORS",
    "PREDICATE",
    "Condition",
    "Pattern",
    "holds",
    "is_equal",
    "is_number",
    "parse_pattern",
]

Test = Callable[[Any, Any], bool]

_NUMBERS: Final = (int, float)
CALL_KEYS: Final = ("$provider", "$api", "$host", "$agent", "$stream")
"""Keys into the call rather than its body."""
MESSAGE: Final = "$error.message"
ERROR_KEYS: Final = ("$status", "$error.code", "$error.param", MESSAGE)
"""Keys into the provider's refusal; known to entries with `when: after_error` alone."""
PREDICATE: Final = "$predicate"
"""Names a reviewed predicate of the catalogue, which holds or does not."""
MESSAGE_OPERATORS: Final = ("glob", "prefix")
"""All that a message is compared with: nothing that can take long."""


class Condition(NamedTuple):
    """One test on one value of a request."""

    key: str
    path: Path
    """Steps into the body; empty for a key into the call."""
    name: str
    """The operator."""
    test: Test
    """(value, operand) -> whether it holds."""
    operand: Any

    def __str__(self) -> str:
        return f"{self.key} {self.name} {self.operand!r}"


class Pattern(NamedTuple):
    """A parsed pattern; every condition must hold."""

    conditions: tuple[Condition, ...]
    warnings: tuple[str, ...] = ()

    def matches(self, body: Mapping[str, object], call: Mapping[str, object]) -> bool:
        """Whether `body` (wire JSON) and `call` (values of the `$` keys) meet every condition; never raises."""
        return all(holds(condition, body, call) for condition in self.conditions)


def holds(condition: Condition, body: Mapping[str, object], call: Mapping[str, object]) -> bool:
    """Whether `condition` holds; never raises."""
    value = lookup(body, condition.path) if condition.path else call.get(condition.key, MISSING)
    return condition.test(value, condition.operand)


def parse_pattern(
    pattern: object, *, after_error: bool = False, predicates: Mapping[str, Test] | None = None
) -> Pattern:
    """`pattern` compiled; PatternError names the key at fault and the operators there are.

    Keys into a refusal are known where it is for use `after_error`. `predicates` are those that `$predicate` may name:
    each is a test on the refusal.
    """
    if not isinstance(pattern, Mapping) or not pattern:
        raise PatternError("pattern", "a pattern is a mapping with at least one condition", allowed=OPERATORS)
    conditions: list[Condition] = []
    warnings: list[str] = []
    for key, wanted in pattern.items():
        if key == PREDICATE and after_error:
            conditions.append(_predicate(wanted, predicates or {}))
            continue
        path = _parse_key(key, after_error=after_error)
        if type(wanted) is float:
            warnings.append(
                f"{key!r} is compared with the float {wanted!r} for equality; a range such as "
                f"{{'>=': {wanted!r}}} is rarely missed"
            )
        tests = wanted if isinstance(wanted, Mapping) else {"==": wanted}
        if not tests:
            raise PatternError(key, "an empty mapping compares with nothing", allowed=OPERATORS)
        for name, operand in tests.items():
            conditions.append(_parse_test(key, path, name, operand))
    return Pattern(tuple(conditions), tuple(warnings))


def _predicate(wanted: object, predicates: Mapping[str, Test]) -> Condition:
    test = predicates.get(wanted) if isinstance(wanted, str) else None
    if test is None:
        raise PatternError(PREDICATE, f"there is no predicate {wanted!r}", allowed=predicates)
    return Condition(PREDICATE, (), "is", test, wanted)


def _parse_key(key: object, *, after_error: bool) -> Path:
    if not isinstance(key, str) or not key:
        raise PatternError(str(key), "a key is a non-empty string, a path into the request body")
    if key.startswith("$"):
        known = (*CALL_KEYS, *ERROR_KEYS) if after_error else CALL_KEYS
        if key not in known:
            if key in ERROR_KEYS or key == PREDICATE:
                raise PatternError(key, "it is known once there is an error: the entry needs `when: after_error`")
            raise PatternError(key, "there is no such key into the call", allowed=known)
        return ()
    path = path_of(key)
    if path is None:
        raise PatternError(key, f"a path has no empty steps, and {DEEPEST} at most")
    return path


# --- operators -------------------------------------------------------------------------------------------------------


def is_number(value: object) -> bool:
    """Whether `value` is a number that has an order: no bool, no NaN."""
    kind = type(value)
    if kind is int or kind is float:
        return value == value  # noqa: PLR0124 - all but NaN
    return isinstance(value, _NUMBERS) and kind is not bool and value == value  # noqa: PLR0124


def is_equal(value: object, operand: object) -> bool:
    """Whether two values are the same in JSON; never raises."""
    # JSON's true is not 1, as it is in Python.
    if isinstance(value, bool) != isinstance(operand, bool):
        return False
    try:
        return bool(value == operand)
    except Exception:  # noqa: BLE001 - what is in a body is the program's: too deep, or of a kind that compares with nothing
        return False


def _ordered(compare: Callable[[Any, Any], bool]) -> tuple[Callable[[str, object], object], Test]:
    def check(key: str, operand: object) -> object:
        if not (is_number(operand) or isinstance(operand, str)):
            raise PatternError(key, f"{operand!r} has no order; compare with a number or a string")
        return _any_json(key, operand)

    def test(value: object, operand: object) -> bool:
        if isinstance(operand, str):
            return isinstance(value, str) and compare(value, operand)
        return is_number(value) and compare(value, operand)

    return check, test


def _any_json(key: str, operand: object) -> object:
    if isinstance(operand, float) and not math.isfinite(operand):
        raise PatternError(key, f"{operand!r} has no form in JSON")
    return operand


def _differs(value: object, operand: object) -> bool:
    return value is not MISSING and not is_equal(value, operand)


def _members(key: str, operand: object) -> object:
    if not isinstance(operand, list | tuple | set | frozenset) or not operand:
        raise PatternError(key, "`in` and `not_in` take a list with at least one value")
    return tuple(_any_json(key, member) for member in operand)


def _in(value: object, members: Any) -> bool:
    return any(is_equal(value, member) for member in members)


def _not_in(value: object, members: Any) -> bool:
    return value is not MISSING and not any(is_equal(value, member) for member in members)


def _truth(key: str, operand: object) -> object:
    if not isinstance(operand, bool):
        raise PatternError(key, "`exists` takes true or false")
    return operand


def _exists(value: object, operand: object) -> bool:
    return (value is not MISSING) is operand


def _text(key: str, operand: object) -> object:
    if not isinstance(operand, str) or not operand:
        raise PatternError(key, "`glob` and `prefix` take a non-empty string")
    return operand


def _glob(value: object, operand: Any) -> bool:
    return isinstance(value, str) and fnmatch.fnmatchcase(value, operand)


def _prefix(value: object, operand: Any) -> bool:
    return isinstance(value, str) and value.startswith(operand)


_OPERATORS: Final[dict[str, tuple[Callable[[str, object], object], Test]]] = {
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    "==": (_any_json, is_equal),
    "!=": (_any_json, _differs),
    "in": (_members, _in),
    "not_in": (_members, _not_in),
    "exists": (_truth, _exists),
    "glob": (_text, _glob),
    "prefix": (_text, _prefix),
}
"""What an operator takes, and what it tests."""
OPERATORS: Final = tuple(_OPERATORS)
"""Every operator of the pattern language."""


def _parse_test(key: str, path: Path, name: object, operand: object) -> Condition:
    known = _OPERATORS.get(name) if isinstance(name, str) else None
    if known is None or not isinstance(name, str):
        raise PatternError(key, f"there is no operator {name!r}", allowed=OPERATORS)
    if key == MESSAGE and name not in MESSAGE_OPERATORS:
        raise PatternError(key, f"a message is compared by `glob` or `prefix`, not `{name}`", allowed=MESSAGE_OPERATORS)
    check, test = known
    return Condition(key, path, name, test, check(key, operand))
