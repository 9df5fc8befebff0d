"""Attributes of a span that has ended, some of which are only worked out when somebody reads them.

Cleaning, encoding and redacting what a span says costs more than the span itself. Who reads it pays: the exporter, on
its own thread. There is no way to read the attributes that goes round that work, whichever processor, exporter or test
reads them; and nobody has to wait for it, as the span itself has ended.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Span
from opentelemetry.util.types import AnyValue, AttributeValue

from arc_runtime._stderr import LOGGER

__all__ = ["LateAttributes", "complete"]

Work = Callable[[], Mapping[str, AttributeValue]]
Finish = Callable[[BoundedAttributes], None]

_LEFT_OUT: Final = "what a span says could not be worked out; it was left out"


def complete(span: Span, work: Work) -> None:
    """Have `work` add attributes to `span`, which is about to end: at the first reading, or now where that can't be.

    `work` may run on any thread, and not at all when nobody reads the span. What it closes over is held until then: it
    must be bounded, and nothing that the program may still change.
    """
    # Its own: a span that wraps another (Logfire's) shows that one's, and what is set on it the other never sees.
    held = getattr(span, "__dict__", {}).get("_attributes")
    if type(held) is BoundedAttributes and span.is_recording():
        span._attributes = LateAttributes(held, work)  # type: ignore[attr-defined]  # noqa: SLF001 - see ADR 0010
    else:
        span.set_attributes(work())


class LateAttributes(BoundedAttributes):
    """The attributes in `early`, and those of `work` once anything of them is read."""

    def __init__(self, early: BoundedAttributes, work: Work) -> None:
        # The base would start with an empty dict of its own; what it keeps is taken over from `early` instead.
        self.maxlen = early.maxlen
        self.max_value_len = early.max_value_len
        self._lock = threading.Lock()  # one of its own: `early` is worked on while somebody holds this one
        self._immutable = early._immutable  # noqa: SLF001
        self._early = early
        self._work = work
        self._finish: Finish | None = None
        self._settled = self._busy = False
        self._settling = threading.RLock()

    def finish(self, work: Finish) -> None:
        """Have `work` (which never raises) see everything before anybody does; a second one is not needed."""
        with self._settling:
            if self._settled:
                work(self._early)
            elif self._finish is None:
                self._finish = work

    @property
    def _dict(self) -> dict[str, AnyValue]:  # type: ignore[override]
        if not self._settled:
            self._settle()
        # Who reads in the midst of the work, as a signal handler may, gets nothing rather than what is still raw.
        return self._early._dict if self._settled else {}  # noqa: SLF001

    @property
    def dropped(self) -> int:
        """How many attributes there was no room for."""
        if not self._settled:
            self._settle()
        return self._early.dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._early.dropped = count

    def _settle(self) -> None:
        with self._settling:
            if self._settled or self._busy:  # another thread did it, or the work itself looks at what it adds to
                return
            self._busy = True
            try:
                try:
                    self._add(self._work())
                except Exception:  # noqa: BLE001 - the span goes on without what could not be told
                    LOGGER.warning(_LEFT_OUT, exc_info=True, extra={"cause": "late"})
                if self._finish is not None:
                    self._finish(self._early)
                self._work = _nothing
                self._settled = True  # not before: whoever interrupts this reads nothing that is half done
            finally:
                self._busy = False

    def _add(self, late: Mapping[str, AttributeValue]) -> None:
        early = self._early
        values = early._dict  # noqa: SLF001
        if early.max_value_len is None and (early.maxlen is None or len(values) + len(late) <= early.maxlen):
            values.update(late)
            return
        early._immutable = False  # noqa: SLF001 - the span froze them when it ended
        try:
            early._set_items(late)  # noqa: SLF001
        finally:
            early._immutable = True  # noqa: SLF001


def _nothing() -> Mapping[str, AttributeValue]:
    return {}
