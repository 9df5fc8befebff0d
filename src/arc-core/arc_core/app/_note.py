"""Saying in a file that this Arc Core is up, so that the user's other commands find it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from arc_semconv.running import RunningCore

from arc_core.app._endpoints import Endpoints
from arc_core.settings import Settings

_TRIES: Final = 10
"""Whoever looks at the note holds its lock for a moment."""


@contextmanager
def noted(settings: Settings, endpoints: Endpoints) -> Iterator[None]:
    """Keep the note of `settings` while the block runs, unless another Arc Core has it or it cannot be written."""
    file = None if settings.note is None else _held(settings.note)
    try:
        if file is not None:
            os.ftruncate(file, 0)
            os.write(file, msgspec.json.encode(_about(settings, endpoints)))
        yield
    finally:
        if file is not None:
            # The lock stays until the process has ended: `arc core --stop` waits for that.
            os.ftruncate(file, 0)


def _about(settings: Settings, endpoints: Endpoints) -> RunningCore:
    return RunningCore(
        pid=os.getpid(),
        http=endpoints.http,
        grpc=endpoints.grpc,
        data=str(endpoints.data),
        keyed=settings.api_key is not None,
    )


def _held(path: Path) -> int | None:
    """The file, locked; None where that cannot be: then nobody finds this Arc Core, and it runs all the same."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)
        else:
            return file
    os.close(file)
    return None
