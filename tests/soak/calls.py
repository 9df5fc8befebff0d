"""Twenty thousand calls of every kind of ending: nothing grows, nothing stays open, every call is one span."""

import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from arc_testing import eventually
from arc_testing._core import running_core
from listing import count_of, environment
from verdicts import Verdicts

PROGRAM = Path(__file__).parent / "programs" / "calls.py"
INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")
WARM = 2
"""Thousands of calls before growth counts."""
GROWTH_KB = 1.0
"""Most that a thousand calls may leave allocated, over the same program without Arc, in KB."""
RESIDENT = 0.05
"""Growth of the resident memory that is more than the allocator's swings."""
GROWTH_OBJECTS = 40.0
"""The number of live objects swings by hundreds; were one object left by one kind of ending, it would grow by 80."""


def growth(values: Sequence[float]) -> float:
    """Growth a step: the median slope of all pairs, which one jump of the allocator does not bend (Theil-Sen)."""
    pairs = itertools.combinations(enumerate(values), 2)
    return statistics.median((later - earlier) / (end - begin) for (begin, earlier), (end, later) in pairs)


def _lines(command: Sequence[object], env: dict[str, str], verdicts: Verdicts) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(list(map(str, command)), env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        for line in program.stdout:
            yield json.loads(line)
            verdicts.say(line.strip())
    verdicts.claim("the program ends as without Arc", holds=program.returncode == 0, figure=program.returncode)


def run(minutes: float, folder: Path) -> int:
    """How many claims fail; 20,000 calls, or more in so many minutes."""
    verdicts = Verdicts("calls")
    total = max(20, round(8 * minutes)) * 1000
    with running_core(folder / "calls") as core:
        env = environment(core.url, "soak", folder / "spool-calls")
        env["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
        # What the allocator keeps of the system's memory swings by megabytes; what is allocated is exact.
        env["PYTHONTRACEMALLOC"] = "1"
        bare = list(_lines([sys.executable, PROGRAM, 10_000], env, verdicts))
        seen = list(_lines([INSTRUMENT, sys.executable, PROGRAM, total], env, verdicts))
        arrived = eventually(lambda: (n := count_of(core, "soak")[0]) >= total and n, within_seconds=60)
    over = growth([one["kb"] for one in seen[WARM:]]) - growth([one["kb"] for one in bare[WARM:]])
    verdicts.claim(f"a thousand calls add less than {GROWTH_KB} KB", holds=over < GROWTH_KB, figure=f"{over:+.2f} KB")
    third = (len(seen) - WARM) // 3
    resident = [one["resident_kb"] for one in seen[WARM:]]
    more = statistics.median(resident[-third:]) / statistics.median(resident[:third]) - 1
    verdicts.claim(
        f"resident memory ends within {RESIDENT:.0%} of where it began", holds=more < RESIDENT, figure=f"{more:+.1%}"
    )
    objects = growth([one["objects"] for one in seen[WARM:]]) - growth([one["objects"] for one in bare[WARM:]])
    verdicts.claim(
        "no objects are left behind", holds=objects < GROWTH_OBJECTS, figure=f"{objects:+.2f} a thousand calls"
    )
    for what in ("live", "flights"):
        most = max(one[what] for one in seen)
        verdicts.claim(f"no span stays open ({what})", holds=most == 0, figure=most)
    verdicts.claim("every call is one span", holds=arrived == total, figure=f"{arrived:,} of {total:,}")
    return verdicts.failed
