"""What the program does around and inside its graphs: suppression, tags, threads, changes of the state."""

import asyncio
import inspect
import operator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Annotated, TypedDict

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_langchain_callbacks import _share
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy, interrupt
from opentelemetry.instrumentation.utils import suppress_instrumentation

ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
}  # fmt: skip
THREAD = {"configurable": {"thread_id": "t"}}
TIMEOUTS = "timeout" in inspect.signature(StateGraph.add_node).parameters


class State(TypedDict):
    messages: Annotated[list, operator.add]
    count: Annotated[int, operator.add]


INPUT = {"messages": [], "count": 0}


@pytest.fixture(scope="module")
def url():
    with ReplayServer([{"request": {}, "response": ANSWER}]) as server:
        yield server.url


@pytest.fixture(autouse=True)
def plugins(spans):
    plugins = [LangGraphInstrumentor(), OpenAIInstrumentor()]
    for one in plugins:
        one.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings()))
    yield plugins
    assert _share._SHARES._handler is None or _share._SHARES._handler.tree.under_way == []
    for one in plugins:
        one.uninstrument()
        assert one.guard.failures == {}


def plain(_state):
    return {"count": 1}


def graph(*nodes, name="g", **options):
    """A graph that runs `nodes`, (name, work) each, one after the other."""
    built = StateGraph(State)
    before = START
    for node, work in nodes:
        built.add_node(node, work)
        built.add_edge(before, node)
        before = node
    return built.compile(name=name, **options)


def ask(url):
    with openai.OpenAI(base_url=url, api_key="k") as client:
        client.chat.completions.create(model="m", messages=[])


# --- suppression, tags, ends ---


def test_a_suppressed_graph_makes_no_spans(spans, url):
    with suppress_instrumentation():
        graph(("a", lambda _: ask(url)), ("b", plain)).invoke(INPUT)
    assert spans.spans == ()


def test_what_a_node_suppresses_is_not_told(spans, url):
    @tool
    def look_up(name: str) -> str:
        """Look it up."""
        return name

    calls = {"messages": [AIMessage("", tool_calls=[{"name": "look_up", "args": {"name": "x"}, "id": "c1"}])]}
    inner = graph(("calls", lambda _: calls), ("tools", ToolNode([look_up])), ("deep", lambda _: ask(url)))

    def node(state):
        with suppress_instrumentation():
            inner.invoke(state)
        return plain(state)

    graph(("a", node), ("b", plain)).invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run a agent.run b)"
    assert semconv.TOOL_CALL_ID not in spans.spans[0].attributes


def test_tags_of_the_program_make_no_nodes(spans):
    inner = graph(("a", RunnableLambda(plain, name="a")), name="a")
    graph(("a", inner)).invoke(INPUT, {"tags": ["graph:step:3", "seq:step:1"]})
    assert spans.tree == "agent.job g(agent.run a(agent.run a))"


def test_a_program_that_exits_inside_a_node_is_stopped_and_no_error(spans):
    def leave(_state):
        raise SystemExit(3)

    with pytest.raises(SystemExit) as raised:
        graph(("a", leave)).invoke(INPUT)
    assert raised.value.code == 3
    assert spans.tree == "agent.job g:cancelled(agent.run a:cancelled)"


@pytest.mark.skipif(not TIMEOUTS, reason="this version of langgraph has no timeouts of nodes")
def test_an_attempt_after_a_timeout_says_which_it_is(spans):
    attempts = []

    async def slow_first(_state):
        attempts.append(1)
        if len(attempts) == 1:
            await asyncio.sleep(30)
        return {"count": 1}

    built = StateGraph(State)
    again = RetryPolicy(initial_interval=0.001, jitter=False, retry_on=Exception)
    built.add_node("only", slow_first, timeout=0.05, retry_policy=again)
    built.add_edge(START, "only")
    asyncio.run(built.compile(name="g").ainvoke(INPUT))
    assert spans.tree == "agent.job g(agent.run only:cancelled agent.run only)"
    runs = [span for span in spans.spans if span.name == "agent.run only"]
    assert [span.attributes.get(semconv.RUN_ATTEMPT) for span in runs] == [None, 2]


# --- threads ---


def in_a_pool(url):
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: ask(url), range(2)))


async def in_the_executor(url):
    loop = asyncio.get_running_loop()
    await asyncio.gather(loop.run_in_executor(None, ask, url), asyncio.to_thread(ask, url))


def test_work_that_a_node_gives_to_a_pool_is_part_of_it(spans, url):
    graph(("a", lambda _: in_a_pool(url)), ("b", plain)).invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run a(chat m chat m) agent.run b)"


def test_work_that_an_async_node_gives_to_the_executor_is_part_of_it(spans, url):
    async def node(_state):
        await in_the_executor(url)

    asyncio.run(graph(("a", node), ("b", plain)).ainvoke(INPUT))
    assert spans.tree == "agent.job g(agent.run a(chat m chat m) agent.run b)"


def test_outside_of_graphs_a_pool_is_what_it_was(spans, url):
    with spans.tracer_provider.get_tracer("program").start_as_current_span("request"):
        in_a_pool(url)
    assert sorted(spans.tree.split()) == ["chat", "chat", "m", "m", "request"]


def test_a_pool_gives_work_nothing_of_the_program_s_context_and_takes_the_span_back(spans, url):
    of_the_program = ContextVar("of_the_program", default="none")
    seen = []

    def node(_state):
        of_the_program.set("mine")
        pool.submit(lambda: seen.append(of_the_program.get())).result()
        return {"count": 1}

    with ThreadPoolExecutor(max_workers=1) as pool:
        graph(("a", node)).invoke(INPUT)
        spans.clear()
        pool.submit(ask, url).result()
    assert seen == ["none"]
    assert spans.tree == "chat m"


def test_what_work_in_a_pool_raises_is_raised(spans):
    error = KeyError("missing")

    def fail():
        raise error

    def node(_state):
        with ThreadPoolExecutor() as pool:
            assert pool.submit(fail).exception() is error
            assert pool.submit(pow, 2, exp=3).result() == 8
        return {"count": 1}

    graph(("a", node)).invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run a)"


# --- what stopped, and goes on from elsewhere ---


def links(span):
    return [link.attributes[semconv.LINK] for link in span.links]


def stopped_before_b(saver):
    return graph(("a", plain), ("b", plain), checkpointer=saver, interrupt_before=["b"])


def test_a_graph_whose_state_a_person_changed_is_resumed_all_the_same(spans):
    built = stopped_before_b(InMemorySaver())
    built.invoke(INPUT, THREAD)
    built.update_state(THREAD, {"count": 5})
    built.update_state(THREAD, {"count": 5})
    assert built.invoke(None, THREAD)["count"] == 12
    first, resumed = [span for span in spans.spans if span.name == "agent.job g"]
    assert links(resumed) == ["resumes", "answers"]
    assert resumed.links[0].context.span_id == first.context.span_id
    assert resumed.attributes[semconv.ACTION_OUTCOME] == "continued"


def test_the_same_holds_of_async_graphs(spans):
    async def program():
        built = stopped_before_b(InMemorySaver())
        await built.ainvoke(INPUT, THREAD)
        await built.aupdate_state(THREAD, {"count": 5})
        return await built.ainvoke(None, THREAD)

    assert asyncio.run(program())["count"] == 7
    resumed = [span for span in spans.spans if span.name == "agent.job g"][-1]
    assert links(resumed) == ["resumes", "answers"]


def test_an_answer_given_as_the_node_s_own_leads_back_to_who_asked(spans):
    built = graph(("a", lambda _: {"count": interrupt("how many?")}), ("b", plain), checkpointer=InMemorySaver())
    built.invoke(INPUT, THREAD)
    built.update_state(THREAD, {"count": 5}, as_node="a")
    built.invoke(None, THREAD)
    resumed = [span for span in spans.spans if span.name == "agent.job g"][-1]
    assert links(resumed) == ["resumes"]


def test_a_graph_that_did_not_stop_leaves_no_note_when_its_state_is_changed(spans):
    saver = InMemorySaver()
    built = graph(("a", plain), checkpointer=saver)
    built.invoke(INPUT, THREAD)
    updated = built.update_state(THREAD, {"count": 5})
    assert not saver.get_tuple(updated).pending_writes


def test_an_update_that_fails_fails_as_it_would(spans):
    with pytest.raises(ValueError, match="No checkpointer set"):
        graph(("a", plain)).update_state(THREAD, {"count": 5})
    with pytest.raises(ValueError, match="No checkpointer set"):
        asyncio.run(graph(("a", plain)).aupdate_state(THREAD, {"count": 5}))


class OutOfOrderError(Exception):
    """What a checkpointer raises whose database is gone."""


def test_a_note_that_cannot_be_read_does_not_hold_up_an_update(spans, plugins):
    saver = InMemorySaver()
    built = stopped_before_b(saver)
    built.invoke(INPUT, THREAD)
    read, reads = saver.get_tuple, []

    def get_tuple(config):
        reads.append(config)
        if len(reads) == 1:
            raise OutOfOrderError
        return read(config)

    saver.get_tuple = get_tuple
    built.update_state(THREAD, {"count": 5})
    assert built.get_state(THREAD).values["count"] == 6
    assert len(reads) > 1
    for one in plugins:
        one.guard.failures.clear()


def test_a_fault_in_arc_holds_up_neither_a_pool_nor_an_update(spans, plugins, monkeypatch):
    from arc_langchain_callbacks import _threads, _updates

    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    def node(_state):
        with ThreadPoolExecutor() as pool:
            return {"count": pool.submit(pow, 2, 3).result()}

    monkeypatch.setattr(_threads, "_brings_its_own", fail)
    monkeypatch.setattr(_updates._Notes, "of", fail)
    built = graph(("a", node), ("b", plain), checkpointer=InMemorySaver(), interrupt_before=["b"])
    assert built.invoke(INPUT, THREAD)["count"] == 8
    built.update_state(THREAD, {"count": 5})
    asyncio.run(built.aupdate_state(THREAD, {"count": 5}))
    assert built.invoke(None, THREAD)["count"] == 19
    for one in plugins:
        one.guard.failures.clear()


@pytest.mark.parametrize("where", ["interrupt_before", "interrupt_after"])
def test_control_that_was_passed_on_before_a_stop_is_linked_after_it(spans, where):
    stop = {where: ["b" if where == "interrupt_before" else "a"]}
    built = graph(("a", plain), ("b", plain), checkpointer=InMemorySaver(), **stop)
    built.invoke(INPUT, THREAD)
    built.invoke(None, THREAD)
    giver, taker = [span for span in spans.spans if span.name.startswith("agent.run")]
    (link,) = taker.links
    assert link.context.span_id == giver.context.span_id
    assert link.context.trace_id == giver.context.trace_id != taker.context.trace_id
    assert dict(link.attributes) == {
        "arc.link": "handoff",
        "arc.handoff.from": "a",
        "arc.handoff.to": "b",
        "arc.handoff.keys": ("count",),
    }
    assert taker.attributes[semconv.HANDOFF_FROM] == "a"


def test_a_node_that_asked_is_linked_to_who_passed_control_on_each_time(spans):
    built = graph(("a", plain), ("b", lambda _: {"count": interrupt("how many?")}), checkpointer=InMemorySaver())
    built.invoke(INPUT, THREAD)
    built.invoke(Command(resume=1), THREAD)
    runs = {span.context.span_id: span for span in spans.spans if span.name.startswith("agent.run")}
    linked = [runs[link.context.span_id].name for run in runs.values() for link in run.links]
    assert linked == ["agent.run a", "agent.run a"]
