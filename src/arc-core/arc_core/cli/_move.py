"""`arc core move`: from the store in a folder to a ClickHouse server."""

import asyncio
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from arc_core.cli._options import DataOption, data_folder
from arc_core.errors import ArcCoreError, StartError

EPILOG: Final = """\b
Example:
  arc core move --to clickhouse://arc:secret@db.example:8123/arc
"""


def move(
    *,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="clickhouse://USER:PASSWORD@HOST:PORT/DATABASE.")],
    data: DataOption = None,
) -> None:
    """Copy everything in the data folder to a ClickHouse server, whose tables are made.

    Arc Core must be stopped. What is here stays here. After an interruption the same command goes on where it was.

    Exit status: 0 when the server has every row, 1 when it has not, 2 when an option cannot be used.
    """
    try:
        folder = data_folder(data)
        if not (folder / "clickhouse").exists():
            raise StartError(f"{folder} holds no store; name the data folder with --data")
        moved = asyncio.run(_move(folder, to))
    except ArcCoreError as error:
        typer.echo(f"arc core: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(f"moved {moved} rows; start Arc Core with --store from now on")


async def _move(folder: Path, url: str) -> int:
    from arc_core.operations import hush_clients
    from arc_core.operations import move as move_rows
    from arc_core.store import migrate, open_database, open_server

    hush_clients()
    async with open_server(url) as target, open_database(folder) as source:
        parts = urlsplit(url)  # which is good: it was opened
        name = f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}"
        await migrate(source)
        await migrate(target)
        moved = await move_rows(source, target, name=name, folder=folder, tell=lambda line: typer.echo(line, err=True))
    return moved.rows
