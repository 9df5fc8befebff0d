"""The shape of what is told of a pipeline."""

from typing import Literal, TypedDict

__all__ = ["AgentSummary", "Figures", "Handoff", "PipelineSummary", "Status"]

Status = Literal["not_started", "running", "ok", "error", "cancelled"]


class Figures(TypedDict):
    """What model calls amount to."""

    calls: int
    """Model calls that have ended, those that failed included."""
    errors: int
    """Failures of model calls (their answer may say so with HTTP 200), of tools, of the turns that a framework ran, and
    of the block itself. An error that travels up counts once, where it began; one that is caught counts as well."""
    fixes: int
    """Calls that were mended."""
    input_tokens: int
    output_tokens: int
    estimated_calls: int
    """Calls whose tokens are an estimate, as the provider told none."""
    cost_usd: float | None
    """US dollars, over the calls with a known price; None when there is none."""
    unpriced_calls: int
    """Calls whose price is not known, or not yet: the cost is then a lower bound."""
    total_latency_ms: float
    """Sum of how long the calls took, those side by side added up."""
    models: list[str]
    """The models asked, in the order of their first call."""


class AgentSummary(Figures):
    """One agent of a pipeline."""

    name: str
    runs: int
    """Turns that a framework ran under this name, such as the nodes of a LangGraph graph."""


Handoff = TypedDict("Handoff", {"from": str, "to": str, "keys": list[str]})
"""What one agent passed on to another: the keys of the context; what was under them is not kept."""


class PipelineSummary(Figures):
    """A pipeline: the figures of all its calls, and those of each agent."""

    pipeline_id: str
    application_id: str | None
    status: Status
    duration_ms: float
    """From entering the context until leaving it, or until now."""
    agents_executed: int
    """Agents that ran or called a model."""
    agents: list[AgentSummary]
    """In the order in which they were first heard of, in calls, runs and hand-offs."""
    context_handoffs: int
    handoffs: list[Handoff]
