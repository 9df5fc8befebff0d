"""What work leaves behind in this process."""

import gc
import itertools
import os
import statistics
import sys
from collections.abc import Callable, Sequence


def growth(work: Callable[[], object], flush: Callable[[], object], *, steps: int, each: int) -> dict[str, float]:
    """Growth for each thousand of `steps` times `each` calls of `work`, after some that are not counted.

    That of resident memory in KB (median slope), of objects the collector knows, and of blocks of Python's allocator.
    """
    _marks(work, flush, max(2, steps // 4), each)
    before = _held()
    marks = _marks(work, flush, steps, each)
    after = _held()
    thousands = steps * each / 1000
    objects, blocks = ((late - early) / thousands for late, early in zip(after, before, strict=True))
    return {"kb": _slope(marks) * 1000 / each, "objects": objects, "blocks": blocks, "calls": steps * each}


def _marks(work: Callable[[], object], flush: Callable[[], object], steps: int, each: int) -> list[float]:
    """Resident KB after each step."""
    marks = []
    for _ in range(steps):
        for _ in range(each):
            work()
        flush()
        gc.collect()
        marks.append(resident_kb())
    return marks


def _held() -> tuple[int, int]:
    return len(gc.get_objects()), sys.getallocatedblocks()


def resident_kb() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib would show in the figure
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def _slope(values: Sequence[float]) -> float:
    """Growth a step: the median of all pairs' slopes, which one jump of the allocator does not bend (Theil-Sen)."""
    pairs = itertools.combinations(enumerate(values), 2)
    return statistics.median((later - earlier) / (end - begin) for (begin, earlier), (end, later) in pairs)
