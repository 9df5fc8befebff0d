"""How times, costs, counts and changes are put into words."""

import os
import sys
from typing import TYPE_CHECKING, Final

import msgspec
from arc_semconv.api import TraceSummary
from arc_semconv.fixes import Change

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["as_json", "change", "cost", "counted", "duration", "short", "wide_unless_terminal"]

_SECOND_MS: Final = 1000
_MINUTE_MS: Final = 60_000
_NO_WIDTH: Final = 10_000


def duration(milliseconds: float) -> str:
    """E.g. `812.0 ms`, `1.24 s`, `3 min 5 s`."""
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.1f} ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.2f} s"
    minutes, rest = divmod(milliseconds, _MINUTE_MS)
    return f"{minutes:.0f} min {rest / _SECOND_MS:.0f} s"


def counted(number: int, one: str, many: str = "") -> str:
    """E.g. `1 span`, `2,000 spans`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def cost(summaries: list[TraceSummary]) -> str:
    """What the traces cost together, and what of that is not known."""
    known = [one.cost_usd for one in summaries if one.cost_usd is not None]
    unpriced = sum(one.unpriced_calls for one in summaries)
    missing = f"{counted(unpriced, 'call')} without a price"
    if not known:
        return missing if unpriced else "no cost"
    return f"{sum(known):.6f} USD" + (f", {missing}" if unpriced else "")


def change(made: Change, arrow: str = "→") -> str:
    """E.g. `temperature 0.95 → 0.7`."""
    if made.op in ("rename", "rewrite") and made.old is msgspec.UNSET:
        return f"{made.path} {made.op}"
    old, new = _value(made.old, "(none)"), _value(made.new, "(removed)")
    return f"{made.path} {old} {arrow} {new}"


def short(trace_id: str) -> str:
    """The start of a trace id: enough to tell it from others by hand."""
    return trace_id[:8]


def as_json(value: object) -> str:
    """`value` as one line of JSON."""
    return msgspec.json.encode(value).decode()


def _value(value: object, otherwise: str) -> str:
    return otherwise if value is msgspec.UNSET else as_json(value)


def wide_unless_terminal() -> "Console":
    """Stdout as it is; where it is no terminal, and nobody set COLUMNS, nothing is cut or folded to its width."""
    from rich.console import Console

    free = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_NO_WIDTH if free else None)
