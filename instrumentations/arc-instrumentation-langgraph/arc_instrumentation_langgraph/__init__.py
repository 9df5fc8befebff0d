"""LangGraph graphs as spans: a graph invocation is a job, each node a run, each tool a tool span.

One callback handler sees every graph, in every mode. Model calls made inside a node nest below its run, because the
run's span is made current in the context that LangGraph copies for the node.
"""

from arc_runtime.instrumentation import ArcInstrumentor

__all__ = ["LangGraphInstrumentor"]


class LangGraphInstrumentor(ArcInstrumentor):
    """Instruments graphs compiled by `langgraph`."""

    distribution = "arc-instrumentation-langgraph"

    def hook(self) -> None:
        """Register the handler once the program imports LangGraph, which brings langchain-core along."""
        self.when_imported("langgraph.pregel", self._register)

    def _register(self, _module: object) -> None:
        # Only now: these modules import langchain-core.
        from arc_instrumentation_langgraph import _context, _handler

        handler = _handler.GraphHandler(self)
        _handler.register(handler)
        _context.follow(self, handler)
