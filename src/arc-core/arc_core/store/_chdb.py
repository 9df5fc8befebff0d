"""ClickHouse in this process (chDB)."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar

from arc_core.errors import RowsError, StartError, StoreError
from arc_core.model import Form
from arc_core.store._database import Health, Settings, Value
from arc_core.store._otlp import means_bad_rows, schema_file_settings

if TYPE_CHECKING:
    from chdb.state.sqlitelike import Connection

T = TypeVar("T")

_READERS: Final = 3
"""Queries that run at a time; each has a session and a thread of its own, as sessions take turns."""

_INSIDE: Final = "clickhouse"
"""Where ClickHouse keeps its files, in the data folder."""

_MAX_QUERY_SECONDS: Final = 60

_MAX_INSERT_BYTES: Final = 1_500_000_000

_PIECE_BYTES: Final = 1024 * 1024
"""Of a file of rows that is read at a time."""

_SESSION: Final = (
    "CREATE DATABASE IF NOT EXISTS arc ENGINE = Atomic",
    "USE arc",
    "SET session_timezone = 'UTC'",
    "SET output_format_json_quote_64bit_integers = 0",
    "SET min_table_rows_to_use_projection_index = 0",
)

_WRITING: Final = (
    # Answer when it is on disk. Spans of more than 100 months in one insert are odd, but must not be put off for ever.
    "SET async_insert = 0, max_partitions_per_insert_block = 0",
    # Equal spans of one insert are merged with those of others, later: looking for them at once costs a tenth more.
    "SET optimize_on_insert = 0",
    "SET lightweight_deletes_sync = 2, mutations_sync = 1",
    # An insert that would take more is made from its rows, one by one, in place of the protobuf.
    f"SET max_memory_usage = {_MAX_INSERT_BYTES}",
    "SET output_format_json_escape_forward_slashes = 0",
)

_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"}
)
"""Values of parameters are read as fields of TSV (ClickHouse, `TabSeparated`)."""


class ChdbDatabase:
    """A `Database` in a folder of this process: one session that writes, a few that read."""

    def __init__(self, folder: Path, writer: "_Session", readers: "list[_Session]") -> None:
        self._folder = folder
        self._writer = writer
        self._readers = readers
        self._free: asyncio.Queue[_Session] = asyncio.Queue()
        for reader in readers:
            self._free.put_nowait(reader)

    async def insert(
        self, table: str, chunks: Sequence[bytes | bytearray], form: Form, settings: Settings | None = None
    ) -> None:
        """See `Database`."""
        told = {**(settings or {}), **(schema_file_settings(table) if form == "Protobuf" else {})}
        await self._writer.run(lambda connection: _send(connection, table, chunks, f"{_clause(told)} FORMAT {form}"))

    async def query(self, sql: str, /, settings: Settings | None = None, **parameters: Value) -> bytes:
        """See `Database`."""
        bound, statement = _bound(parameters), sql + _clause(settings)
        reader = await self._free.get()
        try:
            return await reader.run(lambda connection: _ask(connection, statement, bound))
        finally:
            self._free.put_nowait(reader)

    async def stream(
        self, sql: str, /, form: str = "JSONEachRow", settings: Settings | None = None, **parameters: Value
    ) -> AsyncIterator[bytes]:
        """See `Database`."""
        bound, statement = _bound(parameters), sql + _clause(settings)
        if form != "JSONEachRow":
            async for piece in self._by_file(statement, form, bound):
                yield piece
            return
        reader = await self._free.get()
        try:
            pieces = await reader.run(lambda connection: connection.send_query(statement, form, params=bound))
            try:
                while rows := await reader.run(lambda _: _fetched(pieces)):
                    yield rows
            finally:
                await reader.run(lambda _: _closed(pieces))
        finally:
            self._free.put_nowait(reader)

    async def _by_file(self, statement: str, form: str, bound: dict[str, Value]) -> AsyncIterator[bytes]:
        """Rows in a format that has a head and a foot: chDB's stream writes these around every block of rows."""
        with await asyncio.to_thread(TemporaryDirectory, prefix="arc-") as folder:
            path = Path(folder, "rows")
            sql = f"{statement}\nINTO OUTFILE '{path}' FORMAT {form}"
            reader = await self._free.get()
            try:
                await reader.run(lambda connection: _ask(connection, sql, bound))
            finally:
                self._free.put_nowait(reader)
            with await asyncio.to_thread(path.open, "rb") as file:
                while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                    yield piece

    async def command(self, sql: str, /, settings: Settings | None = None, **parameters: Value) -> None:
        """See `Database`."""
        bound, statement = _bound(parameters), sql + _clause(settings)
        await self._writer.run(lambda connection: _ask(connection, statement, bound))

    async def health(self) -> Health:
        """See `Database`."""
        version = (await self.query("SELECT version() AS v FORMAT TSVRaw")).decode().strip()
        disk = shutil.disk_usage(self._folder)
        return Health("chdb", version, disk.free, disk.total)


class _Session:
    """A connection and the one thread that uses it."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._connection: Connection | None = None

    async def open(self, folder: Path, statements: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        self._connection = await loop.run_in_executor(self._thread, _connect, folder, statements)

    async def run(self, work: "Callable[[Connection], T]") -> T:
        connection = self._connection
        assert connection is not None  # noqa: S101 - open() comes first
        return await asyncio.get_running_loop().run_in_executor(self._thread, _refusing, work, connection)

    async def close(self) -> None:
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


@asynccontextmanager
async def open_database(folder: Path) -> AsyncIterator[ChdbDatabase]:
    """Return the database in `folder`, made when it is missing; closed at the end.

    Raise StartError when the folder cannot be written, or another process has it.
    """
    lock = _locked(folder)
    writer = _Session("clickhouse-write")
    readers = [_Session(f"clickhouse-read-{number}") for number in range(_READERS)]
    try:
        await writer.open(folder / _INSIDE, [*_SESSION, *_WRITING])
        for reader in readers:
            await reader.open(folder / _INSIDE, [*_SESSION[1:], f"SET max_execution_time = {_MAX_QUERY_SECONDS}"])
        yield ChdbDatabase(folder, writer, readers)
    finally:
        for session in (*readers, writer):
            await session.close()
        os.close(lock)


def _connect(folder: Path, statements: Sequence[str]) -> "Connection":
    import chdb

    try:
        connection = chdb.connect(str(folder))
        for statement in statements:
            connection.query(statement)
    except RuntimeError as error:
        raise StartError(f"the database in {folder} does not open: {_first_line(error)}") from error
    return connection


def _send(connection: "Connection", table: str, chunks: Sequence[bytes | bytearray], rest: str) -> None:
    """Insert `chunks` from a file in memory.

    Data within the statement ends at an empty line, which protobuf may hold; and chDB's `send_insert` says that all is
    well when nothing could be written (26.9, on a disk that is full or read-only).
    """
    with _file_of(chunks) as path:
        connection.query(f"INSERT INTO {table} FROM INFILE '{path}'{rest}")


@contextmanager
def _file_of(chunks: Sequence[bytes | bytearray]) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("arc"), "wb") as file:
            file.writelines(chunks)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with NamedTemporaryFile("wb", prefix="arc-") as file:
            file.writelines(chunks)
            file.flush()
            yield file.name


def _ask(connection: "Connection", sql: str, bound: dict[str, Value]) -> bytes:
    rows: bytes = connection.query(sql, "JSONEachRow", params=bound).bytes()
    return rows


def _fetched(pieces: Any) -> bytes | None:
    piece = pieces.fetch()
    return None if piece is None else piece.bytes()


def _closed(pieces: Any) -> None:
    pieces.close()


def _refusing(work: "Callable[[Connection], T]", connection: "Connection") -> T:
    try:
        return work(connection)
    except OSError as error:  # of the file in memory: no memory, or no more files may be open
        raise StoreError(f"the rows cannot be handed to ClickHouse: {error.strerror}") from error
    except RuntimeError as error:  # what chDB's own error is
        kind = RowsError if means_bad_rows(str(error)) else StoreError
        raise kind(f"ClickHouse: {_first_line(error)}") from error


def _bound(parameters: dict[str, Value]) -> dict[str, Value]:
    return {name: value.translate(_ESCAPES) if isinstance(value, str) else value for name, value in parameters.items()}


def _clause(settings: Settings | None) -> str:
    if not settings:
        return ""
    told = (f"{name} = {_quoted(value) if isinstance(value, str) else value}" for name, value in settings.items())
    return f"\nSETTINGS {', '.join(told)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


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
