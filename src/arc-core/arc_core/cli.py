"""The commands that arc-core adds to `arc`: parse, call, print."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from arc_semconv.running import note_path

from arc_core.errors import ArcCoreError, NotRunningError, UsageError
from arc_core.settings import Settings, default_data

if TYPE_CHECKING:
    from arc_core.app import Endpoints

_INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the number of SIGINT."""


def core(  # noqa: PLR0913 - one for each option
    *,
    grpc: Annotated[
        str, typer.Option("--grpc", metavar="HOST:PORT", help="OTLP over gRPC; port 0 takes a free one.")
    ] = "127.0.0.1:4317",
    http: Annotated[
        str, typer.Option("--http", metavar="HOST:PORT", help="OTLP over HTTP, the API and the workbench.")
    ] = "127.0.0.1:4318",
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Folder of the database.", show_default="~/.local/share/arc"),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key", metavar="KEY", envvar="ARC_CORE_API_KEY", help="Let in only those who send this x-api-key."
        ),
    ] = None,
    max_pending_mib: Annotated[
        int, typer.Option("--max-pending-mib", min=1, help="MiB of requests held before new ones are put off.")
    ] = 256,
    end_with_stdin: Annotated[
        bool, typer.Option("--end-with-stdin", help="Stop at the end of stdin, for programs that start Arc Core.")
    ] = False,
    idle_minutes: Annotated[
        float, typer.Option("--idle-minutes", min=0, help="Stop after so long without use; 0 never does.")
    ] = 0.0,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the Arc Core of yours that runs, and nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say in JSON where it is.")] = False,
) -> None:
    r"""Run Arc Core: take telemetry over OTLP, keep it in ClickHouse, show it.

    \b
    Examples:
      arc core
      arc core --http 127.0.0.1:0 --grpc 127.0.0.1:0 --data ./traces
      arc core --stop

    Exit status: 0 when it was stopped, 1 when it cannot start or stop, 2 when an option cannot be used, 3 when there is
    none to stop.
    """
    note = _note()
    try:
        if stop:
            _stop(note, as_json=as_json)
            return
        settings = Settings.checked(
            grpc=grpc,
            http=http,
            data=data or _usual_data(),
            api_key=api_key,
            max_pending_mib=max_pending_mib,
            end_with_stdin=end_with_stdin,
            idle_minutes=idle_minutes,
            note=None if end_with_stdin else note,  # whoever started that one has it for himself
        )
        _warn_of_an_empty_key(api_key)
        _serve(settings, _say_in_json if as_json else _say)
    except ArcCoreError as error:
        typer.echo(f"arc core: {error}", err=True)
        raise typer.Exit(error.exit_code) from None


def _warn_of_an_empty_key(api_key: str | None) -> None:
    if not api_key and (api_key is not None or "ARC_CORE_API_KEY" in os.environ):  # Typer takes "" for unset
        typer.echo("arc core: the API key is empty, so everyone on this machine is let in", err=True)


def _stop(note: Path | None, *, as_json: bool) -> None:
    from arc_core.stopping import stop_core

    if note is None:
        raise NotRunningError("without a home no Arc Core says where it runs: set HOME, or end its process")
    stopped = stop_core(note)
    typer.echo(msgspec.json.encode(stopped).decode() if as_json else f"stopped Arc Core at {stopped.http}")


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Run the demo once and exit.")] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="HTTP port of Arc Core; 0 takes a free one.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Keep the database in this folder.",
            show_default="one that ends with the demo",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the trace as a line of JSON.")] = False,
) -> None:
    r"""Run a recorded multi-agent app against Arc Core, without a key or a network.

    \b
    Examples:
      arc demo
      arc demo --once --json

    Exit status: 0 it shows what it promises, 1 the program failed, 2 something is not installed, 3 no trace arrived,
    4 the trace lacks something, 130 Ctrl-C.
    """
    try:
        from arc_core.demo import run

        status = run(once=once, http_port=port, data=data, as_json=as_json)
    except KeyboardInterrupt:  # before `run` listens for it itself: imports take most of a second
        status = _INTERRUPTED
    raise typer.Exit(status)


def _note() -> Path | None:
    """Where it says that it is up; None for a user without a home, as in some containers: no command looks for it."""
    try:
        return note_path(os.environ, Path.home())
    except RuntimeError:
        return None


def _usual_data() -> Path:
    try:
        return default_data(os.environ, Path.home())
    except RuntimeError:
        raise UsageError("there is no home to keep the data in: name a folder with --data, or set HOME") from None


def _serve(settings: Settings, ready: Callable[["Endpoints"], None]) -> None:
    from arc_core.app import serve  # the servers and the engine: not for `arc --help`

    os.umask(0o077)  # prompts are nobody else's business
    asyncio.run(serve(settings, ready))


def _say(endpoints: "Endpoints") -> None:
    # Programs wait for this one line.
    typer.echo(f"arc core ready http={endpoints.http} grpc={endpoints.grpc} data={endpoints.data}")
    if sys.stderr.isatty():
        typer.echo(f"Arc Core is at {endpoints.http}\nStop it with Ctrl-C.", err=True)


def _say_in_json(endpoints: "Endpoints") -> None:
    typer.echo(msgspec.json.encode(endpoints, enc_hook=str).decode())
