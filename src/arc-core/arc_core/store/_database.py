"""What a ClickHouse is asked; chDB and the server differ only here."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from arc_core.model import Form

Value = str | int | float
"""A bound parameter. An array is given as ClickHouse writes one: `['a','b']`."""

Settings = Mapping[str, str | int]
"""Settings of one statement; a map is given as ClickHouse writes one: `{'spans':'TenantId = 1'}`."""


class Health(msgspec.Struct, frozen=True):
    """What a database says of itself."""

    engine: Literal["chdb", "server"]
    version: str
    free_bytes: int
    """What is left on the disk that has the least."""
    total_bytes: int


class Database(Protocol):
    """One ClickHouse, with the tables of `migrations` in its database `arc`.

    Everything raises StoreError when the engine refuses or cannot be reached; whether an insert that raised is stored
    is then not known.
    """

    async def insert(
        self, table: str, chunks: Sequence[bytes | bytearray], form: Form, settings: Settings | None = None
    ) -> None:
        """Return when the rows in `chunks`, together one body, are on disk; raise RowsError when they are no rows.

        Protobuf is what `otlp/TABLE.proto` says.
        """

    async def query(self, sql: str, /, settings: Settings | None = None, **parameters: Value) -> bytes:
        """Rows as JSONEachRow lines. With `settings`, `sql` has no SETTINGS of its own.

        Times come in UTC, 64-bit numbers as numbers.
        """

    def stream(
        self, sql: str, /, form: str = "JSONEachRow", settings: Settings | None = None, **parameters: Value
    ) -> AsyncIterator[bytes]:
        """Rows in the output format `form` (`Parquet`, `JSONEachRow`), piece by piece, however many there are."""

    async def command(self, sql: str, /, settings: Settings | None = None, **parameters: Value) -> None:
        """Return when a statement that changes something is through, however long that takes; inserts wait for it."""

    async def health(self) -> Health:
        """Return what the database says of itself now."""
