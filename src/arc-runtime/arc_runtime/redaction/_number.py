"""What is known of one kind of number that a state gives out."""

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Number"]


class Number(NamedTuple):
    """One kind of number, of digits only."""

    type: str
    """What its placeholder says."""
    lengths: tuple[int, ...]
    """How many digits it has."""
    shapes: tuple[tuple[int, ...], ...]
    """In what groups its authority writes it."""
    check: Callable[[str], bool]
    """Whether its digits are right."""
    bits: float
    """How much the check proves."""
    source: str
    """Who publishes the form, and where."""
