"""Rows as they are written and read, and what a model call costs; pure."""

from arc_core.model._cost import Prices
from arc_core.model._rows import (
    SERVED_TENANT,
    Batch,
    LogRow,
    SpanRow,
    StoredSpan,
    StoredTrace,
    Table,
    TraceFilter,
)

__all__ = ["SERVED_TENANT", "Batch", "LogRow", "Prices", "SpanRow", "StoredSpan", "StoredTrace", "Table", "TraceFilter"]
