"""`trace_agent` and what it detects: any agent, and it stays what it was."""

import asyncio
import copy
import functools
import pickle

import pytest
from arc_runtime import detect_agent, trace_agent
from arc_runtime.api import _start
from arc_runtime.instrumentation import Guard
from arc_runtime.tracking import Feed, Requests
from arc_semconv import attributes as semconv
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph


@pytest.fixture(autouse=True)
def started(spans, monkeypatch):
    """Arc as it is once it has started, writing to `spans`."""
    requests = Requests(Feed("run", None, guard=Guard("test")), provider=spans.tracer_provider)
    monkeypatch.setattr(_start._State, "requests", requests)
    monkeypatch.setattr(_start._State, "looked", True)


class LoanAgent:
    """Decides on mortgage applications."""

    def __init__(self):
        self.calls = []

    def run(self, amount):
        return self.invoke(amount)

    def invoke(self, amount):
        self.calls.append(amount)
        return amount * 2

    async def ainvoke(self, amount):
        return amount * 3

    def stream(self, count):
        yield from range(count)


def attributes(spans):
    return [
        (span.name, span.attributes.get(semconv.AGENT_FRAMEWORK), span.attributes.get(semconv.AGENT_DOMAIN))
        for span in spans.spans
    ]


def test_an_object_stays_what_it_is_and_each_call_from_outside_is_a_request(spans):
    agent = LoanAgent()
    traced = trace_agent(agent)
    assert isinstance(traced, LoanAgent)
    assert traced.run(2) == 4  # which calls invoke itself: one request
    assert traced.calls == [2]
    assert asyncio.run(traced.ainvoke(2)) == 6
    assert list(traced.stream(2)) == [0, 1]
    assert agent.invoke(1) == 2  # the agent itself is untouched
    assert attributes(spans) == [("agent.job LoanAgent", None, "finance")] * 3
    traced.calls = []
    assert agent.calls == []


def test_a_function_with_a_domain_given(spans):
    @trace_agent(domain="security")
    def scan(host):
        return f"scanned {host}"

    assert scan("x") == "scanned x"
    assert scan.__name__ == "scan"
    assert attributes(spans) == [("agent.job scan", None, "security")]
    assert scan.detection.domain_by == "given"


def test_methods_in_the_body_of_a_class(spans):
    class Desk:
        def __init__(self):
            self.rate = 3

        @trace_agent
        def quote(self, amount):
            return amount * self.rate

        @trace_agent(name="later")
        async def aquote(self, amount):
            return amount * self.rate

        @trace_agent
        @classmethod
        def kind(cls, suffix):
            return cls.__name__ + suffix

        @trace_agent
        @staticmethod
        def double(amount):
            return amount * 2

    desk = Desk()
    assert (desk.quote(2), Desk.quote(desk, 2), asyncio.run(desk.aquote(2))) == (6, 6, 6)
    assert (desk.kind("!"), Desk.kind("?"), desk.double(4), Desk.double(4)) == ("Desk!", "Desk?", 8, 8)
    assert spans.tree.count("agent.job") == 7


def test_an_async_callable_object(spans):
    class Agent:
        async def __call__(self, value):
            return value + 1

    assert asyncio.run(trace_agent(Agent(), name="adder")(1)) == 2
    assert spans.tree == "agent.job adder"


def test_a_langgraph_graph_is_told_by_its_class_and_its_nodes(spans):
    workflow = StateGraph(dict)
    workflow.add_node("credit_check", lambda state: {**state, "credit": 1})
    workflow.add_edge(START, "credit_check")
    workflow.add_edge("credit_check", END)
    app = workflow.compile(name="lending")
    traced = trace_agent(app)
    assert traced.invoke({"a": 1}) == {"a": 1, "credit": 1}
    assert traced.detection[:2] == ("langgraph", "its class is langgraph.graph.state.CompiledStateGraph")
    assert traced.detection.domain == "finance"
    assert "'lending' in its name" in traced.detection.explained
    assert attributes(spans) == [("agent.job lending", "langgraph", "finance")]


def test_a_traced_runnable_is_still_part_of_chains():
    chain = trace_agent(RunnableLambda(lambda value: value + 1)) | RunnableLambda(lambda value: value * 10)
    assert chain.invoke(1) == 20


def test_what_a_function_uses_tells_its_framework():
    graph = StateGraph(dict)

    def inside():
        import langchain_core

        return langchain_core

    assert detect_agent(lambda: graph).framework == "langgraph"
    assert detect_agent(functools.partial(inside)).framework == "langchain"
    unknown = detect_agent(lambda: None)
    assert (unknown.framework, unknown.domain) == (None, None)
    assert "neither its class" in unknown.explained


def test_an_agent_whose_attributes_raise_is_traced_all_the_same(spans):
    class Hostile:
        @property
        def name(self):
            raise RuntimeError("no name")

        def run(self):
            return "ran"

    assert detect_agent(Hostile()).domain_by == "it can't be looked at"
    assert trace_agent(Hostile()).run() == "ran"


def test_a_copy_is_one_of_the_agent_itself():
    traced = trace_agent(LoanAgent())
    traced.run(1)
    assert type(copy.deepcopy(traced)) is LoanAgent
    assert pickle.loads(pickle.dumps(traced)).calls == [1]  # noqa: S301 - written one line above


def test_what_can_not_be_called_is_refused():
    with pytest.raises(TypeError, match=r"a int has none"):
        trace_agent(5)
