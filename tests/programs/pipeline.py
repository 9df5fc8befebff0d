"""A pipeline of two agents, the second of which is a graph of `ArcStateGraph`; prints what the summary counts."""

import openai
from arc_runtime import ArcStateGraph, create_multiagent_context

client = openai.OpenAI()


def ask(agent: str | None = None) -> dict[str, bool]:
    headers = {"X-Agent-Name": agent} if agent else None
    client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "hi"}], extra_headers=headers)
    return {"asked": True}


workflow = ArcStateGraph()
workflow.add_node("analyst", lambda _state: ask())
app = workflow.compile(name="review")

with create_multiagent_context(application_id="LOAN-2024-001", name="loan") as ctx:
    ask("officer")
    ctx.add_context_handoff("officer", "analyst", {"amount": 250_000})
    app.invoke({})

summary = ctx.get_pipeline_summary(within_seconds=10)
print(ctx.pipeline_id, {agent["name"]: agent["calls"] for agent in summary["agents"]}, summary["cost_usd"])
