"""How long the end of the program may still be held up."""

import time
from typing import Final

__all__ = ["ExitClock"]

_GIVEN_UP_SECONDS: Final = 30.0
"""A program that is still there so long after its end is one that shut its provider down and went on."""


class ExitClock:
    """Runs once the program ends; every signal's exports share its `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    @property
    def running(self) -> bool:
        """Whether the program ends."""
        return self._until is not None and time.monotonic() < self._until + _GIVEN_UP_SECONDS

    def begin(self) -> None:
        """Start it; the second one of those who say so changes nothing."""
        if not self.running:
            self._until = time.monotonic() + self._seconds

    def stop(self) -> None:
        """The program goes on."""
        self._until = None

    def remaining(self, usual: float) -> float:
        """Seconds that something may take which otherwise takes `usual` at most."""
        if self._until is None or not self.running:
            return usual
        return max(0.0, min(usual, self._until - time.monotonic()))
