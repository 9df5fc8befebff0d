"""CPU time of calls, taken in turns, so that what disturbs the machine disturbs all subjects alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

WARM = 2
"""Calls before each block that are not measured: patches were just changed, and caches are cold."""


class Variant(NamedTuple):
    """One of the ways to make the same call."""

    name: str
    state: Callable[[], AbstractContextManager[object]]
    """What is in force for the length of a block."""
    block: Callable[[int], Sequence[float]]
    """Makes so many calls; the thread CPU nanoseconds of each part of a call, added up."""
    flush: Callable[[], object]
    """Has done what was put off."""


def call_block(call: Callable[[], object]) -> Callable[[int], Sequence[float]]:
    """A block of calls with one part: the call."""

    def block(repeat: int) -> Sequence[float]:
        begin = time.thread_time_ns()
        for _ in range(repeat):
            call()
        return (time.thread_time_ns() - begin,)

    return block


def take_turns(variants: Sequence[Variant], rounds: int, repeat: int) -> dict[str, list[float]]:
    """Microseconds a call by variant: thread CPU of each part, and last process CPU with what was put off.

    Each is the tenth percentile over the rounds: what it costs when nobody disturbs.
    """
    times: dict[str, list[list[float]]] = {one.name: [] for one in variants}
    for turn in range(rounds):
        for place in range(len(variants)):
            one = variants[(turn + place) % len(variants)]
            with one.state():
                one.block(min(WARM, repeat))
                one.flush()
                begin = time.process_time_ns()
                parts = one.block(repeat)
                one.flush()
                spent = time.process_time_ns() - begin
            times[one.name].append([part / repeat / 1000 for part in (*parts, spent)])
    return {name: [tenth(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}


def tenth(values: Sequence[float]) -> float:
    """The tenth percentile."""
    return statistics.quantiles(values, n=10, method="inclusive")[0]
