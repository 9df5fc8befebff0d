"""What is asked of the store, one tenant at a time."""

from arc_core.reading._arrivals import Arrivals
from arc_core.reading._lists import Page, SpanRef, Traces
from arc_core.reading._rollups import Grouping, Rollups
from arc_core.reading._rows import (
    AgentRow,
    CostRow,
    FailureRow,
    ModelRow,
    SessionRow,
    SpanLine,
    StatPoint,
)
from arc_core.reading._scoped import TenantDatabase

__all__ = [
    "AgentRow",
    "Arrivals",
    "CostRow",
    "FailureRow",
    "Grouping",
    "ModelRow",
    "Page",
    "Rollups",
    "SessionRow",
    "SpanLine",
    "SpanRef",
    "StatPoint",
    "TenantDatabase",
    "Traces",
]
