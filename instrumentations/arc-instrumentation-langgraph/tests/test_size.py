"""What many runs and wide graphs leave behind, in objects held: nothing, and no more than there are nodes."""

import gc
import operator
from collections import Counter
from typing import Annotated, TypedDict

import pytest
from arc_instrumentation_langchain import LangChainInstrumentor
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from langgraph.graph import START, StateGraph
from langgraph.types import Send

RUNS = 5_000
WIDE = 1_000
LINKS = 32


class State(TypedDict):
    count: Annotated[int, operator.add]


@pytest.fixture(autouse=True)
def plugins(spans):
    plugins = [LangGraphInstrumentor(), LangChainInstrumentor()]
    for one in plugins:
        one.instrument(
            skip_dep_check=True,
            tracer_provider=spans.tracer_provider,
            runtime=Runtime.of(Settings(capture="SPAN_ONLY")),
        )
    yield
    for one in plugins:
        one.uninstrument()
        assert one.guard.failures == {}


def plain(_state):
    return {"count": 1}


def held():
    gc.collect()
    kinds = Counter(str(type(one).__module__) for one in gc.get_objects())
    return {name: count for name, count in kinds.items() if name.startswith("arc_")}


@pytest.mark.timeout(600)
def test_five_thousand_runs_leave_nothing_behind(spans):
    graph = StateGraph(State)
    graph.add_node("a", plain)
    graph.add_edge(START, "a")
    compiled = graph.compile(name="g")
    compiled.invoke({"count": 0})
    spans.clear()
    before = held()
    for _ in range(RUNS):
        compiled.invoke({"count": 0})
        spans.clear()
    assert held() == before


@pytest.mark.timeout(300)
def test_a_wide_fan_out_has_a_run_each_and_a_bounded_number_of_links(spans):
    graph = StateGraph(State)
    graph.add_node("plan", plain)
    graph.add_node("work", plain)
    graph.add_node("gather", plain)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda _: [Send("work", {"count": 0}) for _ in range(WIDE)], ["work"])
    graph.add_edge("work", "gather")
    assert graph.compile(name="wide").invoke({"count": 0})["count"] == WIDE + 2
    workers = [span for span in spans.spans if span.name == "agent.run work"]
    assert len(workers) == WIDE
    assert {len(span.links) for span in workers} == {1}
    (gather,) = [span for span in spans.spans if span.name == "agent.run gather"]
    assert len(gather.links) == LINKS
