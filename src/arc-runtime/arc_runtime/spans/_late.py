"""Attributes and links of a span that has ended, some of which are only worked out when somebody reads them.

Cleaning, encoding and redacting what a span says costs more than the span itself. Who reads it pays: the exporter, on
its own thread. There is no way to read what is late that goes round that work, whichever processor, exporter or test
reads it; and nobody has to wait for it, as the span itself has ended.
"""

import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Span
from opentelemetry.util.types import AnyValue, AttributeValue

from arc_runtime._stderr import LOGGER

__all__ = ["LateAttributes", "LateLinks", "complete"]

Work = Callable[[], Mapping[str, AttributeValue]]
Linking = Callable[[], Sequence[Link]]
Held = TypeVar("Held", BoundedAttributes, "BoundedList[Link]")

_LEFT_OUT: Final = "what a span says could not be worked out; it was left out"


def complete(span: Span, work: Work, links: Linking | None = None) -> None:
    """Have `work` add attributes, and `links` add links, to `span`, which is about to end.

    At the first reading, or now where that can't be. They may run on any thread, and not at all when nobody reads the
    span. What they close over is held until then: it must be bounded, and nothing that the program may still change.
    """
    # Its own: a span that wraps another (Logfire's) shows that one's, and what is set on it the other never sees.
    held = getattr(span, "__dict__", {})
    attributes = held.get("_attributes")
    if type(attributes) is not BoundedAttributes or not span.is_recording():
        span.set_attributes(work())
        for link in links() if links is not None else ():
            span.add_link(link.context, link.attributes)
        return
    span._attributes = LateAttributes(attributes, work)  # type: ignore[attr-defined]  # noqa: SLF001 - see ADR 0010
    if links is not None:
        limits = held["_limits"]
        span._links = LateLinks(  # type: ignore[attr-defined]  # noqa: SLF001
            held["_links"], links, (limits.max_link_attributes, limits.max_attribute_length)
        )


class _Late(Generic[Held]):
    """Something of a span, held in `_early`, that is worked out and then finished when anything of it is read."""

    _early: Held
    _finish: Callable[[Held], None] | None
    _settled: bool
    _busy: bool

    def _wait(self, early: Held) -> None:
        self._early = early
        self._finish = None
        self._settled = self._busy = False
        self._settling = threading.RLock()

    def finish(self, work: Callable[[Held], None]) -> None:
        """Have `work` (which never raises) see everything before anybody does; a second one is not needed."""
        with self._settling:
            if self._settled:
                work(self._early)
            elif self._finish is None:
                self._finish = work

    @property
    def dropped(self) -> int:
        """How many of them there was no room for."""
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
                    self._add()
                except Exception:  # noqa: BLE001 - the span goes on without what could not be told
                    LOGGER.warning(_LEFT_OUT, exc_info=True, extra={"cause": "late"})
                if self._finish is not None:
                    self._finish(self._early)
                self._forget()
                self._settled = True  # not before: whoever interrupts this reads nothing that is half done
            finally:
                self._busy = False

    @abstractmethod
    def _add(self) -> None:
        """Put into `_early` what is late; again, where that was interrupted."""

    @abstractmethod
    def _forget(self) -> None:
        """Let go of the work, which is done."""


class LateAttributes(_Late[BoundedAttributes], BoundedAttributes):
    """The attributes in `early`, and those of `work` once anything of them is read."""

    def __init__(self, early: BoundedAttributes, work: Work) -> None:
        # The base would start with an empty dict of its own; what it keeps is taken over from `early` instead.
        self.maxlen = early.maxlen
        self.max_value_len = early.max_value_len
        self._lock = threading.Lock()  # one of its own: `early` is worked on while somebody holds this one
        self._immutable = early._immutable  # noqa: SLF001
        self._work = work
        self._wait(early)

    @property
    def _dict(self) -> dict[str, AnyValue]:  # type: ignore[override]
        if not self._settled:
            self._settle()
        # Who reads in the midst of the work, as a signal handler may, gets nothing rather than what is still raw.
        return self._early._dict if self._settled else {}  # noqa: SLF001

    def _add(self) -> None:
        late, early = self._work(), self._early
        values = early._dict  # noqa: SLF001
        if early.max_value_len is None and (early.maxlen is None or len(values) + len(late) <= early.maxlen):
            values.update(late)
            return
        early._immutable = False  # noqa: SLF001 - the span froze them when it ended
        try:
            early._set_items(late)  # noqa: SLF001
        finally:
            early._immutable = True  # noqa: SLF001

    def _forget(self) -> None:
        self._work = _nothing


class LateLinks(_Late["BoundedList[Link]"], BoundedList):  # type: ignore[type-arg]
    """The links in `early`, and those of `work` once anything of them is read; `limits` are those of their attributes.

    `limits`: the most attributes of a link, and the longest value.
    """

    def __init__(self, early: "BoundedList[Link]", work: Linking, limits: tuple[int | None, int | None]) -> None:
        self._lock = threading.Lock()
        self._work = work
        self._limits = limits
        self._first = early
        self._wait(early)

    @property
    def _dq(self) -> deque[Link]:
        if not self._settled:
            self._settle()
        return _deque(self._early) if self._settled else deque()

    def _add(self) -> None:
        most, longest = self._limits
        late = [Link(one.context, BoundedAttributes(most, one.attributes, True, longest)) for one in self._work()]
        self._early = BoundedList.from_seq(_deque(self._first).maxlen, (*self._first, *late))

    def _forget(self) -> None:
        self._work = tuple


def _deque(links: "BoundedList[Link]") -> deque[Link]:
    inside: deque[Link] = links._dq  # type: ignore[attr-defined]  # noqa: SLF001
    return inside


def _nothing() -> Mapping[str, AttributeValue]:
    return {}
