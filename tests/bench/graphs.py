"""The same graphs for every subject: their nodes do next to nothing and ask no model, so that watching them is what costs."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

NODES = 10
TASK = "please review " * 100
NOTE = "all well so far " * 10
CONTENT = NOTE[:20]
"""Is in what was exported of a graph run when the state of the graph was recorded."""


class State(TypedDict, total=False):
    """What the nodes share."""

    task: str
    note: str
    left: int


Node = Callable[[State], dict[str, Any]]
Wrap = Callable[[str, Node], Node]
"""Makes of a node, and its name, one that is watched by hand."""


def bare(_name: str, node: Node) -> Node:
    """`node` as it is."""
    return node


def _work(state: State) -> dict[str, Any]:
    return {"note": NOTE, "left": state.get("left", 1) - 1}


def _note(_state: State) -> dict[str, Any]:
    return {}


class Graphs:
    """The graphs that are measured, compiled; each run takes the `config` that the subject wants handed in."""

    def __init__(self, wrap: Wrap = bare) -> None:
        self._chain = _chain(wrap)
        self._loop = _loop(wrap)
        self._fan = _fan(wrap)

    def chain(self, config: Mapping[str, Any]) -> Any:
        """NODES nodes, one after the other."""
        return self._chain.invoke({"task": TASK, "left": NODES}, dict(config))

    def loop(self, config: Mapping[str, Any], nodes: int) -> Any:
        """One node, `nodes` times over."""
        return self._loop.invoke({"task": TASK, "left": nodes}, {**config, "recursion_limit": nodes + 1})

    def fan(self, config: Mapping[str, Any], nodes: int) -> Any:
        """`nodes` runs of one node in one step."""
        return self._fan.invoke({"task": TASK, "left": nodes}, dict(config))


def _chain(wrap: Wrap) -> Any:
    graph = StateGraph(State)
    names = [f"n{place}" for place in range(NODES)]
    for name, before in zip(names, [START, *names], strict=False):
        graph.add_node(name, wrap(name, _work))
        graph.add_edge(before, name)
    graph.add_edge(names[-1], END)
    return graph.compile()


def _loop(wrap: Wrap) -> Any:
    graph = StateGraph(State)
    graph.add_node("again", wrap("again", _work))
    graph.add_edge(START, "again")
    graph.add_conditional_edges("again", lambda state: "again" if state["left"] else END, ["again", END])
    return graph.compile()


def _fan(wrap: Wrap) -> Any:
    graph = StateGraph(State)
    graph.add_node("worker", wrap("worker", _note))
    graph.add_conditional_edges(
        START, lambda state: [Send("worker", {"left": place}) for place in range(state["left"])], ["worker"]
    )
    graph.add_edge("worker", END)
    return graph.compile()


def warm(graphs: Graphs, config: Mapping[str, Any]) -> None:
    """Run each once: LangGraph imports and builds much on first use."""
    graphs.chain(config)
    graphs.loop(config, 3)
    graphs.fan(config, 3)
