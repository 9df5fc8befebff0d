"""What is known of a node when it starts; its span tells it when somebody reads that."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from arc_semconv import attributes as semconv
from opentelemetry.trace import Link
from opentelemetry.util.types import AttributeValue

from arc_langchain_callbacks import _handoffs
from arc_langchain_callbacks._run import Giver, Graph

__all__ = ["Node", "node_at"]


class Node(NamedTuple):
    """One run of a node; nothing in it changes any more, nor is it the program's to change."""

    name: str
    place: str | None
    step: object
    triggers: tuple[object, ...]
    thread: str | None
    failures: int
    """How many attempts failed before this one."""
    checkpoint_id: str | None
    givers: Sequence[Giver]
    """Who passed control on to it."""

    def attributes(self) -> dict[str, AttributeValue]:
        """What is told of it, its name as an agent apart."""
        told: dict[str, AttributeValue] = {semconv.LANGGRAPH_NODE: self.name}
        if isinstance(self.step, int):
            told[semconv.LANGGRAPH_STEP] = self.step
        if self.triggers:
            told[semconv.LANGGRAPH_TRIGGERS] = tuple(map(str, self.triggers))
        if self.place:
            told[semconv.LANGGRAPH_CHECKPOINT_NS] = self.place
        if self.thread is not None:
            told[semconv.CONVERSATION_ID] = self.thread
        if self.failures:
            told[semconv.RUN_ATTEMPT] = self.failures + 1
        if self.checkpoint_id is not None:
            told[semconv.LANGGRAPH_CHECKPOINT_ID] = self.checkpoint_id
        if self.givers:
            told.update(_handoffs.attributes(self.givers, self.name))
        return told

    def content(self) -> dict[str, object]:
        """What was handed to it, as content by attribute name; nothing where content is not recorded."""
        return _handoffs.values(self.givers)

    def links(self) -> list[Link]:
        """A link to the run of each giver."""
        return _handoffs.links(self.givers, self.name)


def node_at(name: str, place: str | None, metadata: Mapping[str, Any], graph: Graph | None) -> Node:
    """The node `name` of `graph` that starts at `place`, as its run's `metadata` tell."""
    thread = metadata.get("thread_id")
    return Node(
        name,
        place,
        metadata.get("langgraph_step"),
        tuple(metadata.get("langgraph_triggers") or ()),
        None if thread is None else str(thread),
        graph.failures.get(place, 0) if graph is not None and place is not None else 0,
        graph.checkpoint_id if graph is not None else None,
        # Who passes control on from now on is put into another list.
        graph.arriving.get(name, ()) if graph is not None else (),
    )
