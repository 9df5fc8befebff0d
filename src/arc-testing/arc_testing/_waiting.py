"""Waiting for something that happens elsewhere."""

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["eventually"]

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within_seconds: float = 10.0) -> T:
    """The first true value that `look` gives; AssertionError when there is none in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_seconds} s: {look}"
        time.sleep(0.02)
