"""`ArcStateGraph`: a StateGraph whose graphs have the plugin's spans, whether or not anything instruments LangGraph."""

import asyncio
import inspect
import operator
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypedDict, get_type_hints

import arc_runtime
import openai
import pytest
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime import ArcStateGraph, create_multiagent_context
from arc_runtime.instrumentation import Providers
from arc_semconv import attributes as semconv
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict

SOURCES = Path(__file__).parent.parent / "src"


class State(TypedDict):
    seen: Annotated[list, operator.add]


@pytest.fixture
def plugin(spans, monkeypatch):
    """LangGraph's plugin, switched off; what is lent of it writes to `spans`."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.tracer_provider)
    plugin = LangGraphInstrumentor()
    plugin._uninstrument()  # also of what an earlier test had lent
    yield plugin
    plugin._uninstrument()


@pytest.fixture
def auto(plugin, spans):
    """The plugin, switched on for the whole process."""
    plugin.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider)
    yield plugin
    plugin.uninstrument()


def seed():
    workflow = ArcStateGraph()
    workflow.add_node("process_application", lambda state: {"processed": state["application_id"]})
    workflow.add_node("verify_documents", lambda state: {"verified": bool(state["processed"])})
    return workflow


SEED = "agent.job(agent.run process_application agent.run verify_documents)"
RESULT = {"application_id": "APP-123", "processed": "APP-123", "verified": True}


def test_the_example_of_the_readme_runs_its_nodes_in_the_order_added(spans, plugin):
    app = seed().compile()
    assert app.invoke({"application_id": "APP-123"}) == RESULT
    assert spans.tree == SEED


def test_nothing_is_doubled_where_langgraph_is_instrumented(spans, auto):
    assert seed().compile().invoke({"application_id": "APP-123"}) == RESULT
    assert spans.tree == SEED


def test_instrumentation_may_be_switched_on_and_off_later(spans, plugin):
    app = seed().compile()
    app.invoke({"application_id": 1})
    plugin.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider)
    app.invoke({"application_id": 2})
    plugin.uninstrument()
    app.invoke({"application_id": 3})
    assert spans.tree == f"{SEED} {SEED} {SEED}"


def both(kind):
    graph = kind(State)
    graph.add_node("one", lambda _: {"seen": [1]})

    async def two(_state):
        return {"seen": [2]}

    graph.add_node(two)
    graph.add_node("again", fails_once(), retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    graph.add_node("many", lambda state: {"seen": [state["seen"][0] * 10]})
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    graph.add_edge("two", "again")
    graph.add_conditional_edges("again", lambda _: [Send("many", {"seen": [n]}) for n in (1, 2)], ["many"])
    graph.add_edge("many", END)
    return graph.compile(name="loan", checkpointer=InMemorySaver())


def fails_once():
    attempts = []

    def node(_state):
        attempts.append(1)
        if len(attempts) % 2:
            raise ConnectionError("once")
        return {"seen": [3]}

    return node


async def drained(stream):
    return [item async for item in stream]


THREAD = {"configurable": {"thread_id": "t"}}
INPUT = {"seen": []}
MODES = {
    "ainvoke": lambda app: asyncio.run(app.ainvoke(INPUT, THREAD)),
    "astream": lambda app: asyncio.run(drained(app.astream(INPUT, THREAD, stream_mode=["updates", "values"]))),
    "abatch": lambda app: asyncio.run(app.abatch([INPUT], [THREAD])),
    "astream_events": lambda app: len(asyncio.run(drained(app.astream_events(INPUT, THREAD, version="v2")))),
    "with_config": lambda app: asyncio.run(app.with_config(tags=["t"]).ainvoke(INPUT, THREAD)),
}


def facts(spans):
    left_out = (semconv.LANGGRAPH_CHECKPOINT_NS, semconv.LANGGRAPH_CHECKPOINT_ID)
    found = [
        (span.name, {name: value for name, value in span.attributes.items() if name not in left_out})
        for span in spans.spans
    ]
    return spans.tree, sorted(found, key=str)


@pytest.mark.parametrize("mode", MODES)
def test_spans_and_results_are_those_of_the_plugin_in_every_mode(spans, plugin, mode):
    lent = MODES[mode](both(ArcStateGraph))
    lent_facts = facts(spans)
    spans.clear()
    assert MODES[mode](both(StateGraph)) == lent
    assert spans.spans == ()

    plugin.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider)
    MODES[mode](both(StateGraph))
    plugin.uninstrument()
    assert facts(spans) == lent_facts
    assert lent_facts[0] == (
        "agent.job loan(agent.run one agent.run two agent.run again! agent.run again agent.run many agent.run many)"
    )


SYNC_MODES = {
    "invoke": lambda app: app.invoke({"n": 1}),
    "stream": lambda app: list(app.stream({"n": 1}, stream_mode="values"))[-1],
    "batch": lambda app: app.batch([{"n": 1}])[0],
    "in a sequence": lambda app: (app | (lambda state: state)).invoke({"n": 1}),
}


@pytest.mark.parametrize("mode", SYNC_MODES)
def test_sync_modes_are_traced(spans, plugin, mode):
    graph = ArcStateGraph()
    graph.add_node("double", lambda state: {"n": 2 * state["n"]})
    assert SYNC_MODES[mode](graph.compile(name="g")) == {"n": 2}
    assert "agent.job g(agent.run double)" in spans.tree


def test_only_its_own_graphs_are_traced(spans, plugin):
    seed().compile().invoke({"application_id": 1})
    spans.clear()
    plain = StateGraph(State)
    plain.add_node("one", lambda _: {"seen": [1]})
    plain.add_edge(START, "one")
    assert plain.compile().invoke(INPUT) == {"seen": [1]}
    assert spans.spans == ()


def test_a_plain_graph_below_is_part_of_it(spans, plugin):
    inner = StateGraph(State)
    inner.add_node("inside", lambda _: {"seen": [1]})
    inner.add_edge(START, "inside")
    graph = ArcStateGraph(State)
    graph.add_node("team", inner.compile(name="team_graph"))
    assert graph.compile(name="g").invoke(INPUT) == {"seen": [1]}
    assert spans.tree == "agent.job g(agent.run team(agent.run inside))"


def test_model_calls_of_a_node_are_below_it(spans, plugin, model):
    calls = OpenAIInstrumentor()
    calls.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider)

    def ask(_state):
        with openai.OpenAI(base_url=model.url, api_key="k") as client:
            client.chat.completions.create(model="gpt-4.1", messages=[])
        return {}

    graph = ArcStateGraph()
    graph.add_node("asker", ask)
    try:
        with create_multiagent_context("app", providers=Providers(spans.tracer_provider)) as ctx:
            graph.compile(name="g").invoke({})
    finally:
        calls.uninstrument()
    assert spans.tree == "agent.job(agent.run g(agent.run asker(chat gpt-4.1)))"
    assert [(one["name"], one["calls"]) for one in ctx.get_pipeline_summary()["agents"]] == [("g", 0), ("asker", 1)]


def test_threads_at_once_are_a_job_each(spans, plugin):
    app = seed().compile()
    threads = [threading.Thread(target=app.invoke, args=({"application_id": n},)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spans.tree == " ".join([SEED] * 8)


def test_a_stream_that_is_left_is_cancelled_and_leaves_nothing_behind(spans, plugin, caplog):
    steps = seed().compile().stream({"application_id": 1})
    next(steps)
    assert not trace.get_current_span().get_span_context().is_valid
    assert not plugin.active
    steps.close()
    assert spans.tree == "agent.job:cancelled(agent.run process_application)"
    assert "detach" not in caplog.text


def test_an_error_reaches_the_program_as_it_is(spans, plugin):
    error = ZeroDivisionError("mine")

    def node(_state):
        raise error

    graph = ArcStateGraph()
    graph.add_node("bad", node)
    with pytest.raises(ZeroDivisionError) as raised:
        graph.compile().invoke({})
    assert raised.value is error
    assert spans.tree == "agent.job!(agent.run bad!)"


def test_an_interrupt_waits_and_is_resumed(spans, plugin):
    graph = ArcStateGraph()
    graph.add_node("ask", lambda _: {"answer": interrupt("sure?")})
    app = graph.compile(checkpointer=InMemorySaver())
    assert "__interrupt__" in app.invoke({"n": 1}, THREAD)
    assert app.invoke(Command(resume="yes", update={"by": "jo"}), THREAD) == {"n": 1, "by": "jo", "answer": "yes"}
    assert app.get_state(THREAD).values["answer"] == "yes"
    jobs = [span.attributes.get(semconv.RUN_STATE) for span in spans.spans if span.name == "agent.job"]
    assert jobs == ["interrupted", None]


# --- without a schema, without edges ---


def test_the_state_is_a_plain_dict_that_nodes_add_to_side_by_side(plugin):
    graph = ArcStateGraph()
    for name in ("left", "right"):
        graph.add_node(name, lambda state, name=name: {name: state["n"]})
        graph.add_edge(START, name)
    graph.add_node("nothing", lambda _: None)
    graph.add_edge(["left", "right"], "nothing")
    given = {"n": 1}
    assert graph.compile().invoke(given) == {"n": 1, "left": 1, "right": 1}
    assert given == {"n": 1}


class Application(TypedDict):
    application_id: str


@dataclass
class Record:
    application_id: str
    officer: str = "nobody"


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    application_id: str


def of_dict(state: dict):
    return {"found": state["application_id"]}


def of_typed_dict(state: Application) -> Application:
    return {"found": state["application_id"]}


def of_dataclass(state: Record):
    return {"found": state.application_id, "officer": state.officer}


def of_model(state: Model):
    return {"found": state.application_id}


@pytest.mark.parametrize("node", [of_dict, of_typed_dict, of_dataclass, of_model])
@pytest.mark.parametrize("said", ["by the annotation", "by the argument"])
def test_nodes_that_say_what_they_take_are_given_it(plugin, node, said):
    given = {} if said == "by the annotation" else {"input_schema": get_type_hints(node)["state"]}
    graph = ArcStateGraph()
    graph.add_node("first", lambda _: {"more": 1})
    graph.add_node("node", node, **given)
    result = graph.compile().invoke({"application_id": "APP-123"})
    assert result == {"application_id": "APP-123", "more": 1, "found": "APP-123"} | (
        {"officer": "nobody"} if node is of_dataclass else {}
    )


def test_a_node_that_is_given_less_than_it_takes_says_so(plugin):
    graph = ArcStateGraph()
    graph.add_node("node", of_dataclass)
    with pytest.raises(TypeError, match="application_id"):
        graph.compile().invoke({"n": 1})


def test_a_router_that_says_what_it_takes_is_given_the_state(plugin):
    def route(state: Application) -> Literal["yes", "no"]:
        return "yes" if state["application_id"] else "no"

    graph = ArcStateGraph()
    for name in ("first", "yes", "no"):
        graph.add_node(name, lambda _, name=name: {name: True})
    graph.add_edge(START, "first")
    graph.add_conditional_edges("first", route)
    assert graph.compile().invoke({"application_id": "APP-123"})["yes"]


def test_a_graph_without_edges_is_valid(plugin):
    graph = seed()
    assert graph.validate() is graph
    assert not graph.edges


def test_a_node_that_says_where_it_leads_is_not_followed_by_the_next(spans, plugin):
    def first(_state) -> Command[Literal["last"]]:
        return Command(goto="last", update={"by": "command"})

    graph = ArcStateGraph()
    graph.add_node("first", first)
    graph.add_node("between", lambda _: {"between": True})
    graph.add_node("last", lambda state: {"last": state["by"]})
    assert graph.compile().invoke({}) == {"by": "command", "last": "command"}
    assert spans.tree == "agent.job(agent.run first agent.run last)"


def test_what_is_no_dict_is_refused_with_the_way_out(plugin):
    graph = ArcStateGraph()
    graph.add_node("odd", lambda _: 7)
    with pytest.raises(InvalidUpdateError, match=r"nodes return dicts .* of type int: 7"):
        graph.compile().invoke({})


def test_edges_that_are_added_after_a_first_compile_are_kept_to(plugin):
    graph = seed()
    graph.compile()
    graph.add_edge(START, "verify_documents")
    assert graph.compile().invoke({"processed": 1}) == {"processed": 1, "verified": True}


def test_a_graph_without_nodes_is_refused_as_langgraph_does():
    with pytest.raises(ValueError, match="entrypoint"):
        ArcStateGraph().compile()


def test_it_is_a_state_graph_in_every_way(plugin):
    graph = ArcStateGraph(State, input_schema=State, output_schema=State)
    assert isinstance(graph, StateGraph)
    assert graph.add_node("a", lambda _: {"seen": ["a"]}) is graph
    assert graph.add_sequence([("b", lambda _: {"seen": ["b"]}), ("c", lambda _: {})]) is graph
    assert graph.set_entry_point("a").add_edge("a", "b").set_finish_point("c") is graph
    app = graph.compile(name="g", interrupt_before=["b"], checkpointer=InMemorySaver(), debug=False)
    assert isinstance(app, CompiledStateGraph)
    assert isinstance(app.with_config(tags=["x"]), type(app))
    assert app.name == "g"
    assert app.invoke(INPUT, THREAD) == {"seen": ["a"]}
    assert app.get_state(THREAD).next == ("b",)
    assert set(app.get_graph().nodes) == {START, "a", "b", "c", END}
    for name in ("stream", "astream", "invoke"):
        assert inspect.signature(getattr(type(app), name)) == inspect.signature(getattr(CompiledStateGraph, name))
    assert inspect.signature(ArcStateGraph.compile) == inspect.signature(StateGraph.compile)


# --- switched off, or not there ---


@pytest.mark.parametrize(
    "switch",
    [
        {"ARC_DISABLE": "1"},
        {"OTEL_SDK_DISABLED": "true"},
        {"ARC_INSTRUMENT_LANGGRAPH": "disabled"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "arc_langgraph"},
    ],
)
def test_where_it_is_switched_off_the_graph_only_runs(spans, plugin, monkeypatch, switch):
    for name, value in switch.items():
        monkeypatch.setenv(name, value)
    assert seed().compile().invoke({"application_id": "APP-123"}) == RESULT
    assert spans.spans == ()


@pytest.fixture
def without(tmp_path):
    """Run code where all is installed but the distributions whose files begin with one of the names given."""
    installed = Path(openai.__file__).parent.parent

    def run(names, code):
        for entry in installed.iterdir():
            if entry.name.startswith("arc_runtime-") or not entry.name.startswith((*names, "_", "arc_")):
                (tmp_path / entry.name).symlink_to(entry)
        paths = [tmp_path, *(SOURCES / name for name in ("arc-runtime", "arc-semconv", "arc-prices"))]
        command = [sys.executable, "-S", "-W", "ignore", "-c", code]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


GRAPH = """
from arc_runtime import ArcStateGraph
graph = ArcStateGraph()
graph.add_node("a", lambda state: {"n": state["n"] + 1})
for _ in range(2):
    print(graph.compile().invoke({"n": 1}))
"""


def test_without_the_plugin_graphs_run_and_one_line_says_what_to_install(without):
    done = without(["arc_instrumentation"], GRAPH)
    assert done.stdout == "{'n': 2}\n{'n': 2}\n", done.stderr
    assert done.stderr.count("pip install arc-instrumentation-langgraph") == 1
    assert "Traceback" not in done.stderr


def test_without_langgraph_the_error_says_what_to_install(without):
    done = without(["langgraph"], GRAPH)
    assert done.stderr.splitlines()[-1].startswith("ImportError: ArcStateGraph")
    assert "pip install langgraph" in done.stderr


def test_everything_can_be_imported_where_langgraph_is_missing(without):
    code = "from arc_runtime import *; create_multiagent_context; print('ArcStateGraph' in globals())"
    done = without(["langgraph"], code)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_everything_is_imported_and_shown_where_langgraph_is_there():
    everything = {}
    exec("from arc_runtime import *", everything)  # noqa: S102 - what is to be tested
    assert everything["ArcStateGraph"] is ArcStateGraph
    assert {"ArcStateGraph", "create_multiagent_context", "flush"} <= set(dir(arc_runtime))


def test_pipelines_do_without_langgraph(without):
    done = without(["langgraph"], "import arc_runtime; arc_runtime.create_multiagent_context().__enter__()")
    assert (done.returncode, done.stderr) == (0, "")
