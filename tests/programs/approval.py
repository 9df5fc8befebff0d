"""A graph that asks a person before it pays; `python approval.py ask|answer|both DATABASE`: its checkpoints are there.

`ask` prints `asked` and waits to be killed; `answer` goes on where it stopped. DATABASE is a URL of PostgreSQL, the path
of a file for SQLite, or `memory`.
"""

import sys
import time
from contextlib import contextmanager
from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

THREAD = {"configurable": {"thread_id": "payment-7"}}


class State(TypedDict):
    amount: int
    paid: bool


def prepare(_state):
    return {"amount": 40}


def approve(state):
    return {"paid": interrupt({"pay": state["amount"]}) == "yes"}


def pay(_state):
    return {}


@contextmanager
def saver(database):
    if database == "memory":
        yield InMemorySaver()
    elif database.startswith("postgresql://"):
        with PostgresSaver.from_conn_string(database) as checkpoints:
            checkpoints.setup()
            yield checkpoints
    else:
        with SqliteSaver.from_conn_string(database) as checkpoints:
            yield checkpoints


def main():
    what, database = sys.argv[1:]
    graph = StateGraph(State)
    before = START
    for node in (prepare, approve, pay):
        graph.add_node(node)
        graph.add_edge(before, node.__name__)
        before = node.__name__
    with saver(database) as checkpoints:
        compiled = graph.compile(name="payment", checkpointer=checkpoints)
        if what in {"ask", "both"}:
            compiled.invoke({"amount": 0, "paid": False}, THREAD)
            print("asked", flush=True)
        if what == "ask":
            time.sleep(120)
        if what in {"answer", "both"}:
            print(compiled.invoke(Command(resume="yes"), THREAD)["paid"], flush=True)


main()
