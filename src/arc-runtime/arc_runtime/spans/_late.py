"""Attributes and links of a span that has ended, some of which are only worked out when somebody reads them.

Cleaning, encoding and redacting what a span says costs more than the span itself. Who reads it pays: the exporter, on
its own thread. There is no way to read what is late that goes round that work, whichever processor, exporter or test
reads it; and nobody has to wait for it, as the span itself has ended.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Span
from opentelemetry.util.types import AnyValue, AttributeValue

from arc_runtime._stderr import LOGGER

__all__ = ["LateAttributes", "LateLinks", "complete"]

Work = Callable[[], Mapping[str, AttributeValue]]
Linking = Callable[[], Sequence[Link]]
Finish = Callable[[BoundedAttributes, Sequence[Link]], None]

_LEFT_OUT: Final = "what a span says could not be worked out; it was left out"


def complete(span: Span, work: Work, links: Linking | None = None) -> None:
    """Have `work` add attributes, and `links` add links, to `span`, which is about to end.

    At the first reading of either, or now where that can't be. They may run on any thread, and not at all when nobody
    reads the span. What they close over is held until then: it must be bounded, and nothing that the program may still
    change.
    """
    if not span.is_recording():
        return
    # Its own: a span that wraps another (Logfire's) shows that one's, and what is set on it the other never sees.
    held = getattr(span, "__dict__", {})
    attributes = held.get("_attributes")
    if type(attributes) is BoundedAttributes:
        late = LateAttributes(attributes, work)
        span._attributes = late  # type: ignore[attr-defined]  # noqa: SLF001 - see ADR 0010
        if links is not None:
            limits = held["_limits"]
            late.link(held["_links"], links, (limits.max_link_attributes, limits.max_attribute_length))
            span._links = LateLinks(late)  # type: ignore[attr-defined]  # noqa: SLF001
        return
    span.set_attributes(work())
    for link in links() if links is not None else ():
        span.add_link(link.context, link.attributes)


class LateAttributes(BoundedAttributes):
    """The attributes in `early`, and those of `work` once anything of them, or of late links beside them, is read."""

    _settled = _busy = False
    _finish: Finish | None = None
    _linking: Linking | None = None

    def __init__(self, early: BoundedAttributes, work: Work) -> None:
        # The base would start with an empty dict of its own; what it keeps is taken over from `early` instead.
        self.maxlen = early.maxlen
        self.max_value_len = early.max_value_len
        self._lock = threading.Lock()  # one of its own: `early` is worked on while somebody holds this one
        self._immutable = early._immutable  # noqa: SLF001
        self._early = early
        self._work = work
        self._settling = threading.RLock()

    def link(self, early: "BoundedList[Link]", work: Linking, most: tuple[int | None, int | None]) -> None:
        """Have `work` add links to those in `early`; `most` attributes a link, and `most` characters a value."""
        self._linking = work
        self._early_links = self.links = early
        self._most = most

    def finish(self, work: Finish) -> None:
        """Have `work` (which never raises) see everything before anybody does; a second one is not needed.

        It gets the attributes and the late links, as they are kept.
        """
        with self._settling:
            if self._settled:
                work(self._early, self._all_links())
            elif self._finish is None:
                self._finish = work

    @property
    def early(self) -> Mapping[str, AnyValue]:
        """Those that are there without any work; unredacted as yet."""
        return self._early._dict  # noqa: SLF001

    @property
    def _dict(self) -> dict[str, AnyValue]:  # type: ignore[override]
        # Who reads in the midst of the work, as a signal handler may, gets nothing rather than what is still raw.
        return self._early._dict if self._settled or self.settle() else {}  # noqa: SLF001

    @property
    def dropped(self) -> int:
        """How many attributes there was no room for."""
        if not self._settled:
            self.settle()
        return self._early.dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._early.dropped = count

    def settle(self) -> bool:
        """Work it out; False in the midst of that, where nothing can be read yet."""
        with self._settling:
            if self._settled or self._busy:  # another thread did it, or the work itself looks at what it adds to
                return self._settled
            self._busy = True
            try:
                try:
                    self._add(self._work())
                    if self._linking is not None:
                        self._add_links(self._linking())
                except Exception:  # noqa: BLE001 - the span goes on without what could not be told
                    LOGGER.warning(_LEFT_OUT, exc_info=True, extra={"cause": "late"})
                if self._finish is not None:
                    self._finish(self._early, self._all_links())
                self._work = _nothing
                self._linking = self._linking and tuple
                self._settled = True  # not before: whoever interrupts this reads nothing that is half done
            finally:
                self._busy = False
            return True

    def _all_links(self) -> Sequence[Link]:
        return self.links if self._linking is not None else ()

    def _add_links(self, late: Sequence[Link]) -> None:
        most, longest = self._most
        made = [Link(one.context, BoundedAttributes(most, one.attributes, max_value_len=longest)) for one in late]
        early = _inside(self._early_links)  # as they were, should an earlier attempt have been interrupted
        self.links = BoundedList.from_seq(early.maxlen, (*early, *made))

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


class LateLinks(BoundedList):  # type: ignore[type-arg]
    """All links of a span, some of which are worked out with the late attributes `beside` them."""

    def __init__(self, beside: LateAttributes) -> None:
        self._lock = threading.Lock()
        self._beside = beside

    @property
    def _dq(self) -> deque[Link]:
        return _inside(self._beside.links) if self._beside.settle() else deque()

    @property
    def dropped(self) -> int:
        """How many links there was no room for."""
        self._beside.settle()
        return self._beside.links.dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._beside.links.dropped = count


def _inside(links: "BoundedList[Link]") -> deque[Link]:
    held: deque[Link] = links._dq  # type: ignore[attr-defined]  # noqa: SLF001
    return held


def _nothing() -> Mapping[str, AttributeValue]:
    return {}
