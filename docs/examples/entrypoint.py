"""A function whose every call is a request; stderr says what ran in it.

python entrypoint.py
"""

from typing import TypedDict

from arc_runtime import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph


class State(TypedDict, total=False):
    input: str
    rows: list[str]
    output: str


def load(state: State) -> State:
    return {"rows": state.get("input", "").split()}


def process(state: State) -> State:
    return {"rows": [row.upper() for row in state.get("rows", [])]}


def generate(state: State) -> State:
    return {"output": " ".join(state.get("rows", []))}


def create_my_langgraph() -> CompiledStateGraph[State, None, State, State]:
    """The graph that the entrypoint runs."""
    workflow = StateGraph(State)
    workflow.add_node("data_loader", load)
    workflow.add_node("processor", process)
    workflow.add_node("generator", generate)
    workflow.add_edge(START, "data_loader")
    workflow.add_edge("data_loader", "processor")
    workflow.add_edge("processor", "generator")
    workflow.add_edge("generator", END)
    return workflow.compile()


@entrypoint
def my_agent(prompt: str) -> str:
    graph = create_my_langgraph()
    result = graph.invoke({"input": prompt})
    return str(result["output"])


print(my_agent("what the graph makes of it"))
