"""A tracker of your own: told of every node of every framework.

python custom_tracker.py
"""

from collections.abc import Mapping
from typing import TypedDict

from arc_runtime import DefaultExecutionTracker, ExecutionTracker, NodeExecution, get_runtime_manager
from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    prompt: str


def answer(state: State) -> State:
    return state


class MyCustomTracker(ExecutionTracker):
    def start_node_execution(
        self,
        node_id: str,
        node_name: str,
        framework: str,
        inputs: object = None,
        metadata: Mapping[str, object] | None = None,
    ) -> NodeExecution:
        """A node begins; what is returned is given back when it ends."""
        print(f"{framework} node {node_name} started")
        return NodeExecution(
            node_id=node_id, node_name=node_name, framework=framework, inputs=inputs, metadata=metadata or {}
        )

    def end_node_execution(
        self, execution: NodeExecution, outputs: object = None, error: BaseException | str | None = None
    ) -> None:
        print(f"{execution.framework} node {execution.node_name} ended: {error or 'well'}, {outputs=}")


get_runtime_manager().register_tracker(MyCustomTracker())
get_runtime_manager().enable("arc_langgraph")

workflow = StateGraph(State)
workflow.add_node("answer", answer)
workflow.add_edge(START, "answer")
workflow.add_edge("answer", END)
workflow.compile().invoke({"prompt": "test"})

# By hand, as in a test
tracker = DefaultExecutionTracker()
execution = tracker.start_node_execution("test", "test_node", "test_framework")
tracker.end_node_execution(execution, outputs={"result": "success"})

print(f"Tracked {len(tracker.get_executions())} executions")
