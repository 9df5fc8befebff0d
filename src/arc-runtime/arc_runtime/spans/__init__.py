"""The span contract: how the five kinds of span are named, opened and closed (docs/reference/spans.md)."""

from arc_runtime.spans._context import current, in_job, within
from arc_runtime.spans._writer import SpanWriter, cancelled, failed, interrupted

__all__ = ["SpanWriter", "cancelled", "current", "failed", "in_job", "interrupted", "within"]
