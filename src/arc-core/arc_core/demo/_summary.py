"""One trace in the terminal: its tree with times and states, and what Arc did in it."""

from collections.abc import Iterator
from typing import Final, TextIO

import msgspec
from arc_semconv import attributes
from arc_semconv.api import SpanView, Status, TraceDetail
from arc_semconv.fixes import Change
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from arc_core.demo import _facts

WIDEST: Final = 100
"""Columns; beyond that the eye loses the row between a name and its time."""
BAR: Final = 16
SECOND_MS: Final = 1000
INSTRUMENTATION: Final = "arc-instrumentation-"

STYLES: Final[dict[Status, str]] = {
    "ok": "green",
    "error": "red",
    "interrupted": "yellow",
    "cancelled": "yellow",
    "running": "cyan",
}
WORDS: Final[dict[Status, str]] = {"ok": "completed", "error": "failed"}


class Glyphs(msgspec.Struct, frozen=True):
    """The characters that draw a tree."""

    states: dict[Status, str]
    branch: str
    last: str
    through: str
    bar: str
    arrow: str


UNICODE: Final = Glyphs(
    states={"ok": "✓", "error": "✗", "interrupted": "!", "cancelled": "-", "running": "~"},
    branch="├─ ",
    last="└─ ",
    through="│  ",
    bar="━",
    arrow="→",
)
ASCII: Final = Glyphs(
    states={"ok": "+", "error": "x", "interrupted": "!", "cancelled": "-", "running": "~"},
    branch="|- ",
    last="`- ",
    through="|  ",
    bar="=",
    arrow="->",
)


class Summary:
    """A renderable of `detail`, drawn in ASCII where the terminal can do no more."""

    def __init__(self, detail: TraceDetail, url: str) -> None:
        self._detail = detail
        self._url = url

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = ASCII if options.ascii_only else UNICODE
        yield Text()
        yield _tree(self._detail, glyphs)
        yield Text()
        yield _facts_table(self._detail, glyphs)
        yield Text()
        # Outside of the table, which would cut it where the terminal is narrow: it is there to be copied.
        yield Text.assemble(("Trace  ", "dim"), (self._url, "bold"), no_wrap=True, overflow="ignore")


class _Console(Console):
    """Lets a broken pipe be decided by the caller, where rich ends the process with status 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


def render(detail: TraceDetail, url: str) -> RenderableType:
    """Return the summary of `detail`; `url` is where a browser finds the same trace."""
    return Summary(detail, url)


def show(detail: TraceDetail, url: str, file: TextIO) -> None:
    """Print the summary of `detail` to `file`, in colour when it is a terminal.

    Raise BrokenPipeError when nobody reads it any more.
    """
    console = _Console(file=file, highlight=False)
    console.print(render(detail, url), width=min(console.width, WIDEST), crop=False)


def _tree(detail: TraceDetail, glyphs: Glyphs) -> Table:
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    table.add_column(ratio=1, no_wrap=True, overflow="crop" if glyphs is ASCII else "ellipsis")
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=BAR, no_wrap=True)
    for guide, span in _rows(detail.spans, glyphs):
        style = STYLES[span.status]
        table.add_row(
            Text.assemble((guide, "dim"), (span.name, "bold" if span.kind == "job" else "")),
            Text(f"{glyphs.states[span.status]} {span.status}", style),
            Text(_duration(span.duration_ms)),
            Text(_bar(span, detail.trace.duration_ms, glyphs), style),
        )
    return table


def _rows(spans: list[SpanView], glyphs: Glyphs) -> Iterator[tuple[str, SpanView]]:
    """Yield each span under its parent with the guides before its name; a span without its parent stands alone."""
    known = {span.span_id for span in spans}

    def below(parent: str, indent: str) -> Iterator[tuple[str, SpanView]]:
        children = [span for span in spans if span.parent_id == parent]
        for child in children:
            last = child is children[-1]
            yield indent + (glyphs.last if last else glyphs.branch), child
            yield from below(child.span_id, indent + ("   " if last else glyphs.through))

    for span in spans:
        if span.parent_id not in known:
            yield "", span
            yield from below(span.span_id, "")


def _bar(span: SpanView, total_ms: float, glyphs: Glyphs) -> str:
    scale = BAR / max(total_ms, 0.001)
    start = min(round(span.offset_ms * scale), BAR - 1)
    length = max(1, round(span.duration_ms * scale))
    return " " * start + glyphs.bar * min(length, BAR - start)


def _facts_table(detail: TraceDetail, glyphs: Glyphs) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _request(detail):
        table.add_row(name, value)
    for name, lines in {
        "Fixes": [line for span in _facts.mended(detail) for line in _fix_lines(detail, span, glyphs)],
        "Redacted": _redaction_lines(detail),
        "Failed tools": _failure_lines(detail),
    }.items():
        table.add_row(name, Text("\n".join(lines or ["none"])))
    return table


def _request(detail: TraceDetail) -> Iterator[tuple[str, Text]]:
    trace, runs = detail.trace, _facts.runs(detail)
    root = next((span for span in detail.spans if span.parent_id is None), None)
    known = root.attributes if root is not None else {}
    yield "Request ID", Text(known.get(attributes.REQUEST_ID, trace.trace_id))
    yield "Entrypoint", Text(f"{known.get(attributes.WORKFLOW_NAME, trace.name)} ({trace.service})")
    yield "Status", Text(WORDS.get(trace.status, trace.status), STYLES[trace.status])
    yield "Duration", Text(_duration(trace.duration_ms))
    yield "Node executions", Text("\n".join([str(len(runs)), *map(_node_line, range(1, len(runs) + 1), runs)]))
    yield "Tokens", Text(f"{trace.input_tokens:,} in, {trace.output_tokens:,} out")
    yield "Cost", Text(_cost(detail))


def _node_line(number: int, span: SpanView) -> str:
    framework = f"[{span.scope.removeprefix(INSTRUMENTATION)}] " if span.scope.startswith(INSTRUMENTATION) else ""
    state = WORDS.get(span.status, span.status).upper()
    return f"{number:2}. {framework}{span.agent or span.name} - {state} ({_duration(span.duration_ms)})"


def _fix_lines(detail: TraceDetail, span: SpanView, glyphs: Glyphs) -> Iterator[str]:
    if span.fix is None:
        return
    agent = _facts.agent_of(detail, span)
    where = f"{span.name} of {agent}" if agent else span.name
    for change in span.fix.changes:
        yield f"{where}: {_change(change, glyphs)} [{', '.join(span.fix.ids)}]"


def _change(change: Change, glyphs: Glyphs) -> str:
    old, new = (_value(value, otherwise) for value, otherwise in ((change.old, "(none)"), (change.new, "(removed)")))
    if change.op in {"rename", "rewrite"} and change.old is msgspec.UNSET:
        return f"{change.path} {change.op}"
    return f"{change.path} {old} {glyphs.arrow} {new}"


def _value(value: object, otherwise: str) -> str:
    return otherwise if value is msgspec.UNSET else msgspec.json.encode(value).decode()


def _redaction_lines(detail: TraceDetail) -> list[str]:
    taken = _facts.redacted(detail)
    if not taken.count:
        return []
    return [f"{taken.count} {'value' if taken.count == 1 else 'values'}: {', '.join(taken.types)}"]


def _failure_lines(detail: TraceDetail) -> list[str]:
    failed = _facts.failed_tools(detail)
    recovered = ["The job recovered."] if failed and detail.trace.status == "ok" else []
    return [f"{span.tool or span.name}: {_reason(span)}" for span in failed] + recovered


def _reason(span: SpanView) -> str:
    kind = span.attributes.get(attributes.ERROR_TYPE, "")
    told = span.status_message.partition("\n")[0]
    return told if told.startswith(kind) and told else ": ".join(filter(None, [kind, told])) or "error"


def _cost(detail: TraceDetail) -> str:
    trace = detail.trace
    if trace.cost_usd is None:
        return "unknown"
    return f"{trace.cost_usd:.6f} USD" + (
        f", {trace.unpriced_calls} calls without a price" * bool(trace.unpriced_calls)
    )


def _duration(milliseconds: float) -> str:
    if milliseconds < SECOND_MS:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds / SECOND_MS:.2f} s"
