"""What a program says to Arc in code: which work is one pipeline of several agents, and which graphs are traced."""

from arc_runtime.tracking._multiagent import MultiAgentContext, create_multiagent_context
from arc_runtime.tracking._summary import AgentSummary, Handoff, PipelineSummary, Status

__all__ = [
    "AgentSummary",
    "Handoff",
    "MultiAgentContext",
    "PipelineSummary",
    "Status",
    "create_multiagent_context",
]
