"""Rows as they are written and read; pure."""

from arc_core.model._rows import (
    SERVED_TENANT,
    Batch,
    Form,
    LogRow,
    SpanRow,
    StoredSpan,
    StoredTrace,
    Tenant,
)

__all__ = ["SERVED_TENANT", "Batch", "Form", "LogRow", "SpanRow", "StoredSpan", "StoredTrace", "Tenant"]
