"""The four metrics of a program and of all the processes it starts, in one small file.

Each process appends a slot of its own to the file and writes to that alone, so that no process ever waits for another.
The slot of a process that ended stays: a counter does not go back. Prometheus' own client can share numbers between
processes too, but only by an environment variable that would change what the program itself exports by that client.
"""

import atexit
import os
import stat
import struct
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from arc_runtime.metrics._counts import BUCKETS_MS

__all__ = ["Family", "Totals"]

_PREFIX: Final = "arc-metrics-"
_TOKEN_BYTES: Final = 16
_NUMBERS: Final = 4 + len(BUCKETS_MS) + 1
_SLOT: Final = struct.Struct(f"={_TOKEN_BYTES}s{_NUMBERS}d")
_REQUESTS, _FIXES, _MATCHES, _SUM, _FIRST_BUCKET = range(5)


class Totals(NamedTuple):
    """What all processes counted together."""

    requests: float
    fixes: float
    matches: float
    latency_sum_ms: float
    latency_counts: tuple[float, ...]
    """By bucket of BUCKETS_MS, and one more for what is above; not cumulated."""


class Family:
    """The numbers of this process, and those of its family; safe to use from many threads and after a fork."""

    def __init__(self, path: Path | None) -> None:
        """Join those who share the file at `path`; found a family of one's own where that can't be, or is None.

        OSError when there is no place for a file.
        """
        self.joined = path is not None and _usable(path)
        self.path = path if self.joined and path is not None else _founded()
        # A worker that gives up its rights could not open them any more; and what is open for appending only appends.
        self._appending = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        self._file = os.open(self.path, os.O_RDWR)
        self.when_forked: Callable[[], None] | None = None
        """Called in each forked process when it counts its first call."""
        self._begin()
        os.register_at_fork(after_in_child=self._begin_in_child)

    def _begin(self) -> None:
        # Reentrant: a garbage collection inside may end a stream, and that counts.
        self._lock = threading.RLock()
        self._token = os.urandom(_TOKEN_BYTES)
        self._numbers = [0.0] * _NUMBERS
        self._offset: int | None = None
        self._forked = False

    def _begin_in_child(self) -> None:
        self._begin()
        self._forked = True

    def matched(self, entries: int) -> None:
        """So many entries matched one request."""
        with self._lock:
            self._numbers[_MATCHES] += entries

    def landed(self, fixes: int, held_up_ms: float) -> None:
        """A call ended: so many entries changed it, and so long Arc took of it."""
        if self._forked and self.when_forked is not None:
            self._forked = False
            self.when_forked()
        above = next((n for n, limit in enumerate(BUCKETS_MS) if held_up_ms <= limit), len(BUCKETS_MS))
        with self._lock:
            self._numbers[_REQUESTS] += 1
            self._numbers[_FIXES] += fixes
            self._numbers[_SUM] += held_up_ms
            self._numbers[_FIRST_BUCKET + above] += 1
            self._write()

    def totals(self) -> Totals:
        """The sum over all processes, as they last wrote it."""
        slots = [numbers for _, *numbers in _SLOT.iter_unpack(self._whole_slots())]
        sums = [sum(column) for column in zip(*slots, strict=True)] or [0.0] * _NUMBERS
        return Totals(sums[_REQUESTS], sums[_FIXES], sums[_MATCHES], sums[_SUM], tuple(sums[_FIRST_BUCKET:]))

    def _write(self) -> None:
        slot = _SLOT.pack(self._token, *self._numbers)
        if self._offset is None:
            os.write(self._appending, slot)
            held = self._whole_slots()
            mine = range(0, len(held), _SLOT.size)
            self._offset = next(at for at in mine if held.startswith(self._token, at))
        else:
            os.pwrite(self._file, slot, self._offset)

    def _whole_slots(self) -> bytes:
        held = os.pread(self._file, os.fstat(self._file).st_size, 0)
        return held[: len(held) // _SLOT.size * _SLOT.size]


def _usable(path: Path) -> bool:
    """Whether `path` is a file that this user's processes share, and nothing that the environment was made to name."""
    try:
        found = path.lstat()
    except OSError:
        return False
    regular = stat.S_ISREG(found.st_mode) and path.name.startswith(_PREFIX)
    return regular and found.st_uid == os.geteuid() and os.access(path, os.R_OK | os.W_OK)


def _founded() -> Path:
    """A new file, which this process removes at its end; in memory where no folder can be written to."""
    try:
        handle, name = tempfile.mkstemp(prefix=_PREFIX)
    except OSError:
        if not hasattr(os, "memfd_create"):
            raise
        # Processes that are forked find it by the same number; those that are started anew do not.
        return Path(f"/proc/self/fd/{os.memfd_create(_PREFIX)}")
    os.close(handle)
    atexit.register(_remove, Path(name), os.getpid())
    return Path(name)


def _remove(path: Path, founder: int) -> None:
    if os.getpid() == founder:
        with suppress(OSError):
            path.unlink()
