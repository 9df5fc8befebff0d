"""Three agents review a loan application: an intake officer, a credit analyst and an underwriter.

Plain LangGraph and the plain OpenAI client, nothing else:

    pip install langgraph openai
    OPENAI_API_KEY=... python loan_agents.py
"""

import time
from typing import Annotated, Literal, TypedDict, cast

import openai
from langchain_core.messages import AnyMessage, convert_to_openai_messages
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam

APPLICATION = """\
Application LN-20817
Applicant: Dana Whitfield, dana.whitfield@example.com, +1 415-555-0132
SSN: 536-22-8714
Asks for: 24,000 USD over 48 months, to fit out a bakery
Income: 5,900 USD a month, employed since 2019
"""

INTAKE = "You are the intake officer. Restate the application in one line without naming the applicant."
ANALYST = (
    "You are the credit analyst. Check the credit of the application: ask bureau northstar first, and when a bureau "
    "does not answer, ask the other one. Then report the score and the risk in one line."
)
UNDERWRITER = "You are the underwriter. Write the decision to the applicant in at most three sentences."

client = openai.OpenAI()


class Review(TypedDict):
    """What the agents hand to each other."""

    application: str
    summary: str
    messages: Annotated[list[AnyMessage], add_messages]
    decision: str


@tool
def credit_bureau(application: str, bureau: Literal["northstar", "meridian"]) -> str:
    """Return the credit score of the applicant behind an application number, as one bureau knows it."""
    time.sleep(0.08)
    if bureau == "northstar":
        raise TimeoutError("bureau northstar did not answer within 80 ms")
    return f"{application}: score 731 at bureau {bureau}, one open loan, no late payments"


def intake_officer(state: Review) -> dict[str, object]:
    """Restate the application."""
    answer = client.chat.completions.create(
        model="gpt-4.1-mini",
        temperature=0,
        messages=[{"role": "system", "content": INTAKE}, {"role": "user", "content": state["application"]}],
    )
    summary = answer.choices[0].message.content or ""
    return {"summary": summary, "messages": [{"role": "user", "content": summary}]}


def credit_analyst(state: Review) -> dict[str, object]:
    """Ask the bureaus until there is a score to report."""
    conversation = cast("list[ChatCompletionMessageParam]", convert_to_openai_messages(state["messages"]))
    answer = client.chat.completions.create(
        model="gpt-4.1",
        temperature=0.2,
        messages=[{"role": "system", "content": ANALYST}, *conversation],
        tools=[cast("ChatCompletionFunctionToolParam", convert_to_openai_tool(credit_bureau))],
    )
    return {"messages": [answer.choices[0].message.model_dump(include={"role", "content", "tool_calls"})]}


def underwriter(state: Review) -> dict[str, object]:
    """Write the decision, and print it as it is being written."""
    stream = client.chat.completions.create(
        model="gpt-4.1",
        temperature=0.95,
        stream=True,
        stream_options={"include_usage": True},
        messages=[
            {"role": "system", "content": UNDERWRITER},
            {"role": "user", "content": f"{state['summary']}\nCredit report: {state['messages'][-1].text}"},
        ],
    )
    decision = ""
    for chunk in stream:
        for choice in chunk.choices:
            words = choice.delta.content or ""
            print(words, end="", flush=True)
            decision += words
    print()
    return {"decision": decision}


review = StateGraph(Review)
review.add_node("intake_officer", intake_officer)
review.add_node("credit_analyst", credit_analyst)
# A bureau that fails is told to the analyst as the tool's answer, and the analyst asks the other one.
review.add_node("credit_checks", ToolNode([credit_bureau], handle_tool_errors=True))
review.add_node("underwriter", underwriter)
review.add_edge(START, "intake_officer")
review.add_edge("intake_officer", "credit_analyst")
review.add_conditional_edges("credit_analyst", tools_condition, {"tools": "credit_checks", END: "underwriter"})
review.add_edge("credit_checks", "credit_analyst")
review.add_edge("underwriter", END)
graph = review.compile(name="loan_review")

if __name__ == "__main__":
    graph.invoke({"application": APPLICATION, "summary": "", "messages": [], "decision": ""})
