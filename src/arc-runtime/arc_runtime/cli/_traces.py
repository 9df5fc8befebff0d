"""`arc traces`: what Arc Core holds, in the terminal."""

import os
import re
import sys
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from arc_semconv.api import TraceSummary

from arc_runtime.cli._core_api import Core, chosen_core
from arc_runtime.cli._errors import NothingThereError, UsageError
from arc_runtime.cli._shown import as_json, cost, counted, duration, short, wide_unless_terminal
from arc_runtime.settings import masked

__all__ = ["traces"]

_STATUSES: Final = ("ok", "error", "interrupted", "cancelled", "running")
_MOST: Final = 200
_SINCE: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_POLL_SECONDS: Final = 1.0
_REMEMBERED: Final = 10_000
_ID: Final = re.compile(r"[0-9a-f]{1,32}")
_WHOLE_ID: Final = 32

_CoreUrl = Annotated[
    str | None,
    typer.Option("--core", metavar="URL", help="Arc Core's http address.", show_default="the one that runs here"),
]
_Service = Annotated[str, typer.Option("--service", metavar="NAME", help="Only those of this service.")]
_Status = Annotated[str, typer.Option("--status", metavar="STATUS", help=f"One of {', '.join(_STATUSES)}.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, one trace a line.")]

traces = typer.Typer(
    help="Show the traces that Arc Core holds; without a command, list the newest.",
    epilog="""\b
Examples:
  arc traces                          the newest
  arc traces list --status error --since 1h
  arc traces show                     the newest, as a tree
  arc traces show 46c5b0af            the one whose id starts so
  arc traces tail --json              each as it ends, until Ctrl-C

Exit status: 0 done, 2 a value can't be used, 3 Arc Core can't be reached or refuses, 4 there is no such trace.""",
    rich_markup_mode=None,
)


@traces.callback(invoke_without_command=True)
def newest(context: typer.Context, *, core: _CoreUrl = None, json: _Json = False) -> None:
    """Show the traces that Arc Core holds; without a command, list the newest."""
    if context.invoked_subcommand is None:
        list_traces(core=core, json=json)
    elif core is not None or json:
        raise UsageError(f"options come behind the command: arc traces {context.invoked_subcommand} --core URL --json")


@traces.command(
    "list",
    epilog="""\b
Examples:
  arc traces list --status error --since 1h
  arc traces list --service my-app -n 5 --json""",
)
def list_traces(  # noqa: PLR0913 - one for each option
    *,
    service: _Service = "",
    status: _Status = "",
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="Part of the name, or the start of the id.")] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Begun since then: 30m, 2h, 3d, or 2026-11-21T09:30:00Z.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=_MOST, help="How many.")] = 20,
    core: _CoreUrl = None,
    json: _Json = False,
) -> None:
    """List traces, newest first."""
    asked = chosen_core(core, os.environ)
    page = asked.traces(limit=limit, service=service, status=_checked(status), q=text, since=_since(since))
    if json:
        for trace in page.traces:
            sys.stdout.write(as_json(trace) + "\n")
        return
    for trace in page.traces:
        sys.stdout.write(_line(trace) + "\n")
    if not page.traces:
        sys.stderr.write(f"arc: no trace there in {masked(asked.url)}\n")


@traces.command(
    "show",
    epilog="""\b
Examples:
  arc traces show                     the newest
  arc traces show 46c5b0af --json""",
)
def show(
    trace_id: Annotated[
        str, typer.Argument(metavar="[ID]", help="A trace id or its start; without one, the newest.")
    ] = "",
    *,
    core: _CoreUrl = None,
    json: _Json = False,
) -> None:
    """Show one trace as a tree."""
    asked = chosen_core(core, os.environ)
    detail = asked.trace(_whole(trace_id, asked))
    if json:
        sys.stdout.write(as_json(detail) + "\n")
        return

    from arc_runtime.cli._tree import print_trace

    print_trace(wide_unless_terminal(), detail, asked.page(detail.trace.trace_id))


@traces.command(
    "tail",
    epilog="""\b
Examples:
  arc traces tail
  arc traces tail --status error -n 1 --json""",
)
def tail(
    *,
    service: _Service = "",
    status: _Status = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="End after so many; 0 goes on.")] = 0,
    core: _CoreUrl = None,
    json: _Json = False,
) -> None:
    """Print each trace that ends from now on, until Ctrl-C."""
    asked, state = chosen_core(core, os.environ), _checked(status)
    since = datetime.now(UTC) - timedelta(days=1)  # what began before may end now
    seen: OrderedDict[str, None] = OrderedDict.fromkeys(one.trace_id for one in _ended(asked, service, "", since))
    sys.stderr.write(f"arc: traces that end in {masked(asked.url)}; Ctrl-C ends this\n")
    sys.stderr.flush()
    shown = 0
    while True:
        for trace in reversed(_ended(asked, service, state, since)):
            if trace.trace_id in seen:
                continue
            seen[trace.trace_id] = None
            sys.stdout.write((as_json(trace) if json else _line(trace)) + "\n")
            sys.stdout.flush()
            shown += 1
            if shown == limit:
                return
        while len(seen) > _REMEMBERED:
            seen.popitem(last=False)
        time.sleep(_POLL_SECONDS)


def _ended(core: Core, service: str, status: str, since: datetime) -> list[TraceSummary]:
    page = core.traces(limit=_MOST, service=service, status=status, since=since.isoformat())
    return [one for one in page.traces if one.status != "running" or status == "running"]


def _line(trace: TraceSummary) -> str:
    told = [
        short(trace.trace_id),
        trace.started_at[:19].replace("T", " "),
        f"{trace.status:<11}",
        f"{duration(trace.duration_ms):>10}",
        f"{counted(trace.spans, 'span'):>9}",
        trace.name,
        f"({trace.service})",
        cost([trace]) if trace.cost_usd is not None or trace.unpriced_calls else "",
        f"{counted(trace.fixes, 'request')} mended" if trace.fixes else "",
    ]
    return "  ".join(filter(None, told))


def _whole(start: str, core: Core) -> str:
    """The one trace id that starts so; the newest for nothing."""
    if not start:
        found = core.traces(limit=1).traces
        if not found:
            raise NothingThereError(f"{core.url} holds no trace yet; `arc run app.py` makes one")
        return found[0].trace_id
    wanted = start.lower()
    if not _ID.fullmatch(wanted):
        raise UsageError(f"{start!r} is no trace id, which is 32 hex digits, or the first of them")
    if len(wanted) == _WHOLE_ID:
        return wanted
    ids = [one.trace_id for one in core.traces(limit=_MOST, q=wanted).traces if one.trace_id.startswith(wanted)]
    if not ids:
        raise NothingThereError(f"no trace starts with {start}; `arc traces` lists those there are")
    if len(ids) > 1:
        raise UsageError(f"{len(ids)} traces start with {start}, for example {ids[0]} and {ids[1]}: give more of it")
    return ids[0]


def _checked(status: str) -> str:
    if status and status not in _STATUSES:
        raise UsageError(f"--status {status!r} is none of {', '.join(_STATUSES)}")
    return status


def _since(text: str) -> str:
    """RFC 3339 of a time that is given so, or as how long ago."""
    if not text:
        return ""
    if ago := _SINCE.fullmatch(text):
        try:
            return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
        except OverflowError:
            raise UsageError(f"--since {text!r} is before there were traces") from None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since {text!r} is neither 30m, 2h or 3d nor a time such as 2026-11-21T09:30:00Z") from None
    return (found if found.tzinfo else found.astimezone()).isoformat()
