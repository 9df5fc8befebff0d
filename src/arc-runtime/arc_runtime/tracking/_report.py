"""What stderr says of requests while they run and when they end."""

import sys
from typing import Final

import msgspec

from arc_runtime.console import LiveText, Step, Summary, clean, show, step_as_dict
from arc_runtime.settings import Console

__all__ = ["Reporter"]

_LIVE: Final = ("live", "json")


class Reporter:
    """Writes to the stderr there is at that moment, a line or a summary in one piece.

    A stderr that is closed or gone is none of the program's failures, and nobody is left to tell.
    """

    def __init__(self, mode: Console) -> None:
        self.mode: Console = mode

    @property
    def live(self) -> bool:
        """Whether what goes on is told while it does."""
        return self.mode in _LIVE

    def started(self, request_id: str, entrypoint: str) -> None:
        """A request began."""
        if self.mode == "live":
            _write(LiveText.started(request_id, entrypoint))
        elif self.mode == "json":
            _write_event("request_started", request_id=request_id, entrypoint=clean(entrypoint))

    def node_started(self, request_id: str, step: Step) -> None:
        """A node of it began."""
        if self.mode == "live":
            _write(LiveText.node_started(request_id, step))
        elif self.mode == "json":
            _write_event("node_started", request_id=request_id, **step_as_dict(step))

    def node_ended(self, request_id: str, step: Step) -> None:
        """A node of it ended."""
        if self.mode == "live":
            _write(LiveText.node_ended(request_id, step))
        elif self.mode == "json":
            _write_event("node_ended", request_id=request_id, **step_as_dict(step))

    def ended(self, summary: Summary, *, outermost: bool) -> None:
        """It ended; its summary is told unless it is part of another request."""
        if self.mode == "live":
            _write(LiveText.ended(summary) + ("\n" if outermost else ""))
        if outermost and self.mode != "off":
            stderr = sys.stderr
            if stderr is not None and not stderr.closed:
                show(summary, stderr, "json" if self.mode == "json" else None)


def _write_event(event: str, **told: object) -> None:
    _write(msgspec.json.encode({"event": event, **told}).decode() + "\n")


def _write(text: str) -> None:
    stderr = sys.stderr
    if stderr is not None and not stderr.closed:
        stderr.write(text)
        stderr.flush()
