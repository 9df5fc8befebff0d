"""A program that puts values of every kind into every place that telemetry has, by every plugin and by itself.

Its model provider is at PROVIDER, the values are in PLANTED (a JSON list), and nothing of them is printed.
"""

import json
import logging
import operator
import os
from contextlib import suppress
from typing import Annotated, TypedDict

import anthropic
import openai
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

URL = os.environ["PROVIDER"]
logging.getLogger().setLevel(logging.INFO)
LOG = logging.getLogger("planted")


class State(TypedDict):
    said: Annotated[list, operator.add]


def by_openai(value):
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key="test", max_retries=0)
    ask = {"model": "gpt-4.1", "messages": [{"role": "user", "content": f"I am {value}, remember"}], "user": value}
    tools = [{"type": "function", "function": {"name": "look", "description": value, "parameters": {"type": "object"}}}]
    client.chat.completions.create(**ask, tools=tools, metadata={"who": value})
    for _ in client.chat.completions.create(**ask, stream=True):
        pass
    for model in ("gpt-4.1", f"ft:gpt-4.1:{value}", "refuses", f"refuses for {value}"):
        with suppress(openai.APIStatusError):
            client.chat.completions.create(**{**ask, "model": model}, max_tokens=5, extra_headers={"x-fail": "yes"})
    with suppress(openai.APIStatusError):
        client.embeddings.create(model="text-embedding-3-small", input=[value, "x"])


def by_anthropic(value):
    client = anthropic.Anthropic(base_url=URL, api_key="test", max_retries=0)
    ask = {"model": "claude-x", "max_tokens": 9, "system": value, "messages": [{"role": "user", "content": value}]}
    client.messages.create(**ask)
    for _ in client.messages.create(**ask, stream=True):
        pass
    with suppress(anthropic.APIStatusError):
        client.messages.create(**ask, extra_headers={"x-fail": "yes"})


@tool
def lookup(who: str) -> str:
    """Look somebody up."""
    return f"found {who}"


def by_graph(value):
    """Two agents, the first hands over to the second, which calls a model and a tool and fails."""

    def first(state):
        return Command(goto="second", update={"said": [f"ask about {value}"]})

    def second(state):
        ChatOpenAI(base_url=f"{URL}/v1", api_key="test", model="gpt-4.1", max_retries=0).invoke(state["said"][-1])
        lookup.invoke({"who": value})
        raise KeyError(value)

    graph = StateGraph(State)
    graph.add_node("first", first, destinations=("second",))
    graph.add_node("second", second)
    graph.add_edge(START, "first")
    graph.add_edge("second", END)
    with suppress(KeyError):
        graph.compile(name=f"graph {value}").invoke(
            {"said": [value]}, config={"metadata": {"who": value}, "run_name": f"run {value}", "tags": [value]}
        )
    for _ in ChatOpenAI(base_url=f"{URL}/v1", api_key="test", model="gpt-4.1", max_retries=0).stream(f"tell {value}"):
        pass


def by_hand(value, tracer):
    link = Link(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)), {"link.note": value, value: "x"})
    at_start = {
        "note": value,
        "many": [value, "b"],
        f"key {value}": 1,
        "nested": json.dumps({"a": json.dumps({"b": value})}),
    }
    with suppress(ValueError), tracer.start_as_current_span(f"span {value}", links=[link], attributes=at_start) as span:
        span.set_attribute("raw", value.encode())
        span.add_event(f"event {value}", {"event.note": value})
        span.set_status(Status(StatusCode.ERROR, value))
        LOG.error("it said %s", value, extra={"who": value})
        raise ValueError(value)
    try:
        raise RuntimeError(value)
    except RuntimeError:
        LOG.exception("failed with %s", value)


def main():
    values = json.loads(os.environ["PLANTED"])
    counter = metrics.get_meter("planted").create_counter("planted")
    logger = _logs.get_logger("planted", attributes={"who": values[0]})
    own = TracerProvider(resource=Resource({"owner": values[0], "owners": values}))
    own.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    for at in range(3):
        several = "; ".join(values[at::3])
        by_openai(several)
        by_anthropic(several)
        by_graph(several)
    for value in values:
        by_hand(value, trace.get_tracer(f"library of {value}", attributes={"who": value}))
        by_hand(value, own.get_tracer("own"))
        counter.add(1, {"note": value, f"k {value}": "v"})
        metrics.get_meter(f"meter of {value}", attributes={"who": value}).create_histogram(
            "h", description=value
        ).record(1)
        logger.emit(
            LogRecord(
                body={"message": value, "nested": [{"deep": value}]}, attributes={"note": value},
                event_name=f"e {value}", severity_text=value, severity_number=SeverityNumber.INFO,
            )
        )  # fmt: skip
    own.shutdown()
    if os.environ.get("HOLD"):
        input()


main()
