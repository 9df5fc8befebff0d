"""A program of a user's: a graph with a model call, personal values everywhere, and output on both streams."""

import os
import sys
from typing import TypedDict

import openai
from langgraph.graph import START, StateGraph

MAIL, CARD, SSN, PHONE, KEY = os.environ["SECRETS"].split("|")


class State(TypedDict):
    text: str


def review(state: State) -> State:
    client = openai.OpenAI(max_retries=0)
    answer = client.chat.completions.create(
        model="gpt-4.1",
        temperature=0.95,
        messages=[{"role": "user", "content": f"Review {state['text']}: {MAIL}, {CARD}, {SSN}, {PHONE}, {KEY}"}],
    )
    return {"text": answer.choices[0].message.content}


def refuse(state: State) -> State:
    raise RuntimeError(f"{state['text']}: no account of {MAIL} with {KEY}")


graph = StateGraph(State)
graph.add_node("reviewer", review)
graph.add_node("refuser", refuse)
graph.add_edge(START, "reviewer")
graph.add_edge("reviewer", "refuser")
app = graph.compile(name="loan")

sys.stderr.write("starting\n")
try:
    app.invoke({"text": f"loan of {MAIL}"})
except RuntimeError as error:
    print("refused:", len(str(error)))
sys.stdout.buffer.write(bytes(range(256)))
sys.exit(3)
