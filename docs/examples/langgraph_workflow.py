"""A LangGraph graph that is traced wherever it runs; each node is an agent.

python langgraph_workflow.py
"""

from typing import Any

from arc_runtime import ArcStateGraph


def process_fn(state: Any) -> dict[str, Any]:
    return {"processed": state["application_id"].startswith("APP-")}


def verify_fn(state: Any) -> dict[str, Any]:
    return {"verified": state["processed"]}


# In the place of StateGraph; without a schema the state is a plain dict, without edges the nodes run in their order
workflow = ArcStateGraph()

workflow.add_node("process_application", process_fn)
workflow.add_node("verify_documents", verify_fn)

app = workflow.compile()
result = app.invoke({"application_id": "APP-123"})
print(result)
