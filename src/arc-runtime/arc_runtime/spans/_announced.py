"""A model call that a framework says is about to come, so that it is told once: by whoever sees it on the wire.

A framework's callbacks see a model call before the client makes it, and cannot know whether a plugin follows that
client. So they announce it. A plugin that opens the span of a call takes the announcement that is current, and hangs
its span where that says; one that nobody took is told by the callbacks when the call has ended.
"""

from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context

__all__ = ["Announced", "announced"]


class Announced:
    """One model call that is to come; current in this context until it is `over`."""

    __slots__ = ("_open", "_outer", "taken", "within")

    def __init__(self, within: Context | None) -> None:
        self.within: Context | None = within
        """Where the span on the wire belongs; None is the ambient context."""
        self.taken: bool = False
        """Whether somebody on the wire tells of it."""
        self._open = True
        self._outer = announced()
        _CURRENT.set(self)

    def take(self) -> None:
        """A span on the wire tells of this call, and of those that led to it."""
        one: Announced | None = self
        while one is not None:  # a model that calls another, or one of several that are asked together
            one.taken = True
            one = one._outer  # noqa: SLF001 - of this class

    def over(self) -> None:
        """It has begun to answer, or ended: what comes now is another call."""
        self._open = False
        # In another context than the one it was announced in, somebody else's may be current: that one stays.
        if _CURRENT.get() is self:
            _CURRENT.set(announced())


_CURRENT: Final[ContextVar[Announced | None]] = ContextVar("arc_announced", default=None)


def announced() -> Announced | None:
    """The model call that was announced and has not begun yet; None where none was."""
    current = _CURRENT.get()
    while current is not None and not current._open:  # noqa: SLF001 - of this module
        current = current._outer  # noqa: SLF001
    return current
