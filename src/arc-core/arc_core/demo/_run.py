"""The demo from start to end: Arc Core, the application traced into it, the trace shown and checked."""

import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TextIO

import msgspec
from arc_semconv.api import TraceDetail
from rich.console import Console

from arc_core.demo import _facts, _summary
from arc_core.demo._children import APP, POLL_SECONDS, SERVICE, Core, app_environment, clean, run_app, running_core
from arc_core.demo._exit import DemoError, Exit
from arc_core.demo._replay import ReplayServer
from arc_core.demo._stop import Stop, Stopped
from arc_core.demo._traces import Traces

EXCHANGES: Final = Path(__file__).with_name("exchanges.json")
NEEDED: Final = ("openai", "langgraph", "arc_instrumentation_openai", "arc_instrumentation_langgraph")
ARRIVAL_SECONDS: Final = 10.0


def run(*, once: bool, http_port: int, data: Path | None, as_json: bool = False) -> int:
    """Return the exit status (`Exit`) of the demo: a traced run of `loan_agents.py`, shown and checked.

    Unless `once`, Arc Core stays up on `http_port` (0 takes a free one) until Ctrl-C. Without `data` it keeps the
    telemetry in a directory that is removed at the end. With `as_json` the trace is printed as a line of JSON.
    """
    if absent := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        _complain(f"{', '.join(absent)} not installed: pip install 'arc-core[demo]'")
        return Exit.NOT_READY
    shown = False
    with Stop() as stop, tempfile.TemporaryDirectory(prefix="arc-demo-", ignore_cleanup_errors=True) as scratch:
        progress = Progress()
        try:
            log, kept = Path(scratch, "core.log"), data or Path(scratch, "data")
            with ExitStack() as children:
                with progress.waiting("starting Arc Core"):
                    core = children.enter_context(
                        running_core(clean(os.environ), http_port=http_port, data=kept, log=log, stop=stop)
                    )
                progress.say(f"Arc Core is up at {core.url}, data in {kept}")
                detail = _trace_of_app(core, progress, stop, sys.stderr if as_json else None)
                _show(detail, Traces(core.url).page(detail.trace.trace_id), as_json=as_json)
                _check(detail)
                shown = True
                if not once:
                    _stay(core, stop, sys.stderr if as_json else sys.stdout)
        except DemoError as error:
            _complain(str(error))
            return error.exit_code
        except Stopped:
            return Exit.SHOWN if shown else Exit.INTERRUPTED
    return Exit.SHOWN


class Progress:
    """Tells on stderr what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._console = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(f"{time.monotonic() - self._start:5.1f} s  {text}", markup=False, soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Say what goes on until the block ends: on a terminal by something that moves, elsewhere by a line."""
        if self._console.is_terminal:
            with self._console.status(text):
                yield
        else:
            self.say(text)
            yield


def _trace_of_app(core: Core, progress: Progress, stop: Stop, stdout: TextIO | None) -> TraceDetail:
    """Run the application and return its trace once it arrived whole."""
    traces = Traces(core.url)
    before = {trace.trace_id for trace in traces.of(SERVICE)}
    with ReplayServer(json.loads(EXCHANGES.read_text("utf-8"))) as models:
        progress.say("running the application; written answers stand in for the model, nothing leaves this machine")
        progress.say(f"$ opentelemetry-instrument python {APP}")
        run_app(app_environment(os.environ, core_url=core.url, model_url=models.url), stop, stdout)
    with progress.waiting("the application is done; waiting for its telemetry"):
        detail = _arrived(traces, before, core, stop, seconds=ARRIVAL_SECONDS)
    progress.say(f"{len(detail.spans)} spans arrived")
    return detail


def _arrived(traces: Traces, before: set[str], core: Core, stop: Stop, *, seconds: float) -> TraceDetail:
    """Return the trace that was not there `before`, once its root is there and two looks find the same spans."""
    until = time.monotonic() + seconds
    spans_seen = 0
    while time.monotonic() < until:
        for trace in traces.of(SERVICE):
            if trace.trace_id not in before and trace.status != "running":
                if trace.spans == spans_seen:
                    return traces.detail(trace.trace_id)
                spans_seen = trace.spans
        core.check()
        stop.pause(2 * POLL_SECONDS)
    raise DemoError(
        f"no finished trace of {SERVICE} arrived in Arc Core within {seconds:.0f} s; "
        "`arc doctor` says what stands in the way",
        Exit.NO_TELEMETRY,
    )


def _show(detail: TraceDetail, url: str, *, as_json: bool) -> None:
    """Print the summary, for as long as somebody reads it: `arc demo --once | head` is no failure."""
    try:
        if as_json:
            sys.stdout.write(msgspec.json.encode(detail).decode() + "\n")
        else:
            _summary.show(detail, url, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        with Path(os.devnull).open("w") as nowhere:  # or the interpreter would meet the pipe again at its end
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _check(detail: TraceDetail) -> None:
    if missing := _facts.missing(detail):
        raise DemoError(f"the trace arrived, but {'; '.join(missing)}", Exit.PROMISE_MISSING)


def _stay(core: Core, stop: Stop, where: TextIO) -> None:
    print(f"\nArc Core stays up at {core.url}. Ctrl-C to stop.", flush=True, file=where)
    while True:
        core.check()
        stop.pause(2 * POLL_SECONDS)


def _complain(message: str) -> None:
    print(f"arc: {message}", file=sys.stderr)  # noqa: T201 - a command says its error on stderr
