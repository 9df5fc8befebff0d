"""Why an entry mends a request, or does not: for a person who asks, never on the way of a call."""

from collections.abc import Sequence

import msgspec

from arc_runtime.fixes._engine import Mended
from arc_runtime.fixes._entry import Entry
from arc_runtime.fixes._paths import MISSING, lookup
from arc_runtime.fixes._pattern import parse_pattern
from arc_runtime.fixes._predicates import PREDICATES
from arc_runtime.fixes._request import Request

__all__ = ["Held", "Verdict", "explained"]


class Held(msgspec.Struct, frozen=True):
    """One condition of a pattern, and whether it holds."""

    key: str
    wanted: object
    """As the pattern has it: a value, or operators with theirs."""
    found: object
    """What the request has there; left out when it has nothing."""
    holds: bool


class Verdict(msgspec.Struct, frozen=True):
    """What became of one entry."""

    id: str
    matches: bool
    applied: bool
    """It changed something, or would have."""
    why: str
    """Why it was not applied, or what the entry is for."""
    conditions: list[Held]


def explained(
    entries: Sequence[Entry], request: Request, mended: Mended | None, *, levels: Sequence[str]
) -> list[Verdict]:
    """Of each entry, whether it matches `request`, and why it is or is not among what `mended` tells."""
    applied = mended.ids if mended is not None else ()
    return [_verdict(entry, request, is_applied=entry.id in applied, levels=levels) for entry in entries]


def _verdict(entry: Entry, request: Request, *, is_applied: bool, levels: Sequence[str]) -> Verdict:
    held = [_held(key, wanted, request) for key, wanted in entry.pattern.items()]
    matches = all(condition.holds for condition in held)
    if is_applied:
        why = entry.reason
    elif not matches:
        why = "not every condition holds"
    elif entry.state == "off":
        why = "it is switched off"
    elif entry.level not in levels:
        why = f"its level is {entry.level}, and {' and '.join(levels)} is allowed"
    else:
        why = f"nothing to change: it is so already, another entry came first, or {request.api} has no such field"
    return Verdict(entry.id, matches, is_applied, why, held)


def _held(key: str, wanted: object, request: Request) -> Held:
    found = request.call.get(key, MISSING) if key.startswith("$") else lookup(request.body, key.split("."))
    pattern = parse_pattern({key: wanted}, after_error=True, predicates=PREDICATES)
    holds = pattern.matches(request.body, request.call)
    return Held(key, wanted, msgspec.UNSET if found is MISSING else found, holds)
