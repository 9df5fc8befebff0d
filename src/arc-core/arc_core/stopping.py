"""Stopping the Arc Core of this user that runs."""

import os
import signal
import time
from pathlib import Path
from typing import Final

from arc_semconv.running import NoteError, RunningCore, is_held, read_note

from arc_core.errors import ArcCoreError, NotRunningError

_SECONDS: Final = 30.0
"""More than it takes to drain."""


def stop_core(note: Path) -> RunningCore:
    """The Arc Core that says in `note` that it is up, once it has ended; all that it acknowledged is then on disk.

    Raise NotRunningError when there is none, ArcCoreError when it cannot be stopped.
    """
    try:
        running = read_note(note)
    except NoteError as error:
        raise ArcCoreError(str(error)) from None
    if running is None:
        raise NotRunningError("no Arc Core of yours runs on this machine")
    try:
        os.kill(running.pid, signal.SIGTERM)
        until = time.monotonic() + _SECONDS
        while is_held(note):
            if time.monotonic() > until:
                raise ArcCoreError(f"Arc Core with process id {running.pid} did not end within {_SECONDS:.0f} s")
            time.sleep(0.05)
    except OSError as error:
        raise ArcCoreError(f"Arc Core with process id {running.pid} cannot be stopped: {error.strerror}") from None
    return running
