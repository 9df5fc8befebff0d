"""Two agents that work on one application: one job, one summary.

OPENAI_API_KEY=... python multi_agent_pipeline.py
"""

import openai
from arc_runtime import Arc

arc = Arc()
client = openai.OpenAI()

with arc.create_multiagent_context(application_id="LOAN-2024-001") as ctx:
    # The header says who calls; Arc takes it out before the request leaves
    response1 = client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "Analyze loan application"}],
        extra_headers={"X-Agent-Name": "loan_officer"},
    )

    response2 = client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "Review credit history"}],
        extra_headers={"X-Agent-Name": "credit_analyst"},
    )

    ctx.add_context_handoff(
        from_agent="loan_officer",
        to_agent="credit_analyst",
        context={"loan_amount": 250000, "assessment": "positive"},
    )

    summary = ctx.get_pipeline_summary()

print(f"{summary['application_id']}: {summary['calls']} calls of {summary['agents_executed']} agents")
for agent in summary["agents"]:
    print(f"  {agent['name']}: {agent['calls']} call, {agent['input_tokens']} + {agent['output_tokens']} tokens")
print(f"  hand-offs: {summary['context_handoffs']}")
