"""Which plugin of Arc's is for which library."""

from typing import Final

__all__ = ["PLUGINS"]

# Plugins that are not installed can't be asked: each one's extra `instruments` is repeated here, and a test compares.
PLUGINS: Final = {
    "arc-instrumentation-anthropic": ("anthropic>=0.49",),
    "arc-instrumentation-langchain": ("langchain-core>=0.3.67",),
    "arc-instrumentation-langgraph": ("langgraph>=0.6",),
    "arc-instrumentation-openai": ("openai>=1.66",),
}
"""The libraries, with the oldest version that works, by the plugin's distribution."""
