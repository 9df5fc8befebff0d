"""What became of the spans and log records of this process, in numbers."""

import os
import threading
from dataclasses import asdict, dataclass

__all__ = ["Counters", "Tally", "counters"]


@dataclass(frozen=True)
class Tally:
    """Spans, log records and data points, summed up since this process began."""

    delivered: int = 0
    """Acknowledged by the endpoint at the first try; those rejected one by one are among them."""
    rejected: int = 0
    """Refused one by one in an answer that was otherwise a yes: `partial_success` of OTLP."""
    spooled: int = 0
    """Written to the spool, since the endpoint was away."""
    resent: int = 0
    """Acknowledged out of the spool, also what another process had left there."""
    dropped: int = 0
    """Lost: refused for good, pushed out of a full spool, or there was no room to keep them."""


class Counters:
    """A tally that threads add to; a forked child begins at zero."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._tally = Tally()

    def add(self, **more: int) -> None:
        """Count; names are the fields of Tally."""
        with self._lock:
            self._tally = Tally(**{name: value + more.get(name, 0) for name, value in asdict(self._tally).items()})

    def now(self) -> Tally:
        """The numbers as they stand."""
        return self._tally


counters = Counters()
"""Those of this process."""
