"""ClickHouse in this process (chDB)."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from arc_core.errors import StartError, StoreError
from arc_core.model import Batch

if TYPE_CHECKING:
    from chdb.state.sqlitelike import Connection

T = TypeVar("T")

_INSERT_SETTINGS: Final = "async_insert = 0, max_partitions_per_insert_block = 0"
"""Answer when it is on disk. Spans of more than 100 months in one insert are odd, but must not be put off for ever."""

_INSIDE: Final = "clickhouse"
"""Where ClickHouse keeps its files, in the data folder."""

_SESSION: Final = (
    "CREATE DATABASE IF NOT EXISTS arc ENGINE = Atomic",
    "USE arc",
    "SET session_timezone = 'UTC'",
    "SET output_format_json_quote_64bit_integers = 0",
    "SET max_execution_time = 60",
)

_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"}
)
"""Values of parameters are read as fields of TSV (ClickHouse, `TabSeparated`)."""


class Database:
    """One ClickHouse; every statement runs in the one thread that owns the engine."""

    def __init__(self, connection: "Connection", thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    async def insert(self, batches: list[Batch]) -> None:
        """Return when the rows of `batches`, all of one table, are on disk; raise StoreError when they may not be."""
        head = f"INSERT INTO {batches[0].table} SETTINGS {_INSERT_SETTINGS} FORMAT JSONEachRow\n".encode()
        statement = b"".join([head, *(batch.lines for batch in batches)])
        await self._in_thread(lambda: self._run(statement, {}))

    async def query(self, sql: str, /, **parameters: str | int) -> bytes:
        """Rows as JSONEachRow lines; raise StoreError when the engine refuses `sql`.

        Times come in UTC, 64-bit numbers as numbers. An array parameter is given as ClickHouse writes one: `['a','b']`.
        """
        bound = {
            name: value.translate(_ESCAPES) if isinstance(value, str) else value for name, value in parameters.items()
        }
        return await self._in_thread(lambda: self._run(sql, bound))

    def _run(self, sql: str | bytes, parameters: dict[str, str | int]) -> bytes:
        # chDB says that it takes text alone; bytes save decoding every row that is stored.
        try:
            rows: bytes = self._connection.query(sql, "JSONEachRow", params=parameters).bytes()  # type: ignore[arg-type]
        except RuntimeError as error:  # what chDB's own error is
            raise StoreError(f"ClickHouse: {_first_line(error)}") from error
        return rows

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def open_database(folder: Path) -> AsyncIterator[Database]:
    """Return the database in `folder`, made when it is missing; closed at the end.

    Raise StartError when the folder cannot be written, or another process has it.
    """
    lock = _locked(folder)
    thread = ThreadPoolExecutor(1, "clickhouse")
    loop = asyncio.get_running_loop()
    try:
        connection = await loop.run_in_executor(thread, _connect, folder / _INSIDE)
        try:
            yield Database(connection, thread)
        finally:
            await loop.run_in_executor(thread, connection.close)
    finally:
        thread.shutdown()
        os.close(lock)


def _connect(folder: Path) -> "Connection":
    import chdb

    try:
        connection = chdb.connect(str(folder))
        for statement in _SESSION:
            connection.query(statement)
    except RuntimeError as error:
        raise StartError(f"the database in {folder} does not open: {_first_line(error)}") from error
    return connection


def _locked(folder: Path) -> int:
    """Return a lock on `folder` that ends with this process, however it ends.

    ClickHouse has its own, but when that is taken it writes pages to stderr before it says so.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # prompts are nobody else's business
        inside = folder / _INSIDE
        inside.mkdir(exist_ok=True)
        inside.chmod(0o700)  # a folder that was there before may be open to all
        lock = os.open(folder / "arc.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(
            f"the data folder {folder} cannot be written: {error.strerror}; name another with --data"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StartError(
            f"the data folder {folder} is in use by another Arc Core; stop that one (arc core --stop), "
            "or name another with --data"
        ) from None
    return lock


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:500]
