"""Requests by hand, for work that is no single function; stderr says what ran in them.

python manual_requests.py
"""

from typing import TypedDict

from arc_runtime import RequestContext, get_runtime_manager
from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    prompt: str
    result: str


def answer(state: State) -> State:
    return {"result": f"success of {state.get('prompt')}"}


runtime = get_runtime_manager()

request: RequestContext | None = runtime.start_request("my_function", inputs={"prompt": "test"})

# Nodes of every framework that run in between are part of it
workflow = StateGraph(State)
workflow.add_node("answer", answer)
workflow.add_edge(START, "answer")
workflow.add_edge("answer", END)
result = workflow.compile().invoke({"prompt": "test"})

runtime.end_request(outputs={"result": result["result"]})

if request is not None:  # as it is where Arc is switched off
    print(request.status, request.outputs, [node.node_name for node in request.executions])
