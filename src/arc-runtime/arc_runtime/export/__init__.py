"""Where telemetry goes, that none of it is lost on the way, and how long it may hold up the end of the program."""

from arc_runtime.export._counters import Counters, Tally, counters
from arc_runtime.export._ending import flush, flush_at_every_end
from arc_runtime.export._exporters import Exports
from arc_runtime.export._plan import Destination, Plan, destination, plan

__all__ = [
    "Counters",
    "Destination",
    "Exports",
    "Plan",
    "Tally",
    "counters",
    "destination",
    "flush",
    "flush_at_every_end",
    "plan",
]
