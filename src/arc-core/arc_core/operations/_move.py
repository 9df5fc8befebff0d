"""From the store in a folder to a ClickHouse server."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from arc_core.errors import ArcCoreError
from arc_core.operations._copy import TABLES, columns_of, count_of, engine_of, pieces_of, quoted
from arc_core.store import Database

_PROGRESS: Final = "move.json"
"""In the data folder: what the server has already. It stays when all is done, so that nothing is copied twice."""

_MERGED: Final = "spans"
"""Its rows may come twice, as merges keep one of equal ones. Of others a piece that was stored, but not noted before an
interruption, is known to the server by a token."""

_KNOWN_BLOCKS: Final = 100
"""Inserts whose tokens the server keeps; one would do."""


class _Progress(msgspec.Struct):
    target: str
    move: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    """Tells pieces of this move from those of others with the same ids."""
    done: list[str] = []
    rows: int = 0
    whole: bool = False


class Moved(msgspec.Struct, frozen=True):
    """What was copied, in this run and those before it that were interrupted."""

    rows: int
    pieces: int


async def move(source: Database, target: Database, *, name: str, folder: Path, tell: Callable[[str], None]) -> Moved:
    """Copy all rows of `source` to `target`, whose schema is up to date; return how many were copied.

    `name` is the target's address without secrets; in `folder` it is kept how far this came, so that it can go on after
    an interruption, and that it is done. `tell` hears of each piece. Raise StoreError when either refuses, ArcCoreError
    when rows are missing afterwards, or when all was copied there before.
    """
    path = folder / _PROGRESS
    progress = _read(path, name)
    _write(path, progress)
    for table in TABLES:
        columns = await columns_of(source, table)
        missing = set(columns) - set(await columns_of(target, table))
        if missing:
            raise ArcCoreError(f"the server's table {table} has no column {min(missing)}")
        listed = ", ".join(quoted(column) for column in columns)
        if table != _MERGED and await engine_of(target, table) == "MergeTree":  # replicated ones know tokens anyway
            await target.command(
                f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = {_KNOWN_BLOCKS}"
            )
        async for piece in pieces_of(source, table, columns, frozenset(progress.done)):
            if piece.rows:
                settings = {} if table == _MERGED else {"insert_deduplication_token": f"{progress.move} {piece.id}"}
                await target.insert(f"{table} ({listed})", [piece.body], "Native", settings)
            progress.done.append(piece.id)
            progress.rows += piece.rows
            _write(path, progress)
            tell(f"{piece.id}: {piece.rows} rows")
        await _check(source, target, table)
    progress.whole = True
    _write(path, progress)
    return Moved(progress.rows, len(progress.done))


async def _check(source: Database, target: Database, table: str) -> None:
    there, here = await count_of(target, table), await count_of(source, table)
    if there < here:
        raise ArcCoreError(f"the server has {there} rows in {table}, and here are {here}; nothing was deleted here")


def _read(path: Path, name: str) -> _Progress:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Progress)
    except FileNotFoundError:
        return _Progress(name)
    except msgspec.MsgspecError as error:
        raise ArcCoreError(f"{path} cannot be read: {error}; delete it to begin anew") from error
    if found.whole and found.target == name:
        raise ArcCoreError(
            f"all was moved to {name} before: once more would store log records and data points twice; to begin anew,"
            f" for a database that is empty again, delete {path}"
        )
    if found.whole:
        return _Progress(name)
    if found.target != name:
        raise ArcCoreError(f"a move to {found.target} was interrupted; go on with that, or delete {path} to begin anew")
    return found


def _write(path: Path, progress: _Progress) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(progress))
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
