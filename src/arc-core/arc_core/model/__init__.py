"""Rows as they are written and read; pure."""

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

__all__ = ["SERVED_TENANT", "Batch", "LogRow", "SpanRow", "StoredSpan", "StoredTrace", "Table", "TraceFilter"]
