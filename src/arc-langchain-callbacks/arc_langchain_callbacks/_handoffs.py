"""Who passes control on to whom, and what changed of the state: read from what the nodes of a step wrote; pure.

Source: the writes of LangGraph 0.6 to 1.2. An edge, a router and `Command(goto=...)` all write to the channel
`branch:to:NODE`, an edge that waits for several to `join:A+B:NODE`, and `Send` puts a packet into `__pregel_tasks`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from arc_semconv import attributes as semconv
from arc_semconv.kinds import LinkKind
from opentelemetry.trace import Link
from opentelemetry.util.types import AttributeValue

from arc_langchain_callbacks._run import Giver, Graph

__all__ = ["MOST_LINKS", "attributes", "links", "pass_on", "values"]

_BRANCH: Final = "branch:to:"
_JOIN: Final = "join:"
_PACKETS: Final = "__pregel_tasks"
MOST_LINKS: Final = 32
"""Of one run: the SDK keeps 128 at most, and what a thousand workers gave back is told by the first of them."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

Hold = Callable[[object], object]


def pass_on(graph: Graph, tasks: Iterable[Any], hold: Hold | None) -> None:
    """Note in `graph` to whom the `tasks` that ended passed control; `hold` copies values, where they are wanted."""
    arriving = graph.arriving
    left, graph.left = graph.left, {}
    passed = []
    for task in tasks:
        arriving.pop(task.name, None)  # it has run since
        span = left.get(task.config.get("configurable", _NOTHING).get("checkpoint_ns")) if left else None
        if span is None:
            continue  # the input, what was answered from a cache, and the tasks of the functional API
        to, changed = _read(task.writes)
        if to:
            values = {name: hold(value) for name, value in changed.items()} if hold else _NOTHING
            passed.append((to, Giver(task.name, span, tuple(changed), values)))
    for to, giver in passed:
        for node in to:
            arriving.setdefault(node, []).append(giver)


def _read(writes: Iterable[tuple[str, Any]]) -> tuple[dict[str, None], dict[str, object]]:
    """The nodes that come next, each once and in order, and the values by channel."""
    to: dict[str, None] = {}
    changed: dict[str, object] = {}
    for channel, value in writes:
        node = _leads_to(channel)
        if node is None:
            changed[channel] = value
        elif node:
            to[node] = None
        elif channel == _PACKETS:
            to[str(getattr(value, "node", ""))] = None
    return to, changed


@lru_cache(maxsize=1024)
def _leads_to(channel: str) -> str | None:
    """The node to which a write to `channel` leads; empty where the channel does not say, None for one of the state."""
    if channel.startswith(_BRANCH):
        return channel[len(_BRANCH) :]
    if channel.startswith(_JOIN):
        return channel.rpartition(":")[2]
    return "" if channel.startswith("__") else None


def attributes(givers: Sequence[Giver], node: str) -> dict[str, AttributeValue]:
    """What the run of `node` says of who passed control on to it: the one, when it was one."""
    names = {giver.name for giver in givers}
    if len(names) != 1:
        return {semconv.HANDOFF_TO: node}
    return {semconv.HANDOFF_FROM: names.pop(), semconv.HANDOFF_TO: node}


def links(givers: Sequence[Giver], node: str) -> list[Link]:
    """A link to the run of each giver, with the keys of the state that it changed."""
    return [
        Link(
            giver.span,
            {
                semconv.LINK: LinkKind.HANDOFF.value,
                semconv.HANDOFF_FROM: giver.name,
                semconv.HANDOFF_TO: node,
                semconv.HANDOFF_KEYS: giver.keys,
            },
        )
        for giver in givers[:MOST_LINKS]
    ]


def values(givers: Sequence[Giver]) -> dict[str, object]:
    """The changed values by giver and key, as content by attribute name; nothing where none were kept."""
    said: Mapping[str, object] = {giver.name: giver.values for giver in givers[:MOST_LINKS] if giver.values}
    return {semconv.HANDOFF_STATE: said} if said else {}
