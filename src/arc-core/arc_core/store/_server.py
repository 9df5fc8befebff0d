"""A ClickHouse server, over HTTP (clickhouse-connect)."""

import ast
import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from arc_core.errors import RowsError, StartError, StoreError, UsageError
from arc_core.model import Form
from arc_core.store._database import Health, Settings, Value
from arc_core.store._otlp import means_bad_rows, schema_settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

T = TypeVar("T")

_THREADS: Final = 8
"""Statements that run at a time."""

_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 3600
"""Migrations of large tables take their time; a query ends by its own limit."""

_INSERT_SECONDS: Final = 60
"""A server that has gone without a word is given up; whoever sent the rows will send them again."""

_MAX_QUERY_SECONDS: Final = 60
_PIECE_BYTES: Final = 256 * 1024
_PORTS: Final = {"clickhouse": 8123, "clickhouses": 8443}
"""Of plain HTTP and of TLS."""

_READING: Final[Settings] = {
    "session_timezone": "UTC",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_escape_forward_slashes": 0,
    "min_table_rows_to_use_projection_index": 0,
}
"""Defaults are the operator's to change, so what answers depend on is always said."""

_WRITING: Final[Settings] = {
    **_READING,
    "async_insert": 0,
    "wait_end_of_query": 1,
    "distributed_foreground_insert": 1,  # of a cluster: not before its shards have them
    "optimize_on_insert": 0,
    "max_partitions_per_insert_block": 0,
    "mutations_sync": 1,
    "lightweight_deletes_sync": 2,
}


class ServerDatabase:
    """A `Database` on a server."""

    def __init__(self, client: "Client", inserter: "Client", threads: ThreadPoolExecutor) -> None:
        self._client = client
        self._inserter = inserter
        self._threads = threads

    async def insert(
        self, table: str, chunks: Sequence[bytes | bytearray], form: Form, settings: Settings | None = None
    ) -> None:
        """See `Database`."""
        told = {**_WRITING, **(settings or {}), **(schema_settings(table) if form == "Protobuf" else {})}
        body = b"".join(chunks)
        await self._run(partial(self._inserter.raw_insert, table, insert_block=body, settings=told, fmt=form))

    async def query(self, sql: str, /, settings: Settings | None = None, **parameters: Value) -> bytes:
        """See `Database`."""
        told = {**_READING, "max_execution_time": _MAX_QUERY_SECONDS, **(settings or {})}
        ask = partial(self._client.raw_query, sql, parameters=_bound(sql, parameters), settings=told, fmt=_form_of(sql))
        return await self._run(ask)

    async def stream(
        self, sql: str, /, form: str = "JSONEachRow", settings: Settings | None = None, **parameters: Value
    ) -> AsyncIterator[bytes]:
        """See `Database`."""
        told = {**_READING, **(settings or {})}
        ask = partial(self._client.raw_stream, sql, parameters=_bound(sql, parameters), settings=told, fmt=form)
        pieces: Any = await self._run(ask)
        try:
            while piece := await self._run(lambda: pieces.read(_PIECE_BYTES)):
                yield piece
        finally:
            await self._run(pieces.close)

    async def command(self, sql: str, /, settings: Settings | None = None, **parameters: Value) -> None:
        """See `Database`."""
        told = {**_WRITING, "max_execution_time": 0, **(settings or {})}
        await self._run(partial(self._client.raw_query, sql, parameters=_bound(sql, parameters), settings=told))

    async def health(self) -> Health:
        """See `Database`."""
        row = await self.query(
            "SELECT version() AS v, min(free_space) AS f, min(total_space) AS t FROM system.disks FORMAT TSVRaw"
        )
        version, free, total = row.decode().split()
        return Health("server", version, int(free), int(total))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _refusing, work)


@asynccontextmanager
async def open_server(url: str) -> AsyncIterator[ServerDatabase]:
    """Return the database at `url` (`clickhouse://USER:PASSWORD@HOST:8123/DATABASE`, `clickhouses` for TLS).

    The database is made when it is missing. Raise UsageError when `url` is none, StartError when it cannot be reached.
    """
    options = _options(url)
    database = options.pop("database")
    threads = ThreadPoolExecutor(_THREADS, "clickhouse")
    loop = asyncio.get_running_loop()
    try:
        client = await loop.run_in_executor(threads, _connected, options, database, _ANSWER_SECONDS)
        inserter = await loop.run_in_executor(threads, _connected, options, database, _INSERT_SECONDS)
        try:
            yield ServerDatabase(client, inserter, threads)
        finally:
            for one in (client, inserter):
                await loop.run_in_executor(threads, one.close)
    finally:
        threads.shutdown()


def _connected(options: dict[str, Any], database: str, answer_seconds: int) -> "Client":
    try:
        import clickhouse_connect
        from clickhouse_connect.driver.exceptions import Error
    except ImportError:
        raise StartError("a ClickHouse server needs clickhouse-connect: pip install 'arc-core[server]'") from None
    try:
        client = clickhouse_connect.get_client(
            **options,
            connect_timeout=_CONNECT_SECONDS,
            send_receive_timeout=answer_seconds,
            autogenerate_session_id=False,
            query_retries=0,
            compress=False,
        )
        client.command(f"CREATE DATABASE IF NOT EXISTS {_identifier(database)}")
        client.database = database
    except Error as error:
        where = f"{options['host']}:{options['port']}"
        raise StartError(f"ClickHouse at {where} cannot be used: {_first_line(error)}") from error
    return client


def _options(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if not parts.hostname or not port or parts.scheme not in _PORTS:
        raise UsageError(
            f"{url.partition('@')[2] or url!r} is no ClickHouse: "
            "name it as clickhouse://USER:PASSWORD@HOST:8123/DATABASE, with clickhouses for TLS"
        )
    return {
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "secure": parts.scheme == "clickhouses",
        "database": parts.path.strip("/") or "arc",
    }


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _bound(sql: str, parameters: dict[str, Value]) -> dict[str, Any]:
    """Return `parameters` with arrays as lists: what is given as a text would be quoted again as a whole."""
    return {
        name: ast.literal_eval(value) if isinstance(value, str) and f"{{{name}:Array(" in sql else value
        for name, value in parameters.items()
    }


def _form_of(sql: str) -> str | None:
    """JSONEachRow, unless `sql` names a format itself."""
    return None if " FORMAT " in sql else "JSONEachRow"


def _refusing(work: Callable[[], T]) -> T:
    from clickhouse_connect.driver.exceptions import Error
    from urllib3.exceptions import HTTPError

    try:
        return work()
    except (Error, HTTPError, OSError) as error:
        kind = RowsError if means_bad_rows(str(error)) else StoreError
        raise kind(f"ClickHouse: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:500]
