"""A store and its registry as one stream, taken while Arc Core runs or not."""

import asyncio
import hashlib
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import AsyncGenerator
from importlib.metadata import version
from pathlib import Path

import msgspec

from arc_core.errors import ArcCoreError
from arc_core.operations._archive import FORMAT, HEADER, MANIFEST, REGISTRY, SUFFIX, Entry, Header, Manifest
from arc_core.operations._copy import TABLES, columns_of, pieces_of
from arc_core.store import Database


async def archive(database: Database, registry: Path | None, now_ms: int) -> AsyncGenerator[bytes, None]:
    """The pieces of an archive of `database` and of the registry in the file `registry`, if there is one.

    Telemetry that comes while it runs may be left out; nothing is ever there in part. Raise StoreError when ClickHouse
    refuses.
    """
    tar = _Tar()
    columns = {table: found for table in TABLES if (found := await columns_of(database, table))}
    header = Header(FORMAT, version("arc-core"), now_ms, columns)
    yield await tar.add(HEADER, msgspec.json.encode(header))
    entries = []
    copy = None if registry is None else await asyncio.to_thread(_copied, registry)
    if copy is not None:
        entries.append(Entry(REGISTRY, 0, hashlib.sha256(copy).hexdigest()))
        yield await tar.add(REGISTRY, copy)
    for table, names in columns.items():
        async for piece in pieces_of(database, table, names, frozenset()):
            if piece.rows:
                name = piece.id + SUFFIX
                entries.append(Entry(name, piece.rows, hashlib.sha256(piece.body).hexdigest()))
                yield await tar.add(name, piece.body)
    yield await tar.add(MANIFEST, msgspec.json.encode(Manifest(entries))) + tar.end()


class _Tar:
    """Makes a gzipped tar, one file at a time."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(1, wbits=31)

    async def add(self, name: str, body: bytes) -> bytes:
        """Return what `name` adds to the stream."""
        info = tarfile.TarInfo(name)
        info.size = len(body)
        info.mode = 0o600
        padding = bytes(-len(body) % tarfile.BLOCKSIZE)
        whole = info.tobuf(tarfile.USTAR_FORMAT) + body + padding
        return await asyncio.to_thread(lambda: self._gzip.compress(whole) + self._gzip.flush(zlib.Z_SYNC_FLUSH))

    def end(self) -> bytes:
        """Return the last bytes of the stream."""
        return self._gzip.compress(bytes(2 * tarfile.BLOCKSIZE)) + self._gzip.flush()


def _copied(registry: Path) -> bytes | None:
    """The registry as it is at one moment, though others write to it; None when there is none."""
    if not registry.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / REGISTRY
        try:
            source, target = sqlite3.connect(registry), sqlite3.connect(copy)
            try:
                source.backup(target)
            finally:
                source.close()
                target.close()
        except sqlite3.Error as error:
            raise ArcCoreError(f"the registry {registry} cannot be copied: {error}") from error
        return copy.read_bytes()
