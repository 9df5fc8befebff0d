"""Which failures inside a pipeline are one: an error counts where it began, not again in each span that it leaves.

A span inside of a pipeline has a seat, which knows the seat above and the errors that left what is below. Seats are
kept beside the spans: most spans of a program that samples record nothing, and have room for nothing.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from opentelemetry.trace import Span

__all__ = ["agent_of", "fell", "passed_on", "seat"]

_MOST_MARKS: Final = 64
_LONGEST_CHAIN: Final = 16

Mark = tuple[int, type, object, int]


class _Seat(NamedTuple):
    above: Span
    agent: str | None
    failed: Callable[[], None] | None
    marks: deque[Mark]


# Values hold no error, whose frames may hold the span, nor anything else that leads to it: it would live for ever.
_SEATS: Final["weakref.WeakKeyDictionary[Span, _Seat]"] = weakref.WeakKeyDictionary()


def seat(span: Span, above: Span, agent: str | None, failed: Callable[[], None] | None = None) -> None:
    """Give `span` its seat below `above`, as part of the turn of `agent`.

    `failed` is called when it fails by itself; a span without it lets errors pass by.
    """
    with suppress(TypeError):  # another library's span that can't be referred to weakly
        _SEATS[span] = _Seat(above, agent, failed, deque(maxlen=_MOST_MARKS))


def agent_of(span: Span) -> str | None:
    """The agent in whose turn `span` was opened, also where it is not recorded; None outside of pipelines."""
    found = _seat_of(span)
    return found.agent if found is not None else None


def fell(span: Span, error: BaseException) -> None:
    """`span` ended in `error`."""
    found = _seat_of(span)
    if found is None:
        return
    if found.failed is not None and not any(_mark(one) in found.marks for one in _chain(error)):
        found.failed()
    passed_on(found.above, error)


def passed_on(above: Span, error: BaseException) -> None:
    """`error`, which is counted, left something below `above`."""
    mark = _mark(error)
    found = _seat_of(above)
    while found is not None:
        found.marks.append(mark)
        found = _seat_of(found.above) if found.failed is None else None


def _seat_of(span: Span) -> _Seat | None:
    try:
        return _SEATS.get(span)
    except TypeError:  # as above
        return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it was raised from, and so on."""
    one: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__


def _mark(error: BaseException) -> Mark:
    """What tells it from others; its id alone may by then be that of another error."""
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return id(error), type(error), None, 0
    return id(error), type(error), innermost.tb_frame.f_code, innermost.tb_lasti
