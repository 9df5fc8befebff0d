"""Encoded batches on disk that wait for their endpoint.

One folder an endpoint and its credentials, so that nothing meant for one is ever sent to another, nor to another tenant
of the same one. A batch is a file: a line of what is in it, then the bytes of the OTLP request. Its name says when it
was written, so names in order are batches in order, and how many items it holds.
"""

import hashlib
import itertools
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from arc_runtime._stderr import LOGGER

if sys.platform != "win32":
    import fcntl

__all__ = ["Batch", "Spool"]

_SUFFIX: Final = ".otlp"
_UNFINISHED: Final = ".tmp"
_STALE_SECONDS: Final = 60
_LOCK_SECONDS: Final = 1.0


class Batch(NamedTuple):
    """One that waits."""

    path: Path
    items: int
    """Spans or log records in it."""
    payload: bytes


class Spool:
    """The batches for one endpoint, in a folder below `root`, which bounds them all together to `limit_bytes`."""

    _numbers = itertools.count()

    def __init__(self, root: Path, identity: str, limit_bytes: int) -> None:
        self._root = root
        self._limit = limit_bytes
        self.folder = root / hashlib.sha256(identity.encode()).hexdigest()[:24]

    @property
    def root(self) -> Path:
        """The folder of all endpoints."""
        return self._root

    def put(self, payload: bytes, items: int) -> tuple[Path, int]:
        """The file that now holds the batch, and how many older items had to go for it; OSError when it can't be."""
        self._prepare()
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers)}-{items}"
        unfinished, path = self.folder / (name + _UNFINISHED), self.folder / (name + _SUFFIX)
        content = b"arc-spool 1 %08x\n" % zlib.crc32(payload) + payload
        if len(content) > self._limit:
            raise OSError(f"a batch of {len(content)} bytes is larger than the whole spool")
        try:
            _write(unfinished, content)
            with _locked(self._root / "lock", _LOCK_SECONDS):
                evicted = self._make_room(keep=unfinished)
                unfinished.rename(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _sync(self.folder)
        return path, evicted

    def waiting(self) -> list[Path]:
        """The files there are, oldest first; none when there is no folder yet, or it can't be read."""
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == _SUFFIX)
        except OSError:
            return []

    def read(self, path: Path) -> Batch | None:
        """What `path` holds; None when it is gone or damaged, and then it is removed."""
        try:
            content = path.read_bytes()
        except OSError:
            return None
        head, _, payload = content.partition(b"\n")
        if head != b"arc-spool 1 %08x" % zlib.crc32(payload):
            LOGGER.warning("a damaged file in the spool was removed: %s", path, extra={"cause": "spool:damaged"})
            self.remove(path)
            return None
        return Batch(path, _items(path.name), payload)

    @staticmethod
    def remove(path: Path) -> None:
        """Forget a batch; also when another process was faster."""
        with suppress(OSError):
            path.unlink()

    @contextmanager
    def draining(self) -> Iterator[bool]:
        """Whether this process is the one that drains, for the length of the block; never waits."""
        with _locked(self.folder / "draining", 0) as locked:
            yield locked

    def _prepare(self) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        status = self.folder.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise NotADirectoryError(f"{self.folder} is a link")
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            raise PermissionError(f"{self.folder} belongs to another user")
        if status.st_mode & 0o077:
            self.folder.chmod(0o700)

    def _make_room(self, keep: Path) -> int:
        """How many items were lost: the oldest of all endpoints go first, and what a crash left unfinished."""
        found = [entry for entry in _files(self._root) if entry.path != keep]
        excess = sum(entry.size for entry in found) + keep.stat().st_size - self._limit
        lost = 0
        for entry in sorted(found, key=lambda entry: (entry.path.suffix != _UNFINISHED, entry.path.name)):
            stale = entry.path.suffix == _UNFINISHED and time.time() - entry.modified > _STALE_SECONDS
            if not stale and (excess <= 0 or entry.path.suffix == _UNFINISHED):
                continue
            self.remove(entry.path)
            excess -= entry.size
            lost += 0 if stale else _items(entry.path.name)
        return lost


class _File(NamedTuple):
    path: Path
    size: int
    modified: float


def _files(root: Path) -> Iterator[_File]:
    for path in root.glob("*/*"):
        if path.suffix in (_SUFFIX, _UNFINISHED):
            with suppress(OSError):
                status = path.stat()
                yield _File(path, status.st_size, status.st_mtime)


def _items(name: str) -> int:
    number = name.removesuffix(_SUFFIX).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    # A rename is on disk only when its folder is.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[bool]:
    """Whether `path` was locked within `seconds`; the lock ends with the block, or with the process."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        yield False
        return
    try:
        yield _lock(descriptor, time.monotonic() + seconds)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, until: float) -> bool:
    if sys.platform == "win32":  # two processes may send the same batch there; the backend keeps it once
        return True
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)
        else:
            return True
