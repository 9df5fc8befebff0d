"""The span contract: how the five kinds of span are named, opened and closed (docs/reference/spans.md)."""

from arc_runtime.spans._announced import Announced, announced
from arc_runtime.spans._context import attach, current, detach, in_job, inside, suppressed, within
from arc_runtime.spans._failures import agent_of, passed_on, seat
from arc_runtime.spans._late import LateAttributes, LateLinks, complete
from arc_runtime.spans._pipeline import EndedCall, Pipeline, ambient, in_pipeline, pipeline_of
from arc_runtime.spans._writer import SpanWriter, cancelled, failed, interrupted

__all__ = [
    "Announced",
    "EndedCall",
    "LateAttributes",
    "LateLinks",
    "Pipeline",
    "SpanWriter",
    "agent_of",
    "ambient",
    "announced",
    "attach",
    "cancelled",
    "complete",
    "current",
    "detach",
    "failed",
    "in_job",
    "in_pipeline",
    "inside",
    "interrupted",
    "passed_on",
    "pipeline_of",
    "seat",
    "suppressed",
    "within",
]
