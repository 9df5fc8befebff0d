"""A summary as a tree with bars, for a terminal; rich is imported on use, as few programs come by here."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from arc_runtime.console._lines import clean
from arc_runtime.console._summary import State, Step, Summary

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

__all__ = ["as_tree"]

_BAR: Final = 16
_SECOND_MS: Final = 1000
_STYLES: Final[dict[State, str]] = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
}


class _Glyphs(NamedTuple):
    """The characters that draw a tree."""

    states: dict[State, str]
    branch: str
    last: str
    through: str
    bar: str


_UNICODE: Final = _Glyphs(
    {"completed": "✓", "failed": "✗", "cancelled": "-", "interrupted": "!", "running": "~"}, "├─ ", "└─ ", "│  ", "━"
)
_ASCII: Final = _Glyphs(
    {"completed": "+", "failed": "x", "cancelled": "-", "interrupted": "!", "running": "~"}, "|- ", "`- ", "|  ", "="
)


class _Tree:
    """The renderable: it is drawn in ASCII where the terminal can do no more."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def __rich_console__(self, _: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.table import Table
        from rich.text import Text

        summary = self._summary
        glyphs = _ASCII if options.ascii_only else _UNICODE
        table = Table.grid(expand=True, padding=(0, 2, 0, 0))
        table.add_column(ratio=1, no_wrap=True, overflow="crop" if glyphs is _ASCII else "ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(width=_BAR, no_wrap=True)
        table.add_row(
            Text.assemble((clean(summary.entrypoint), "bold")),
            Text(f"{glyphs.states[summary.status]} {summary.status}", _STYLES[summary.status]),
            Text(_duration(summary.duration_ms)),
            Text(glyphs.bar * _BAR, _STYLES[summary.status]),
        )
        for guide, step in _rows(summary.steps, glyphs):
            style = _STYLES[step.status]
            table.add_row(
                Text.assemble((guide, "dim"), clean(step.name), (f"  {clean(step.framework)}", "dim")),
                Text(f"{glyphs.states[step.status]} {step.status}", style),
                Text(_duration(step.duration_ms)),
                Text(_bar(step, summary.duration_ms, glyphs), style),
            )
        yield table
        errors = [("", summary.error)] if summary.error else []
        for name, error in [*errors, *((f"{step.name}: ", step.error) for step in summary.steps if step.error)]:
            yield Text(clean(f"{name}{error}"), "red")
        more = f", {summary.dropped_steps} more nodes" if summary.dropped_steps else ""
        yield Text(f"request {summary.request_id}{more}", "dim", no_wrap=True, overflow="ignore")


def as_tree(summary: Summary) -> "RenderableType":
    """The summary as something that rich can print: its steps with states, times and bars."""
    return _Tree(summary)


def _rows(steps: tuple[Step, ...], glyphs: _Glyphs) -> Iterator[tuple[str, Step]]:
    """Each step below the one it is part of, with the guides before its name."""
    known = {step.id for step in steps}
    below: dict[str | None, list[Step]] = {}
    for step in steps:
        below.setdefault(step.parent_id if step.parent_id in known else None, []).append(step)
    # Not by recursion: agents that call each other nest deeper than Python does.
    waiting = [("", step, step is below[None][-1]) for step in reversed(below.get(None, []))]
    while waiting:
        indent, step, last = waiting.pop()
        yield indent + (glyphs.last if last else glyphs.branch), step
        inner, inside = below.get(step.id, []), indent + ("   " if last else glyphs.through)
        waiting.extend((inside, child, child is inner[-1]) for child in reversed(inner))


def _bar(step: Step, total_ms: float, glyphs: _Glyphs) -> str:
    scale = _BAR / max(total_ms, 0.001)
    start = min(max(round(step.offset_ms * scale), 0), _BAR - 1)
    length = max(1, round(step.duration_ms * scale))
    return " " * start + glyphs.bar * min(length, _BAR - start)


def _duration(milliseconds: float) -> str:
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds / _SECOND_MS:.2f} s"
