"""One trace as a tree of lines."""

from collections.abc import Iterator
from typing import Final

from arc_semconv.api import SpanView, Status, TraceDetail
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from arc_runtime.cli._shown import change, cost, counted, duration

__all__ = ["MARKS", "STYLES", "print_trace"]

STYLES: Final[dict[Status, str]] = {
    "ok": "green",
    "error": "red",
    "interrupted": "yellow",
    "cancelled": "yellow",
    "running": "cyan",
}
MARKS: Final[dict[Status, str]] = {"ok": "✓", "error": "✗", "interrupted": "!", "cancelled": "-", "running": "~"}
_PLAIN: Final[dict[Status, str]] = {**MARKS, "ok": "+", "error": "x"}
_BAR: Final = 16
_GAP: Final = 2
_NARROWEST: Final = 16
_JUSTIFY: Final[tuple[JustifyMethod, ...]] = ("left", "right", "right", "left")


def print_trace(console: Console, detail: TraceDetail, url: str) -> None:
    """The tree with states, times and bars, then what the spans tell beside it."""
    unicode = console.encoding.lower().startswith("utf")
    marks = MARKS if unicode else _PLAIN
    rows = [
        (
            Text.assemble((guide if unicode else _in_ascii(guide), "dim"), span.name),
            Text(f"{marks[span.status]} {span.status}", STYLES[span.status]),
            Text(duration(span.duration_ms)),
            Text(f"{span.input_tokens:,}+{span.output_tokens:,}" if span.kind == "llm" else ""),
            Text(_bar(span, detail.trace.duration_ms, "━" if unicode else "="), STYLES[span.status]),
        )
        for guide, span in _rows(detail.spans)
    ]
    names, *others = [max((cell.cell_len for cell in column), default=0) for column in zip(*rows, strict=True)] or [0]
    taken = sum(width + _GAP for width in others)
    names = min(names, max(_NARROWEST, console.width - taken - _GAP))  # a name gives way to what is told of it
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(overflow="ellipsis" if unicode else "crop", no_wrap=True, width=names)
    for justify, width in zip(_JUSTIFY, others, strict=False):
        table.add_column(justify=justify, no_wrap=True, width=width)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print()
    for line in _told(detail, "→" if unicode else "->"):
        console.print(Text(line, overflow="fold"))
    console.print(Text(url, "bold", no_wrap=True), crop=False, soft_wrap=True)


def _rows(spans: list[SpanView]) -> Iterator[tuple[str, SpanView]]:
    """Each span below its parent, with the guides before its name; a span whose parent is not there stands alone."""
    known = {span.span_id for span in spans}
    below: dict[str, list[SpanView]] = {}
    tops = []
    for span in spans:
        if span.parent_id in known and span.parent_id != span.span_id and span.parent_id is not None:
            below.setdefault(span.parent_id, []).append(span)
        else:
            tops.append(span)
    # No recursion: a trace may be deeper than Python's stack.
    waiting = [("", "", span) for span in reversed(tops)]
    while waiting:
        guide, indent, span = waiting.pop()
        yield guide, span
        children = below.get(span.span_id, [])
        for number in range(len(children) - 1, -1, -1):
            last = number == len(children) - 1
            waiting.append((indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  "), children[number]))


def _in_ascii(guide: str) -> str:
    return guide.replace("└─", "`-").replace("├─", "|-").replace("│", "|")


def _bar(span: SpanView, total_ms: float, mark: str) -> str:
    scale = _BAR / max(total_ms, 0.001)
    start = max(0, min(round(span.offset_ms * scale), _BAR - 1))
    length = max(1, round(span.duration_ms * scale))
    return " " * start + mark * min(length, _BAR - start)


def _told(detail: TraceDetail, arrow: str) -> Iterator[str]:
    trace = detail.trace
    yield f"{trace.name} of {trace.service}, {trace.started_at[:19].replace('T', ' ')} UTC"
    tokens = f"{trace.input_tokens:,} tokens in, {trace.output_tokens:,} out"
    yield f"{trace.status} after {duration(trace.duration_ms)}; {tokens}; {cost([trace])}"
    for span in detail.spans:
        if span.fix is not None:
            how = "mended" if span.fix.mode == "on" else f"would be mended ({span.fix.mode})"
            changes = ", ".join(change(one, arrow) for one in span.fix.changes)
            yield f"{how}: {span.name}: {changes} [{', '.join(span.fix.ids)}]"
        if span.status == "error":
            yield f"error: {span.name}: {span.status_message.partition(chr(10))[0] or 'no message'}"
    if trace.redactions:
        types = dict.fromkeys(kind for span in detail.spans if span.redactions for kind in span.redactions.types)
        yield f"redacted: {counted(trace.redactions, 'value')} ({', '.join(types)})"
