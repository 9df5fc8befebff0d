"""Calls by gRPC and forks keep out of each other's way.

gRPC makes itself ready for a fork only where no thread is within a call: else it says so on stderr, and the child has
what other threads had in hand.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["calling"]

_FORK_SECONDS: Final = 0.5
"""How long a fork waits for the calls that are under way, and a call for a fork."""


class _State:
    """What one process knows."""

    def __init__(self) -> None:
        self.changed = threading.Condition()  # may be entered again: a signal handler may fork within a call
        self.under_way = 0
        self.forks = 0
        self.waited_in_vain = False
        """Whether a fork waited for one of the calls that are under way, and it took longer."""


class _Calls:
    def __init__(self) -> None:
        self._start_afresh()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._await_calls, after_in_parent=self._let_calls, after_in_child=self._start_afresh
            )

    def _start_afresh(self) -> None:
        self._state = _State()

    @contextmanager
    def calling(self) -> Iterator[None]:
        state = self._state
        with state.changed:
            state.changed.wait_for(lambda: not state.forks, _FORK_SECONDS)
            state.under_way += 1
        try:
            yield
        finally:
            with state.changed:
                state.under_way -= 1
                state.waited_in_vain = state.waited_in_vain and state.under_way > 0
                state.changed.notify_all()

    def _await_calls(self) -> None:
        state = self._state
        with state.changed:
            state.forks += 1
            if not state.waited_in_vain:  # else each fork of a host would be late while nobody answers
                state.waited_in_vain = not state.changed.wait_for(lambda: not state.under_way, _FORK_SECONDS)

    def _let_calls(self) -> None:
        state = self._state
        with state.changed:
            state.forks -= 1
            state.changed.notify_all()


calling: Final = _Calls().calling
"""A context manager for one call by gRPC: it begins when no fork is under way, and a fork waits for its end.

Both wait for half a second at most, and forks only once for a call that takes longer.
"""
