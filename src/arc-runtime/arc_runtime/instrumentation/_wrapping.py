"""Putting a wrapper where calls pass it, whoever else wraps the same function, and putting it back when it is lost.

Others set a function aside when they instrument and set it back when they stop. Where they did the first before Arc
came, the second takes Arc's wrapper off; and what they set on a subclass hides what Arc wraps on its base.
"""

from collections.abc import Callable, Iterator
from types import CellType
from typing import Any, Final

import wrapt

__all__ = ["Place"]

_LONGEST: Final = 32


class Place:
    """The method `name` of the class `owner`, and of those subclasses on which somebody has set it."""

    def __init__(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        self._owner = owner
        self._name = name
        self._wrapper = wrapper
        self._original = _innermost(vars(owner).get(name) or getattr(owner, name))

    def fill(self) -> None:
        """Put the wrapper where a call does not pass it; nothing changes where it is already."""
        for kind in _family(self._owner):
            found = vars(kind).get(self._name)
            if found is None:
                if kind is self._owner:
                    wrapt.wrap_function_wrapper(kind, self._name, self._wrapper)
            elif not self._is_in(found):
                self._fill(kind, found)

    def holds(self, instance: object) -> bool:
        """Whether calls of `instance` come by here."""
        return isinstance(self._owner, type) and isinstance(instance, self._owner)

    def _is_in(self, found: object) -> bool:
        return any(getattr(link, "_self_wrapper", None) is self._wrapper for link in _chain(found))

    def _fill(self, kind: Any, found: object) -> None:
        *outer, last = _chain(found)
        if kind is not self._owner and last is not self._original:
            return  # a method of its own, which calls the original through its base
        ours = wrapt.FunctionWrapper(last, self._wrapper)
        # Beneath the others where they allow it: what they record is then around Arc's call, and seen from inside.
        if not outer or not _put_inside(kind, outer[-1], last, ours):
            wrapt.wrap_function_wrapper(kind, self._name, self._wrapper)
        for name, value in list(vars(kind).items()):
            if value is last:  # set aside, to be set back one day
                setattr(kind, name, ours)


def _put_inside(kind: Any, outer: Any, inner: object, new: Any) -> bool:
    """Have `outer`, a wrapper on the class `kind`, call `new` in place of `inner`; False when there is no way to."""
    if hasattr(outer, "_self_wrapper"):
        outer.__wrapped__ = new
        return True
    for cell in getattr(outer, "__closure__", None) or ():
        if _held(cell) is inner:
            # As the class hands it out: its first argument is the instance.
            cell.cell_contents = outer.__wrapped__ = new.__get__(None, kind)
            return True
    return False


def _held(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # an empty one
        return None


def _chain(found: Any) -> Iterator[Any]:
    """`found`, what it wraps, and so on inwards."""
    for _ in range(_LONGEST):
        yield found
        try:
            found = found.__wrapped__
        except AttributeError:
            return


def _innermost(found: object) -> object:
    *_, last = _chain(found)
    return last


def _family(owner: Any) -> Iterator[Any]:
    yield owner
    for kind in type.__subclasses__(owner):
        yield from _family(kind)
