"""Work that goes on beside the program: one daemon thread for each, started again in a forked child."""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Background", "renew_lock_after_fork"]

_ALL: Final["weakref.WeakSet[Background]"] = weakref.WeakSet()

_OWNERS: Final["weakref.WeakSet[Any]"] = weakref.WeakSet()


class Background:
    """Calls `step` again and again; what it returns is the pause until the next time, in seconds."""

    def __init__(self, name: str, step: Callable[[], float], report: Callable[[Exception], None]) -> None:
        self._name = name
        self._step = step
        self._report = report
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; nothing happens where it has."""
        if self._thread is None:
            _ALL.add(self)
            self._begin()

    def stop(self) -> None:
        """Begin no further step."""
        self._stopped.set()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no room for a thread, or the interpreter ends
            self._report(error)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            try:
                pause = self._step()
            except Exception as error:  # noqa: BLE001 - whatever fails here, the program's calls go on
                self._report(error)
                pause = 30.0

    def after_fork(self) -> None:
        """In the child: the parent's thread is not here, and its locks may be held for good."""
        stopped = self._stopped.is_set()
        self._stopped = threading.Event()
        if not stopped:
            self._begin()


def renew_lock_after_fork(owner: Any) -> None:
    """Have `owner._lock` be a new one in a forked child: a thread that held the old one is not there to let it go."""
    _OWNERS.add(owner)


def _again() -> None:
    for owner in list(_OWNERS):
        owner._lock = threading.Lock()  # noqa: SLF001 - theirs, by agreement
    for one in list(_ALL):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_again)
