"""LangChain as spans: a chain is a job, an agent a job or run, tools and retrievers are tools, models are model calls.

What the callbacks say is read by the one handler that this plugin shares with that for LangGraph
(`arc_langchain_callbacks`). A model call that a plugin follows on the wire is told there, and only there.
"""

from arc_langchain_callbacks import Share, share
from arc_runtime.instrumentation import ArcInstrumentor

__all__ = ["LangChainInstrumentor"]


class LangChainInstrumentor(ArcInstrumentor):
    """Instruments what is built on `langchain-core`."""

    distribution = "arc-instrumentation-langchain"

    def hook(self) -> None:
        """Take chains on once the program imports what runs them."""
        share(self, Share.CHAINS, when_imported="langchain_core.runnables.base")
