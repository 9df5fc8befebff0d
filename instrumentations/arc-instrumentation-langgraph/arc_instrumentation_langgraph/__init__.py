"""LangGraph graphs as spans: a graph invocation is a job, each node a run, each tool a tool span.

What the callbacks and LangGraph's loop say is read by the one handler that this plugin shares with that for LangChain
(`arc_langchain_callbacks`).
"""

from arc_langchain_callbacks import Share, share
from arc_runtime.instrumentation import ArcInstrumentor

__all__ = ["LangGraphInstrumentor"]


class LangGraphInstrumentor(ArcInstrumentor):
    """Instruments graphs compiled by `langgraph`."""

    distribution = "arc-instrumentation-langgraph"

    def hook(self) -> None:
        """Take graphs on once the program imports LangGraph, which brings langchain-core along."""
        share(self, Share.GRAPHS, when_imported="langgraph.pregel")
