"""One handler on langchain-core's callbacks for every plugin that needs them, so that there is one tree of spans.

LangGraph and LangChain report to the same callbacks, and a graph, its nodes, their tools and models are runs of one
tree there. Two handlers would each see half of it, or both all of it. So the plugins say here what is theirs to write,
and one handler writes it.
"""

from arc_langchain_callbacks._share import Share, share

__all__ = ["Share", "share"]
