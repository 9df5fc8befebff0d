"""A store from an archive."""

import hashlib
import os
import tarfile
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from arc_core.errors import ArcCoreError, UsageError
from arc_core.operations._archive import FORMAT, HEADER, MANIFEST, REGISTRY, SUFFIX, Entry, Header, Manifest
from arc_core.operations._copy import TABLES, columns_of, quoted
from arc_core.settings import REGISTRY_FILE
from arc_core.store import Database

T = TypeVar("T")


async def restore(file: BinaryIO, database: Database, folder: Path) -> int:
    """Put the archive in `file` into `database`, which is empty, and its registry into `folder`; the number of rows.

    Raise ArcCoreError when the archive is damaged or not whole: what was put in by then is of no use.
    """
    try:
        with tarfile.open(fileobj=file, mode="r|gz") as tar:
            return await _restored(tar, database, folder)
    except (tarfile.TarError, EOFError, OSError, msgspec.MsgspecError) as error:
        raise ArcCoreError(f"the backup is damaged or not whole: {error}") from error


async def _restored(tar: tarfile.TarFile, database: Database, folder: Path) -> int:
    header: Header | None = None
    seen: list[Entry] = []
    for member in tar:
        stream = tar.extractfile(member)
        body = b"" if stream is None else stream.read()
        if len(body) != member.size:
            raise ArcCoreError(f"the backup is not whole: it ends in {member.name}")
        if member.name == MANIFEST:
            return _checked(msgspec.json.decode(body, type=Manifest), seen)
        if header is None:
            header = _header(member.name, body)
        elif member.name == REGISTRY:
            _write(folder / REGISTRY_FILE, body)
            seen.append(Entry(member.name, 0, hashlib.sha256(body).hexdigest()))
        else:
            await _insert(database, member.name, header, body)
            seen.append(Entry(member.name, 0, hashlib.sha256(body).hexdigest()))
    raise ArcCoreError("the backup is not whole: its end is missing")


def _header(name: str, body: bytes) -> Header:
    if name != HEADER:
        raise ArcCoreError("this is no backup of Arc Core")
    header = msgspec.json.decode(body, type=Header)
    if header.format > FORMAT:
        raise ArcCoreError(f"the backup is of arc-core {header.version}; install that or a newer one")
    return header


async def _insert(database: Database, name: str, header: Header, body: bytes) -> None:
    table = name.partition("/")[0]
    if table not in TABLES or table not in header.columns or not name.endswith(SUFFIX):
        raise ArcCoreError(f"the backup is damaged: nobody knows what {name[:100]!r} in it is")
    missing = set(header.columns[table]) - set(await columns_of(database, table))
    if missing:
        raise UsageError(f"the backup is of arc-core {header.version}, a newer one: it has {table}.{min(missing)}")
    listed = ", ".join(quoted(column) for column in header.columns[table])
    await database.insert(f"{table} ({listed})", [body], "Native")


def _checked(manifest: Manifest, seen: list[Entry]) -> int:
    """How many rows there were; raise ArcCoreError when something is missing or altered."""
    given = {entry.name: entry.sha256 for entry in seen}
    for entry in manifest.entries:
        if given.get(entry.name) != entry.sha256:
            raise ArcCoreError(f"the backup is damaged: {entry.name} is missing or was altered")
    if len(given) != len(manifest.entries):
        raise ArcCoreError("the backup is damaged: it has more in it than it says")
    return sum(entry.rows for entry in manifest.entries)


def _write(path: Path, body: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
