"""What the callbacks of LangGraph and langchain-core say, as Arc's span contract tells it; pure.

Source: the metadata and tags that LangGraph 0.6 to 1.2 puts on callback runs, and langchain-core 0.3 to 1.8. A node's
run carries the tag
`graph:step:N` and has the node's name; routers and edge functions carry `seq:step:N` or another name. A task of the
functional API carries `seq:step:1`, has its own name as the node's, and a path `("__pregel_push", caller, N, True)`.
The steps of a LangChain chain carry `seq:step:N` or `map:key:K`.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

__all__ = [
    "chain_name",
    "found",
    "interrupts_of",
    "is_agent",
    "is_cancellation",
    "is_chain",
    "is_failure",
    "is_graph",
    "is_step",
    "node_of",
    "place_of",
    "retriever_attributes",
    "task_of",
    "tool_attributes",
    "tool_result",
    "workflow_attributes",
    "workflow_name",
]

_INTEGRATIONS: Final = frozenset({"langgraph", "langchain_create_agent"})
_NO_AGENTS: Final = frozenset({"__start__", "__end__"})
_CLASS_NAMES: Final = frozenset({"LangGraph", "CompiledStateGraph", "Pregel"})
_CHAINS: Final = frozenset({"RunnableSequence", "RunnableWithFallbacks", "AgentExecutor"})
_STEPS: Final = ("seq:step:", "map:key:")
_CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)


def is_graph(metadata: Mapping[str, Any]) -> bool:
    """Whether the run is sure to be a graph; older versions do not say, there the first node tells."""
    return metadata.get("ls_integration") in _INTEGRATIONS


def node_of(name: str | None, tags: Sequence[str], metadata: Mapping[str, Any]) -> str | None:
    """The node whose run this is; None for everything else inside a graph."""
    node = metadata.get("langgraph_node")
    if not isinstance(node, str) or node != name or node in _NO_AGENTS:
        return None
    for tag in tags:  # written out, as is all that each runnable comes by
        if tag.startswith("graph:step:"):
            return node
    return None


def task_of(name: str | None, tags: Sequence[str], metadata: Mapping[str, Any]) -> str | None:
    """The `@task` whose run this is; None for everything else, the steps of a sequence inside the task excepted."""
    if name is None or name != metadata.get("langgraph_node") or "seq:step:1" not in tags:
        return None
    match metadata.get("langgraph_path"):
        case ("__pregel_push", _, _, True):
            return name
    return None


def place_of(metadata: Mapping[str, Any]) -> str | None:
    """The checkpoint namespace: one execution of a node or task, whose retries share it; None outside of nodes."""
    place = metadata.get("langgraph_checkpoint_ns")
    return place if isinstance(place, str) and place else None


def workflow_name(name: str | None) -> str | None:
    """The graph's own name; None when it has only that of its class."""
    return None if name in _CLASS_NAMES else name


def is_step(tags: Sequence[str]) -> bool:
    """Whether the run is a step of a sequence or a branch of a parallel one: then the run above is a chain."""
    return any(tag.startswith(_STEPS) for tag in tags)


def is_chain(name: str | None) -> bool:
    """Whether the run is a chain by its name; one that was named by its author is told by its steps."""
    return name in _CHAINS


def is_agent(name: str | None) -> bool:
    """Whether the chain is an agent's loop."""
    return name == "AgentExecutor"


def chain_name(name: str | None) -> str | None:
    """The chain's own name; None when it has only that of its class."""
    return None if name is None or name in _CHAINS or name.startswith("RunnableParallel<") else name


def workflow_attributes(name: str | None, metadata: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """What is known when a graph starts."""
    attributes: dict[str, AttributeValue] = {}
    if name := workflow_name(name):
        attributes[semconv.WORKFLOW_NAME] = name
    if (thread := metadata.get("thread_id")) is not None:
        attributes[semconv.CONVERSATION_ID] = str(thread)
    return attributes


def tool_attributes(serialized: Mapping[str, Any] | None, extra: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """What is known when a tool starts."""
    said = serialized or {}
    named = {
        semconv.TOOL_NAME: extra.get("name") or said.get("name"),
        semconv.TOOL_DESCRIPTION: said.get("description"),
        semconv.TOOL_CALL_ID: extra.get("tool_call_id"),
    }
    attributes: dict[str, AttributeValue] = {name: value for name, value in named.items() if isinstance(value, str)}
    return {semconv.TOOL_TYPE: "function", **attributes}


def tool_result(output: object) -> object:
    """What a tool gave back: the content of a ToolMessage, else the value itself."""
    return getattr(output, "content", output)


def retriever_attributes(serialized: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """What is known when a retriever starts: a tool that reads a store of data."""
    metadata = extra.get("metadata") or {}
    name = extra.get("name") or metadata.get("ls_retriever_name") or serialized.get("name")
    attributes: dict[str, AttributeValue] = {semconv.OPERATION: "retrieval", semconv.TOOL_TYPE: "datastore"}
    if isinstance(name, str):
        attributes[semconv.TOOL_NAME] = name
    return attributes


def found(documents: Sequence[object]) -> list[dict[str, object]]:
    """What a retriever found, in the shape of `gen_ai.retrieval.documents`."""
    return [_document(one) for one in documents]


def _document(one: object) -> dict[str, object]:
    said = {
        "id": getattr(one, "id", None),
        "content": getattr(one, "page_content", None),
        "metadata": getattr(one, "metadata", None),
    }
    return {name: value for name, value in said.items() if value}


def is_cancellation(error: BaseException) -> bool:
    """Whether the caller stopped it, rather than it failed."""
    return isinstance(error, _CANCELLATIONS)


def interrupts_of(error: BaseException) -> tuple[Any, ...] | None:
    """What a person is asked, when `error` is LangGraph's way to stop for it (nothing at a breakpoint); else None."""
    errors = sys.modules.get("langgraph.errors")
    if errors is None or not isinstance(error, errors.GraphInterrupt):
        return None
    return tuple(error.args[0]) if error.args and error.args[0] else ()


def is_failure(error: BaseException) -> bool:
    """Whether `error` is neither how the caller stops it, nor how LangGraph goes on elsewhere."""
    errors = sys.modules.get("langgraph.errors")
    return not is_cancellation(error) and not (errors is not None and isinstance(error, errors.GraphBubbleUp))
