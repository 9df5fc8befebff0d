"""The rows of a store in pieces, each small enough to hold: for backups, and to move to another store."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

import msgspec

from arc_core.store import Database

T = TypeVar("T")

TABLES: Final = (
    "spans",
    "otel_logs",
    "otel_metrics_gauge",
    "otel_metrics_sum",
    "otel_metrics_histogram",
    "otel_metrics_exponential_histogram",
    "otel_metrics_summary",
)
"""What there is; all else is made from these when they are stored."""

_ROWS: Final = 25_000
"""About so many rows in a piece: some ten megabytes."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class Piece(msgspec.Struct, frozen=True):
    """Some rows of one table."""

    table: str
    partition: str
    number: int
    """From 0, of so many as `of`."""
    of: int
    rows: int
    body: bytes
    """ClickHouse's format Native."""

    @property
    def id(self) -> str:
        """What tells it from all others of one copy."""
        return f"{self.table}/{self.partition}-{self.number + 1}-of-{self.of}"


class _Column(msgspec.Struct):
    name: str


class _Partition(msgspec.Struct):
    partition: str
    rows: int


class _Count(msgspec.Struct):
    rows: int


async def columns_of(database: Database, table: str) -> list[str]:
    """The columns of `table` that hold data, in its order; none when there is no such table."""
    lines = await database.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {name:String} "
        "AND default_kind NOT IN ('ALIAS', 'MATERIALIZED', 'EPHEMERAL') ORDER BY position",
        name=table,
    )
    return [row.name for row in _decoded(lines, _Column)]


async def engine_of(database: Database, table: str) -> str:
    """What kind of table `table` is, as `system.tables` has it."""
    sql = "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {name:String} FORMAT TSVRaw"
    return (await database.query(sql, name=table)).decode().strip()


async def count_of(database: Database, table: str) -> int:
    """How many different rows `table` has: spans that came twice count once."""
    final = " FINAL" if table == "spans" else ""
    (row,) = _decoded(await database.query(f"SELECT count() AS rows FROM {table}{final}"), _Count)  # noqa: S608
    return row.rows


async def pieces_of(database: Database, table: str, columns: list[str], done: frozenset[str]) -> AsyncIterator[Piece]:
    """The rows of `table` but for the pieces whose ids are `done`; what comes while it runs may be left out.

    Raise StoreError when ClickHouse refuses.
    """
    key = (
        "cityHash64(SpanId)"
        if "SpanId" in columns
        else "cityHash64(ServiceName, MetricName, TimeUnix, toString(Attributes))"
    )
    listed = ", ".join(quoted(name) for name in columns)
    for partition in await _partitions(database, table):
        of = max(1, -(-partition.rows // _ROWS))
        for number in range(of):
            bare = Piece(table, partition.partition, number, of, 0, b"")
            if bare.id in done:
                continue
            where = f"_partition_id = {{partition:String}} AND {key} % {{of:UInt64}} = {{number:UInt64}}"
            values: dict[str, Any] = {"partition": partition.partition, "of": of, "number": number}
            counted = _decoded(
                await database.query(f"SELECT count() AS rows FROM {table} WHERE {where}", **values),  # noqa: S608
                _Count,
            )
            body = bytearray()
            async for some in database.stream(f"SELECT {listed} FROM {table} WHERE {where}", "Native", **values):  # noqa: S608
                body += some
            yield msgspec.structs.replace(bare, rows=counted[0].rows, body=bytes(body))


def quoted(name: str) -> str:
    """The name of a column as SQL has it; raise ValueError for what is none."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a column")
    return f"`{name}`"


async def _partitions(database: Database, table: str) -> list[_Partition]:
    lines = await database.query(
        f"SELECT _partition_id AS partition, count() AS rows FROM {table} GROUP BY partition ORDER BY partition"  # noqa: S608
    )
    return _decoded(lines, _Partition)


def _decoded(lines: bytes, kind: type[T]) -> list[T]:
    return msgspec.json.Decoder(kind).decode_lines(lines)
