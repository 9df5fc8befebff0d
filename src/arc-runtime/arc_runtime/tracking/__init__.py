"""What a program says to Arc in code, and what it is told: requests, the nodes that run in them, pipelines, graphs."""

from arc_runtime.tracking._detection import Detection, detect_agent
from arc_runtime.tracking._entrypoint import Calls, name_of_callable
from arc_runtime.tracking._executions import DefaultExecutionTracker, ExecutionTracker, NodeExecution
from arc_runtime.tracking._feed import Feed
from arc_runtime.tracking._framework import FrameworkInstrumentor, SpanTracker
from arc_runtime.tracking._multiagent import MultiAgentContext, create_multiagent_context
from arc_runtime.tracking._request import RequestContext, current_request
from arc_runtime.tracking._requests import Inputs, Requests
from arc_runtime.tracking._summary import AgentSummary, Handoff, PipelineSummary, Status

__all__ = [
    "AgentSummary",
    "Calls",
    "DefaultExecutionTracker",
    "Detection",
    "ExecutionTracker",
    "Feed",
    "FrameworkInstrumentor",
    "Handoff",
    "Inputs",
    "MultiAgentContext",
    "NodeExecution",
    "PipelineSummary",
    "RequestContext",
    "Requests",
    "SpanTracker",
    "Status",
    "create_multiagent_context",
    "current_request",
    "detect_agent",
    "name_of_callable",
]
