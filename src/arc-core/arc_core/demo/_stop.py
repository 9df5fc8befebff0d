"""Ctrl-C and its relatives as a question that is asked between two steps, so that nothing is left half closed."""

import signal
import time
from types import FrameType, TracebackType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):  # noqa: N818 - it is a wish and no error
    """The user asked to stop."""


class Stop:
    """Collects the wish to stop while the `with` block runs; only the main thread may enter it."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        # What the starter of this process ignores stays ignored: `nohup` and `&` do it on purpose.
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._ask) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pause(self, seconds: float) -> None:
        """Sleep; raise Stopped when the user asked to stop before or meanwhile."""
        time.sleep(0 if self.asked else seconds)
        if self.asked:
            raise Stopped

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
