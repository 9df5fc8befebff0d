"""`arc core backup` and `arc core restore`."""

import asyncio
import http.client
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
import typer
from arc_semconv.attributes import API_KEY_HEADER
from arc_semconv.running import NoteError, RunningCore, note_path, read_note

from arc_core.cli._options import DataOption, RegistryOption, data_folder
from arc_core.cli._registry import now_ms
from arc_core.errors import ArcCoreError, StartError, UsageError
from arc_core.settings import REGISTRY_FILE

_SECONDS: Final = 120
_PIECE: Final = 1024 * 1024
_OK: Final = 200
_NOT_LET_IN: Final = (401, 403)

CoreOption = Annotated[
    str | None,
    typer.Option(
        "--core", metavar="URL", help="A running Arc Core; ARC_API_KEY goes along.", show_default="the local data"
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; must not be there yet.")],
    *,
    data: DataOption = None,
    registry: RegistryOption = None,
    core: CoreOption = None,
) -> None:
    """Write the store and the registry in the data folder to a file, while Arc Core runs or not.

    A registry in PostgreSQL is not part of it: pg_dump has that.
    """
    with _said():
        if file.exists():
            raise UsageError(f"{file} is there already; name another file")
        os.umask(0o077)
        partial = file.with_name(file.name + ".part")
        folder = data_folder(data)
        url = core or _running(folder)
        try:
            if url is not None:
                _fetch(url, partial)
            else:
                asyncio.run(_back_up(folder, None if registry else folder / REGISTRY_FILE, partial))
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        typer.echo(f"wrote {file}: {file.stat().st_size} bytes")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `arc core backup` wrote.")],
    *,
    data: DataOption = None,
) -> None:
    """Make a data folder from a backup; it must not hold a store yet."""
    with _said():
        folder = data_folder(data)
        if (folder / "clickhouse").exists() or (folder / REGISTRY_FILE).exists():
            raise UsageError(f"{folder} holds a store already; name another folder with --data")
        os.umask(0o077)
        try:
            rows = asyncio.run(_restore(file, folder))
        except BaseException:
            # Half a store would be taken for a whole one.
            shutil.rmtree(folder / "clickhouse", ignore_errors=True)
            (folder / REGISTRY_FILE).unlink(missing_ok=True)
            raise
        typer.echo(f"restored {rows} rows to {folder}")


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        typer.echo(f"arc core: {error.filename or 'the file'}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
    except ArcCoreError as error:
        typer.echo(f"arc core: {error}", err=True)
        raise typer.Exit(error.exit_code) from None


async def _back_up(folder: Path, registry: Path | None, file: Path) -> None:
    from arc_core.operations import archive
    from arc_core.store import migrate, open_database

    if not (folder / "clickhouse").exists():
        raise StartError(f"{folder} holds no store; name the data folder with --data")
    async with open_database(folder) as database:
        await migrate(database)
        with file.open("xb") as out:
            async for piece in archive(database, registry, now_ms()):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())


async def _restore(file: Path, folder: Path) -> int:
    from arc_core.operations import restore as restore_into
    from arc_core.store import migrate, open_database

    with file.open("rb") as source:
        async with open_database(folder) as database:
            await migrate(database)
            return await restore_into(source, database, folder)


def _running(folder: Path) -> str | None:
    """The URL of the Arc Core of this user that has `folder`; None when none has."""
    try:
        running: RunningCore | None = read_note(note_path(os.environ, Path.home()))
    except (NoteError, RuntimeError):
        return None
    return running.http if running is not None and Path(running.data) == folder else None


def _fetch(url: str, file: Path) -> None:
    connection = _connection(url)
    key = os.environ.get("ARC_API_KEY", "")
    try:
        _ask(connection, url, {API_KEY_HEADER: key} if key else {})
        response = connection.getresponse()
        if response.status != _OK:
            way_out = "; ARC_API_KEY takes an operator's key" if response.status in _NOT_LET_IN else ""
            raise ArcCoreError(f"{url}: {_reason(response.read())}{way_out}")
        with file.open("xb") as out:
            while piece := response.read(_PIECE):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise ArcCoreError(f"{url}: the backup did not arrive whole: {error}") from error
    finally:
        connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    kinds: dict[str, type[http.client.HTTPConnection]] = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    try:
        parts = urlsplit(url)
        kind, host, port = kinds.get(parts.scheme), parts.hostname, parts.port
    except ValueError:
        kind = host = port = None
    if kind is None or not host:
        raise UsageError(f"--core {url!r} is no URL of an Arc Core, for example http://127.0.0.1:4318")
    return kind(host, port, timeout=_SECONDS)


def _ask(connection: http.client.HTTPConnection, url: str, headers: dict[str, str]) -> None:
    try:
        connection.request("GET", "/api/v1/admin/backup", headers=headers)
    except OSError as error:
        raise ArcCoreError(f"nothing answers at {url}: {error.strerror or error}; is Arc Core running?") from error


def _reason(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["detail"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return "what answers is no Arc Core"
