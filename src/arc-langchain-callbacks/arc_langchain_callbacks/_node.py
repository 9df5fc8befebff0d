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
    get = metadata.get
    failures, checkpoint_id = 0, None
    givers: Sequence[Giver] = ()
    if graph is not None:
        checkpoint_id = graph.checkpoint_id
        # Who passes control on from now on is put into another list.
        givers = graph.arriving.get(name, ())
        if graph.failures and place is not None:
            failures = graph.failures.get(place, 0)
    thread, triggers = get("thread_id"), get("langgraph_triggers")
    return Node(
        name,
        place,
        get("langgraph_step"),
        tuple(triggers) if triggers else (),
        None if thread is None else str(thread),
        failures,
        checkpoint_id,
        givers,
    )
