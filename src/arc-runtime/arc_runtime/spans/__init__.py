"""The span contract: how the five kinds of span are named, opened and closed (docs/reference/spans.md)."""

from arc_runtime.spans._announced import Announced, announced
from arc_runtime.spans._context import attach, current, detach, in_job, suppressed, within
from arc_runtime.spans._late import LateAttributes, complete
from arc_runtime.spans._pipeline import EndedCall, Pipeline, in_pipeline, pipeline_of
from arc_runtime.spans._writer import SpanWriter, cancelled, failed, interrupted

__all__ = [
    "Announced",
    "EndedCall",
    "LateAttributes",
    "Pipeline",
    "SpanWriter",
    "announced",
    "attach",
    "cancelled",
    "complete",
    "current",
    "detach",
    "failed",
    "in_job",
    "in_pipeline",
    "interrupted",
    "pipeline_of",
    "suppressed",
    "within",
]
