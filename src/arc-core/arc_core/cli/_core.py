"""`arc core` itself: the server, until it is stopped."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from arc_semconv.running import note_path
from arc_semconv.variables import is_service_link

from arc_core.cli._options import ConfigOption, DataOption, RegistryOption, data_folder
from arc_core.errors import ArcCoreError, NotRunningError
from arc_core.settings import LogFormat, LogLevel, Settings

if TYPE_CHECKING:
    from arc_core.app import Endpoints


EPILOG: Final = """\b
Examples:
  arc core
  arc core --http 127.0.0.1:0 --grpc 127.0.0.1:0 --data ./traces
  arc core --stop
  arc core keys create --scope ingest
"""


def serve(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    config: ConfigOption = None,
    grpc: Annotated[
        str,
        typer.Option(
            "--grpc", metavar="HOST:PORT", envvar="ARC_CORE_GRPC", help="OTLP over gRPC; port 0 takes a free one."
        ),
    ] = "127.0.0.1:4317",
    http: Annotated[
        str,
        typer.Option(
            "--http", metavar="HOST:PORT", envvar="ARC_CORE_HTTP", help="OTLP over HTTP, the API and the workbench."
        ),
    ] = "127.0.0.1:4318",
    data: DataOption = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            envvar="ARC_CORE_STORE",
            help="A ClickHouse server: clickhouse://USER:PASSWORD@HOST:PORT/DATABASE.",
            show_default="the data folder",
        ),
    ] = None,
    registry: RegistryOption = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key", metavar="KEY", envvar="ARC_CORE_API_KEY", help="Let in only those who send this x-api-key."
        ),
    ] = None,
    max_pending_mib: Annotated[
        int,
        typer.Option(
            "--max-pending-mib",
            min=1,
            envvar="ARC_CORE_MAX_PENDING_MIB",
            help="MiB of requests held before new ones are put off.",
        ),
    ] = 256,
    gateway_secret: Annotated[
        str | None,
        typer.Option(
            "--gateway-secret",
            metavar="SECRET",
            envvar="ARC_CORE_GATEWAY_SECRET",
            help="Believe whoever sends this as x-arc-gateway-secret which tenant it is for.",
        ),
    ] = None,
    gateway_tenant_header: Annotated[
        str,
        typer.Option(
            "--gateway-tenant-header",
            metavar="NAME",
            envvar="ARC_CORE_GATEWAY_TENANT_HEADER",
            help="The header in which the gateway names the tenant.",
        ),
    ] = "x-consumer-custom-id",
    text_index: Annotated[
        bool | None,
        typer.Option(
            "--text-index/--no-text-index",
            envvar="ARC_CORE_TEXT_INDEX",
            help="Index names, errors and messages for searching, or drop the index.",
            show_default="as it is",
        ),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", envvar="ARC_CORE_LOG_FORMAT", help="Lines for people, or for programs.")
    ] = "text",
    log_level: Annotated[
        LogLevel,
        typer.Option("--log-level", envvar="ARC_CORE_LOG_LEVEL", help="info tells of each request to the API."),
    ] = "warning",
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
    """Run Arc Core: take telemetry over OTLP, keep it in ClickHouse, show it.

    Exit status: 0 when it was stopped, 1 when it cannot start or stop, 2 when an option cannot be used, 3 when there is
    none to stop.
    """
    if context.invoked_subcommand is not None:
        return
    del config  # read before all others, as it gives them their defaults
    _warn_of_unknown(context)
    note = _note()
    try:
        if stop:
            _stop(note, as_json=as_json)
            return
        settings = Settings.checked(
            grpc=grpc,
            http=http,
            data=data_folder(data),
            api_key=api_key,
            store=store,
            registry=registry,
            gateway_secret=gateway_secret,
            gateway_tenant_header=gateway_tenant_header,
            text_index=text_index,
            log_format=log_format,
            log_level=log_level,
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


def _warn_of_unknown(context: typer.Context) -> None:
    known = {str(option.envvar) for option in context.command.params} | {"ARC_CORE_URL"}  # that one is for `arc traces`
    for name, value in sorted(os.environ.items()):
        if name.startswith("ARC_CORE_") and name not in known and not is_service_link(name, value):
            told = ", ".join(sorted(one for one in known if one.startswith("ARC_CORE_")))
            typer.echo(f"arc core: there is no setting {name}; there are {told}", err=True)


def _warn_of_an_empty_key(api_key: str | None) -> None:
    if not api_key and (api_key is not None or "ARC_CORE_API_KEY" in os.environ):  # Typer takes "" for unset
        typer.echo("arc core: the API key is empty, so everyone on this machine is let in", err=True)


def _stop(note: Path | None, *, as_json: bool) -> None:
    from arc_core.stopping import stop_core

    if note is None:
        raise NotRunningError("without a home no Arc Core says where it runs: set HOME, or end its process")
    stopped = stop_core(note)
    typer.echo(msgspec.json.encode(stopped).decode() if as_json else f"stopped Arc Core at {stopped.http}")


def _note() -> Path | None:
    """Where it says that it is up; None for a user without a home, as in some containers: no command looks for it."""
    try:
        return note_path(os.environ, Path.home())
    except RuntimeError:
        return None


def _serve(settings: Settings, ready: Callable[["Endpoints"], None]) -> None:
    from arc_core.app import serve  # the servers and the engine: not for `arc --help`

    os.umask(0o077)  # prompts are nobody else's business
    asyncio.run(serve(settings, ready))


def _say(endpoints: "Endpoints") -> None:
    if endpoints.is_open:
        typer.echo("arc core: there is no API key, so only this machine is let in; see arc core keys --help", err=True)
    # Programs wait for this one line.
    typer.echo(f"arc core ready http={endpoints.http} grpc={endpoints.grpc} data={endpoints.data}")
    if sys.stderr.isatty():
        typer.echo(f"Arc Core is at {endpoints.http}\nStop it with Ctrl-C.", err=True)


def _say_in_json(endpoints: "Endpoints") -> None:
    typer.echo(msgspec.json.encode(endpoints, enc_hook=str).decode())
