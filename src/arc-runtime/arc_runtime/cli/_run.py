"""`arc run`: a program with Arc as its OpenTelemetry distro, and an Arc Core for it where none is named."""

import os
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from arc_semconv.attributes import INVOCATION_ID

from arc_runtime.cli._core_api import Core
from arc_runtime.cli._errors import CoreError, UsageError
from arc_runtime.settings import Settings

if TYPE_CHECKING:
    from arc_runtime.cli._run_summary import Run

__all__ = ["EPILOG", "run"]

EPILOG: Final = """\b
Examples:
  arc run app.py --my-option
  arc run -m my_package
  arc run uvicorn app:app     any command that starts Python
  arc run --no-core app.py    only instrument; ARC_ENDPOINT says where to
  arc run --json app.py 2>summary.json

Spans go where ARC_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT says, else to an Arc Core of yours on this machine. Where
none runs, one is started on free ports of 127.0.0.1; it ends after 15 minutes without use, or with `arc core --stop`.

Exit status: that of the program; killed by a signal, this is too. When it was not started: 2 a file or word can't be
used, 126 it can't be executed, 127 it is not found."""

_LOADER: Final = "opentelemetry.instrumentation.auto_instrumentation"
_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
"""An id without digits: a long number would be taken for personal."""
_PING_SECONDS: Final = 60.0
_SUMMARY_SECONDS: Final = 15.0
"""Longest time that the end of the program is held up to ask Arc Core what it came to."""


def run(
    words: Annotated[
        list[str],
        typer.Argument(metavar="PROGRAM", help="A Python file, -m and a module, or a command; then its arguments."),
    ],
    *,
    no_core: Annotated[
        bool, typer.Option("--no-core", help="Only instrument: no Arc Core, no summary, no process in between.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as a line of JSON, on stderr.")] = False,
) -> None:
    """Run a program with Arc, and say on stderr in five lines what it came to.

    Its stdout, stdin, signals and exit status are those that it has without Arc.
    """
    from arc_runtime.cli._words import command_of

    if os.name != "posix":
        raise UsageError("arc run needs fork, which this system has not: use opentelemetry-instrument python app.py")
    command = command_of(words)
    settings, _ = Settings.from_env(os.environ)
    if no_core or not settings.active:
        from arc_runtime.cli._child import replace_with

        replace_with(command, _instrumented(os.environ))
    _run_with_core(words, command, settings, _Manner(quiet=quiet, as_json=as_json))


class _Manner(msgspec.Struct, frozen=True):
    quiet: bool
    as_json: bool


class _Backend(msgspec.Struct, frozen=True, kw_only=True):
    """Where the spans of the run can be read."""

    core: Core | None = None
    endpoint: str | None = None
    """What the program is given as ARC_ENDPOINT; None leaves it as it is."""
    problem: str = ""
    """Why there is nothing to read."""


def _run_with_core(words: list[str], command: list[str], settings: Settings, manner: _Manner) -> None:
    from arc_runtime.cli._child import end_alike, run_as_child

    invocation = secrets.token_hex(16).translate(_LETTERS)
    backend = _backend(settings, os.environ)
    env = _instrumented(os.environ)
    env["OTEL_RESOURCE_ATTRIBUTES"] = ",".join(
        filter(None, [env.get("OTEL_RESOURCE_ATTRIBUTES", "").strip(", "), f"{INVOCATION_ID}={invocation}"])
    )
    if backend.endpoint is not None:
        env |= {"ARC_ENDPOINT": backend.endpoint, **_direct(env)}
    since, start, done = datetime.now(UTC).isoformat(), time.monotonic(), Event()
    ended = run_as_child(command, env, started=lambda: _keep_up(backend, done))
    duration_ms = (time.monotonic() - start) * 1000
    done.set()
    if not manner.quiet:
        with suppress(Exception):  # whatever it is, the program has ended, and this ends as it did
            from arc_runtime.cli._run_summary import Run

            program = Path(words[1] if words[0] == "-m" else words[0]).name
            run = Run(program, ended.status, ended.signal, duration_ms, invocation, since)
            _say(run, backend, manner)
    end_alike(ended)


def _backend(settings: Settings, env: Mapping[str, str]) -> _Backend:
    """Where spans go that the user sent nowhere: to an Arc Core of his, started where none runs."""
    from arc_runtime.cli._embedded import running_or_started

    if not settings.otlp_exporters("traces"):
        return _Backend(problem=f"OTEL_TRACES_EXPORTER={settings.traces_exporter}: no span is sent to Arc Core")
    if settings.config_file is not None or env.get("ARC_ENDPOINT") or "traces" in settings.otel_endpoints:
        if settings.api_url is None:
            return _Backend(problem="where Arc Core's API is, is not known: set ARC_CORE_URL to its http address")
        return _Backend(core=Core(settings.api_url, settings.api_key if settings.api_keyed else None))
    try:
        running = running_or_started(env)
    except CoreError as error:
        return _Backend(problem=str(error))
    grpc = settings.otel_protocols.get("traces") == "grpc"
    return _Backend(core=Core(running.http), endpoint=f"grpc://{running.grpc}" if grpc else running.http)


def _direct(env: Mapping[str, str]) -> dict[str, str]:
    """What lets spans go to this machine without the proxy, where one is set: no proxy leads back to here."""
    if not any(env.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "grpc_proxy")):
        return {}
    without = ",".join(filter(None, [env.get("no_proxy") or env.get("NO_PROXY"), "127.0.0.1"]))
    return {"no_proxy": without, "NO_PROXY": without}


def _keep_up(backend: _Backend, done: Event) -> None:
    """Have an Arc Core that stops when it is unused stay as long as the program runs."""
    core = backend.core
    if core is None or backend.endpoint is None:
        return

    def ask() -> None:
        while not done.wait(_PING_SECONDS):
            core.is_up()

    Thread(target=ask, daemon=True).start()


def _say(run: "Run", backend: _Backend, manner: _Manner) -> None:
    from arc_runtime.cli._child import CutShortError, while_asked_to_stay
    from arc_runtime.cli._run_summary import lines, outcome
    from arc_runtime.cli._shown import as_json

    try:
        with while_asked_to_stay(_SUMMARY_SECONDS):
            told = outcome(run, backend.core, backend.problem)
    except CutShortError as error:
        told = outcome(run, None, f"Arc Core was asked for no longer ({error}): `arc traces` shows what it holds")
    text = as_json(told) + "\n" if manner.as_json else "".join(f"arc: {line}\n" for line in lines(told))
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    if not encoding.lower().startswith("utf"):
        text = text.replace("→", "->")
    os.write(2, text.encode(encoding, "backslashreplace"))


def _instrumented(env: Mapping[str, str]) -> dict[str, str]:
    """`env` by which Python loads Arc at its start, as `opentelemetry-instrument` has it.

    Unlike there the working directory is not put on the path: modules in it would come before those of Python itself.
    """
    from importlib.util import find_spec

    spec = find_spec(_LOADER)
    folder = str(Path(spec.origin).parent) if spec is not None and spec.origin else ""
    before = env.get("PYTHONPATH", "")
    others = [one for one in before.split(os.pathsep) if one != folder] if before else []
    return {
        "OTEL_PYTHON_DISTRO": "arc",
        "OTEL_PYTHON_CONFIGURATOR": "arc",
        **env,
        "PYTHONPATH": os.pathsep.join([folder, *others]),
    }
