"""Trees of spans that real graphs give, in every mode, with real model calls inside."""

import asyncio
import copy
import gc
import operator
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Annotated, Literal, TypedDict

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langchain_core.tools import StructuredTool, tool
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode

ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
}  # fmt: skip


class State(TypedDict):
    messages: Annotated[list, operator.add]
    count: Annotated[int, operator.add]


INPUT = {"messages": [], "count": 0}


@tool
def flaky(x: int) -> int:
    """Fail at once."""
    raise ValueError(f"no bureau for jane@example.com, {x}")


@pytest.fixture
def plugin(spans):
    plugins = [LangGraphInstrumentor(), OpenAIInstrumentor()]
    runtime = Runtime.of(Settings())
    for one in plugins:
        one.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=runtime)
    yield plugins[0]
    for one in plugins:
        if one.active:
            one.uninstrument()
    assert plugins[0].guard.failures == {}


@pytest.fixture
def model():
    with ReplayServer([{"request": {}, "response": ANSWER}]) as server:
        yield server.url


def ask(model):
    def node(_state):
        with openai.OpenAI(base_url=model, api_key="k") as client:
            client.chat.completions.create(model="m", messages=[])
        return {"count": 1}

    return node


def ask_async(model):
    async def node(_state):
        async with openai.AsyncOpenAI(base_url=model, api_key="k") as client:
            await client.chat.completions.create(model="m", messages=[])
        return {"count": 1}

    return node


def call_tool(_state):
    return {"messages": [AIMessage("", tool_calls=[{"name": "flaky", "args": {"x": 1}, "id": "call_1"}])]}


def graph_of(node):
    inner = StateGraph(State)
    inner.add_node("inner", node)
    inner.add_edge(START, "inner")
    graph = StateGraph(State)
    graph.add_node("planner", call_tool)
    graph.add_node("tools", ToolNode([flaky], handle_tool_errors=True))
    graph.add_node("team", inner.compile(name="team_graph"))
    graph.add_node("writer", node)
    graph.add_edge(START, "planner")
    graph.add_conditional_edges("planner", lambda _: "tools", ["tools"])
    graph.add_edge("tools", "team")
    graph.add_edge("team", "writer")
    graph.add_edge("writer", END)
    return graph.compile(name="loan")


TREE = (
    "agent.job loan(agent.run planner agent.run tools(agent.tool flaky!) "
    "agent.run team(agent.run inner(chat m)) agent.run writer(chat m))"
)


async def drained(stream):
    seen = []
    async for item in stream:
        # What a node has made current must not be so for whoever reads the stream.
        assert not trace.get_current_span().get_span_context().is_valid
        seen.append(item)
    return seen


MODES = {
    "invoke": lambda url: graph_of(ask(url)).invoke(INPUT),
    "stream": lambda url: list(graph_of(ask(url)).stream(INPUT)),
    "stream all modes": lambda url: list(graph_of(ask(url)).stream(INPUT, stream_mode=["values", "updates", "debug"])),
    "ainvoke": lambda url: asyncio.run(graph_of(ask_async(url)).ainvoke(INPUT)),
    "ainvoke, sync nodes": lambda url: asyncio.run(graph_of(ask(url)).ainvoke(INPUT)),
    "astream": lambda url: asyncio.run(drained(graph_of(ask_async(url)).astream(INPUT))),
    "astream, sync nodes": lambda url: asyncio.run(drained(graph_of(ask(url)).astream(INPUT))),
    "astream_events": lambda url: asyncio.run(drained(graph_of(ask_async(url)).astream_events(INPUT, version="v2"))),
}


@pytest.mark.parametrize("mode", MODES)
def test_model_calls_nest_in_their_node_in_every_mode(spans, plugin, model, caplog, mode):
    MODES[mode](model)
    assert spans.tree == TREE
    assert "detach" not in caplog.text


def test_batches_are_a_job_each(spans, plugin, model):
    graph_of(ask(model)).batch([INPUT, INPUT])
    assert spans.tree == f"{TREE} {TREE}"


def test_the_attributes_of_job_run_and_tool(spans, plugin, model):
    graph_of(ask(model)).invoke(INPUT, {"configurable": {"thread_id": "t-1"}})
    by_name = {span.name: dict(span.attributes) for span in spans.spans}
    assert by_name["agent.job loan"] == {
        "arc.span.kind": "job",
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "loan",
        "gen_ai.conversation.id": "t-1",
    }
    planner = by_name["agent.run planner"]
    assert planner.pop(semconv.LANGGRAPH_CHECKPOINT_NS).startswith("planner:")
    assert planner == {
        "arc.span.kind": "run",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "planner",
        "gen_ai.conversation.id": "t-1",
        "arc.langgraph.node": "planner",
        "arc.langgraph.step": 1,
        "arc.langgraph.triggers": ("branch:to:planner",),
    }
    tool_span = by_name["agent.tool flaky"]
    assert {name: tool_span[name] for name in tool_span if not name.startswith("arc.redaction")} == {
        "arc.span.kind": "tool",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "flaky",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Fail at once.",
        "error.type": "ValueError",
        # Before 1.0 the callbacks tell the id with the answer, of which there is none here.
        **({"gen_ai.tool.call.id": "call_1"} if version("langchain-core") >= "1" else {}),
    }


def test_a_tool_says_which_call_it_answers(spans, plugin):
    @tool
    def known(x: int) -> int:
        """Know it."""
        return x

    call = {"name": "known", "args": {"x": 1}, "id": "call_2"}
    one_node(ToolNode([known])).invoke({"messages": [AIMessage("", tool_calls=[call])], "count": 0})
    (span,) = [span for span in spans.spans if span.name == "agent.tool known"]
    assert span.attributes[semconv.TOOL_CALL_ID] == "call_2"


def test_a_failing_tool_is_an_error_without_the_personal_value_and_the_job_is_none(spans, plugin, model):
    graph_of(ask(model)).invoke(INPUT)
    statuses = {span.name: span.status.status_code for span in spans.spans}
    assert statuses["agent.tool flaky"] is StatusCode.ERROR
    assert statuses["agent.job loan"] is StatusCode.UNSET
    assert "jane@example.com" not in "".join(span.to_json() for span in spans.spans)


def test_tool_content_is_recorded_where_it_is_asked_for(spans, model):
    @tool
    def look_up(mail: str) -> str:
        """Look it up."""
        return f"{mail} is known"

    plugin = LangGraphInstrumentor()
    plugin.instrument(
        skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings(capture="SPAN_ONLY"))
    )
    graph = StateGraph(State)
    call = {"name": "look_up", "args": {"mail": "jane@example.com"}, "id": "c"}
    graph.add_node("ask", lambda _: {"messages": [AIMessage("", tool_calls=[call])]})
    graph.add_node("tools", ToolNode([look_up]))
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "tools")
    graph.compile().invoke(INPUT)
    plugin.uninstrument()
    (span,) = [span for span in spans.spans if span.name == "agent.tool look_up"]
    assert span.attributes[semconv.TOOL_CALL_ARGUMENTS] == '{"mail":"<EMAIL>"}'
    assert span.attributes[semconv.TOOL_CALL_RESULT] == "<EMAIL> is known"


def one_node(node, **compile_options):
    graph = StateGraph(State)
    graph.add_node("only", node)
    graph.add_edge(START, "only")
    return graph.compile(**compile_options)


def test_a_graph_without_a_name_of_its_own_gets_none(spans, plugin):
    one_node(lambda _: {"count": 1}).invoke(INPUT)
    assert spans.tree == "agent.job(agent.run only)"


def test_an_error_reaches_the_program_untouched_and_marks_run_and_job(spans, plugin):
    error = KeyError("missing")

    def fail(_state):
        raise error

    with pytest.raises(KeyError) as raised:
        one_node(fail).invoke(INPUT)
    assert raised.value is error
    assert spans.tree == "agent.job!(agent.run only!)"


def test_an_interrupt_is_a_state_and_a_resume_goes_on(spans, plugin):
    graph = one_node(lambda _: {"count": 1 if interrupt("approve?") else 2}, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    graph.invoke(INPUT, config)
    assert spans.tree == "agent.job:interrupted(agent.run only:interrupted(agent.action interrupt:interrupted))"
    spans.clear()
    graph.invoke(Command(resume=True), config)
    assert spans.tree == "agent.job(agent.run only)"


def test_send_fans_out_to_a_run_each(spans, plugin):
    graph = StateGraph(State)
    graph.add_node("worker", lambda _: {"count": 1})
    graph.add_conditional_edges(START, lambda _: [Send("worker", INPUT) for _ in range(3)])
    graph.compile(name="fan").invoke(INPUT)
    assert spans.tree == "agent.job fan(agent.run worker agent.run worker agent.run worker)"


def test_a_graph_inside_a_node_belongs_to_the_job_around_it(spans, plugin, model):
    inner = one_node(ask(model), name="inner_graph")
    one_node(lambda _: {"count": inner.invoke(INPUT)["count"]}, name="outer").invoke(INPUT)
    assert spans.tree == "agent.job outer(agent.run only(agent.run only(chat m)))"


def test_a_graph_below_the_program_s_own_span_is_part_of_its_trace(spans, plugin):
    with spans.tracer_provider.get_tracer("program").start_as_current_span("request"):
        one_node(lambda _: {"count": 1}, name="g").invoke(INPUT)
    assert spans.tree == "request(agent.job g(agent.run only))"


def test_a_stream_that_is_left_leaves_no_span_open(spans, plugin, model):
    for _ in graph_of(ask(model)).stream(INPUT):
        break
    gc.collect()
    assert spans.tree == "agent.job loan:cancelled(agent.run planner)"


def test_an_async_stream_that_is_left_leaves_no_span_open(spans, plugin, model, caplog):
    async def program():
        async for _ in graph_of(ask_async(model)).astream(INPUT):
            break

    asyncio.run(program())
    gc.collect()
    assert spans.tree.startswith("agent.job loan:cancelled(agent.run planner")
    assert "detach" not in caplog.text


def test_a_cancelled_graph_is_a_state_and_no_error(spans, plugin):
    async def wait(_state):
        await asyncio.sleep(30)

    async def program():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await one_node(wait).ainvoke(INPUT)

    asyncio.run(program())
    assert spans.tree == "agent.job:cancelled(agent.run only:cancelled)"


def test_the_recursion_limit_reaches_the_program(spans, plugin):
    graph = StateGraph(State)
    graph.add_node("again", lambda _: {"count": 1})
    graph.add_edge(START, "again")
    graph.add_edge("again", "again")
    with pytest.raises(GraphRecursionError):
        graph.compile().invoke(INPUT, {"recursion_limit": 3})
    assert spans.tree.startswith("agent.job!(agent.run again")


def test_chains_and_tools_outside_a_graph_make_no_spans(spans, plugin):
    RunnableLambda(lambda x: x).invoke(1)
    with pytest.raises(ValueError, match="no bureau"):
        flaky.invoke({"x": 1})
    assert spans.spans == ()


def test_switched_off_a_graph_makes_no_spans(spans, plugin, model):
    plugin.uninstrument()
    one_node(lambda _: {"count": 1}).invoke(INPUT)
    assert spans.spans == ()


def before_1_1(monkeypatch):
    """Have graphs not say that they are graphs, as LangGraph before 1.1 does not."""
    from arc_langchain_callbacks import _mapping

    monkeypatch.setattr(_mapping, "is_graph", lambda _metadata: False)


@pytest.fixture(params=["says so", "before 1.1"])
def release(request, monkeypatch):
    if request.param == "before 1.1":
        before_1_1(monkeypatch)


@pytest.mark.parametrize("mode", MODES)
def test_a_graph_that_does_not_say_so_is_told_by_its_first_node(spans, plugin, model, monkeypatch, mode):
    before_1_1(monkeypatch)
    MODES[mode](model)
    assert spans.tree == TREE


def test_the_first_node_knows_the_thread_of_a_graph_that_does_not_say_so(spans, plugin, monkeypatch):
    before_1_1(monkeypatch)
    one_node(lambda _: {"count": 1}, name="g").invoke(INPUT, {"configurable": {"thread_id": "t-1"}})
    (job,) = [span for span in spans.spans if span.name == "agent.job g"]
    assert job.attributes[semconv.CONVERSATION_ID] == "t-1"


def same(value):
    return value


# --- graphs inside other runnables ---


def calling(graph):
    def call(state):
        return graph.invoke(state)

    return call


def calling_later(graph):
    async def call(state):
        return await graph.ainvoke(state)

    return call


AROUND = {
    "lambda | graph": lambda graph: RunnableLambda(same) | graph,
    "graph | lambda": lambda graph: graph | RunnableLambda(same),
    "a lambda that calls it": lambda graph: RunnableLambda(calling(graph), afunc=calling_later(graph)),
    "with_retry": lambda graph: graph.with_retry(),
    "with_fallbacks": lambda graph: graph.with_fallbacks([RunnableLambda(same)]),
    "a sequence of sequences": lambda graph: (
        RunnableLambda(same) | RunnableLambda(lambda _: RunnableLambda(same) | graph)
    ),
    "parallel": lambda graph: RunnableParallel(one=graph, two=RunnableLambda(same)),
}
CALLS = {
    "invoke": lambda around: around.invoke(INPUT),
    "stream": lambda around: list(around.stream(INPUT)),
    "ainvoke": lambda around: asyncio.run(around.ainvoke(INPUT)),
    "astream": lambda around: asyncio.run(drained(around.astream(INPUT))),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("around", AROUND)
def test_a_graph_inside_another_runnable_is_a_job(spans, plugin, release, caplog, around, call):
    graph = StateGraph(State)
    graph.add_node("a", lambda _: {"count": 1})
    graph.add_node("b", lambda _: {"count": 1})
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    CALLS[call](AROUND[around](graph.compile(name="inside")))
    assert spans.tree == "agent.job inside(agent.run a agent.run b)"
    assert "detach" not in caplog.text


def test_a_graph_inside_a_runnable_is_below_the_program_s_own_span(spans, plugin, release):
    tracer = spans.tracer_provider.get_tracer("program")

    def call(state):
        with tracer.start_as_current_span("step"):
            return one_node(lambda _: {"count": 1}, name="g").invoke(state)

    with tracer.start_as_current_span("request"):
        RunnableLambda(call).invoke(INPUT)
    assert spans.tree == "request(step(agent.job g(agent.run only)))"


def test_a_graph_in_a_thread_of_the_program_s_own_is_below_the_span_round_its_runnable(spans, plugin, release):
    graph = one_node(lambda _: {"count": 1}, name="g")

    def call(state, config):
        with ThreadPoolExecutor() as pool:
            return pool.submit(graph.invoke, state, config).result()

    with spans.tracer_provider.get_tracer("program").start_as_current_span("request"):
        RunnableLambda(call).invoke(INPUT)
    assert spans.tree == "request(agent.job g(agent.run only))"


def test_two_graphs_in_a_sequence_are_a_job_each(spans, plugin, release):
    first, second = (one_node(lambda _: {"count": 1}, name=name) for name in ("first", "second"))
    (first | second).invoke(INPUT)
    assert spans.tree == "agent.job first(agent.run only) agent.job second(agent.run only)"


def test_an_interrupt_inside_a_sequence_is_a_state_of_the_graph(spans, plugin, release):
    graph = one_node(lambda _: {"count": interrupt("approve?")}, name="g", checkpointer=InMemorySaver())
    (graph | RunnableLambda(same)).invoke(INPUT, {"configurable": {"thread_id": "t"}})
    assert spans.tree == "agent.job g:interrupted(agent.run only:interrupted(agent.action interrupt:interrupted))"


def test_a_tool_inside_a_runnable_that_is_no_graph_makes_no_span(spans, plugin):
    with pytest.raises(ValueError, match="no bureau"):
        RunnableLambda(lambda _: flaky.invoke({"x": 1})).invoke(1)
    assert spans.spans == ()


def test_a_graph_in_a_thread_that_has_only_the_trace_context_is_still_part_of_the_job(spans, plugin, release):
    inner = one_node(lambda _: {"count": 1}, name="inner_graph")

    def call(ambient, state):
        context.attach(ambient)
        return inner.invoke(state)

    def node(state):
        with ThreadPoolExecutor() as pool:
            return {"count": pool.submit(call, context.get_current(), state).result()["count"]}

    one_node(node, name="outer").invoke(INPUT)
    assert spans.tree == "agent.job outer(agent.run only(agent.run inner_graph(agent.run only)))"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_model_call_inside_a_tool_is_below_the_tool(spans, plugin, model, kind):
    def look_up(mail: str) -> str:
        """Look it up."""
        ask(model)(None)
        return "known"

    async def look_up_later(mail: str) -> str:
        await ask_async(model)(None)
        return "known"

    call = {"name": "look_up", "args": {"mail": "a"}, "id": "c"}
    tools = [StructuredTool.from_function(look_up, coroutine=look_up_later)]
    graph = StateGraph(State)
    graph.add_node("ask", lambda _: {"messages": [AIMessage("", tool_calls=[call])]})
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "tools")
    CALLS["invoke" if kind == "sync" else "ainvoke"](graph.compile(name="g"))
    assert spans.tree == "agent.job g(agent.run ask agent.run tools(agent.tool look_up(chat m)))"


# --- the handler among the program's own values ---


def test_a_node_may_copy_and_pickle_the_callbacks_it_is_given(spans, plugin):
    seen = []

    def node(_state, config: RunnableConfig):
        manager = config["callbacks"]
        for copied in (copy.deepcopy(manager), copy.copy(manager), pickle.loads(pickle.dumps(manager))):  # noqa: S301
            seen.append(copied)
            RunnableLambda(same).invoke(1, {"callbacks": copied})
        return {"count": 1}

    assert one_node(node, name="g").invoke(INPUT)["count"] == 1
    assert len(seen) == 3
    assert spans.tree == "agent.job g(agent.run only)"


# --- ends ---


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_printed_leaves_no_span_open(spans, plugin):
    def fail(_state):
        raise UnprintableError

    with pytest.raises(UnprintableError):
        one_node(fail, name="g").invoke(INPUT)
    assert sorted(span.name for span in spans.spans) == ["agent.job g", "agent.run only"]
    assert {span.attributes["error.type"] for span in spans.spans} == {"UnprintableError"}
    plugin.guard.failures.clear()


def test_a_run_that_cannot_be_marked_is_ended(spans, plugin, monkeypatch):
    from arc_langchain_callbacks import _tree

    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    def node(_state):
        raise KeyError("missing")

    monkeypatch.setattr(_tree, "failed", fail)
    with pytest.raises(KeyError):
        one_node(node, name="g").invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run only)"
    assert plugin.guard.failures.total() == 2
    plugin.guard.failures.clear()


def test_a_failing_branch_beside_an_interrupted_one_is_an_error_of_the_job(spans, plugin):
    def fail(_state):
        time.sleep(0.05)
        raise KeyError("missing")

    graph = StateGraph(State)
    graph.add_node("asks", lambda _: {"count": interrupt("approve?")})
    graph.add_node("fails", fail)
    graph.add_edge(START, "asks")
    graph.add_edge(START, "fails")
    with pytest.raises(KeyError):
        graph.compile(name="g", checkpointer=InMemorySaver()).invoke(INPUT, {"configurable": {"thread_id": "t"}})
    asks, fails = "agent.run asks:interrupted(agent.action interrupt:interrupted)", "agent.run fails!"
    assert spans.tree in {f"agent.job g!({asks} {fails})", f"agent.job g!({fails} {asks})"}  # they start side by side


# --- the functional API ---


@task
def add_one(number: int) -> int:
    return number + 1


@task(name="double")
async def double_later(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


def test_tasks_are_runs_of_their_entrypoint(spans, plugin, release, model):
    @task
    def ask_model():
        ask(model)(None)

    @entrypoint()
    def workflow(number: int) -> int:
        first, second = ask_model(), add_one(number)
        first.result()
        return second.result()

    assert workflow.invoke(1) == 2
    assert sorted(shape_of_runs(spans)) == ["add_one < workflow", "ask_model < workflow", "chat m < ask_model"]


def shape_of_runs(spans):
    names = {span.context.span_id: span.name.removeprefix("agent.run ") for span in spans.spans}
    for span in spans.spans:
        above = names.get(span.parent.span_id) if span.parent else None
        if above and above != "agent.job":
            yield f"{names[span.context.span_id]} < {above}"


def test_async_tasks_are_runs_of_their_entrypoint(spans, plugin, release):
    @entrypoint()
    async def workflow(number: int) -> int:
        return sum(await asyncio.gather(double_later(number), double_later(number + 1)))

    assert asyncio.run(workflow.ainvoke(1)) == 6
    assert spans.tree == "agent.job(agent.run workflow(agent.run double agent.run double))"


def test_steps_inside_a_task_are_none_of_their_own(spans, plugin, model):
    @task
    def step(number: int) -> int:
        def step(number):
            ask(model)(None)
            return number

        return (RunnableLambda(step) | RunnableLambda(same)).invoke(number)

    @entrypoint()
    def workflow(number: int) -> int:
        return step(number).result()

    workflow.invoke(1)
    assert spans.tree == "agent.job(agent.run workflow(agent.run step(chat m)))"


def test_a_task_that_asks_a_person_is_a_state_all_the_way_up(spans, plugin):
    @task
    def approve() -> str:
        return interrupt("approve?")

    @entrypoint(checkpointer=InMemorySaver())
    def workflow(number: int) -> str:
        return approve().result()

    workflow.invoke(1, {"configurable": {"thread_id": "t"}})
    assert (
        spans.tree
        == "agent.job:interrupted(agent.run workflow:interrupted(agent.run approve:interrupted(agent.action interrupt:interrupted)))"
    )


# --- what nodes can do ---


def failing_first():
    attempts = []

    def node(_state):
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("not yet")
        return {"count": 1}

    return node


def test_each_attempt_of_a_node_is_a_run_that_says_which_it_is(spans, plugin, release):
    graph = StateGraph(State)
    graph.add_node("only", failing_first(), retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
    graph.add_edge(START, "only")
    graph.compile(name="g").invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run only! agent.run only! agent.run only)"
    runs = [span for span in spans.spans if span.name == "agent.run only"]
    assert [span.attributes.get(semconv.RUN_ATTEMPT) for span in runs] == [None, 2, 3]


def test_a_node_that_is_answered_from_the_cache_makes_no_run(spans, plugin):
    graph = StateGraph(State)
    graph.add_node("only", lambda _: {"count": 1}, cache_policy=CachePolicy())
    graph.add_edge(START, "only")
    graph = graph.compile(name="g", cache=InMemoryCache())
    assert graph.invoke(INPUT) == graph.invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run only) agent.job g"


def test_parallel_branches_are_runs_of_one_job_with_their_own_model_calls(spans, plugin, release, model):
    graph = StateGraph(State)
    names = [f"branch_{number}" for number in range(4)]
    for name in names:
        graph.add_node(name, ask(model))
        graph.add_edge(START, name)
    graph.compile(name="wide").invoke(INPUT)
    assert sorted(shape_of_runs(spans)) == sorted(
        line for name in names for line in (f"chat m < {name}", f"{name} < agent.job wide")
    )


def test_nodes_that_start_at_once_open_one_job(spans, plugin, monkeypatch):
    from arc_langchain_callbacks import _mapping

    before_1_1(monkeypatch)
    attributes = _mapping.workflow_attributes
    monkeypatch.setattr(_mapping, "workflow_attributes", lambda *said: time.sleep(0.1) or attributes(*said))
    graph = StateGraph(State)
    for name in "ab":
        graph.add_node(name, lambda _: {"count": 1})
        graph.add_edge(START, name)
    graph.compile(name="wide").invoke(INPUT)
    assert sorted(shape_of_runs(spans)) == ["a < agent.job wide", "b < agent.job wide"]


def test_a_graph_inside_a_router_belongs_to_the_job_around_it(spans, plugin, release):
    inner = one_node(lambda _: {"count": 1}, name="inner_graph")
    graph = StateGraph(State)
    graph.add_node("only", lambda _: {"count": 1})
    graph.add_conditional_edges(START, lambda state: "only" if inner.invoke(state) else END, ["only"])
    graph.compile(name="outer").invoke(INPUT)
    assert spans.tree == "agent.job outer(agent.run only agent.run only)"


def test_what_goes_on_after_its_graph_has_ended_is_no_job(spans, plugin):
    kept = []

    def node(_state, config: RunnableConfig):
        kept.append({name: config[name] for name in ("callbacks", "metadata")})
        return {"count": 1}

    one_node(node, name="g").invoke(INPUT)
    RunnableLambda(lambda x: RunnableLambda(same).invoke(x)).invoke(1, kept[0])
    assert spans.tree == "agent.job g(agent.run only)"
    inner = one_node(lambda _: {"count": 1}, name="late")
    inner.invoke(INPUT, kept[0])
    assert spans.tree == "agent.job g(agent.run only) agent.job late(agent.run only)"


def test_a_command_that_goes_elsewhere_is_no_error(spans, plugin, release):
    def leave(_state) -> Command:
        return Command(goto="after", graph=Command.PARENT)

    def route(_state) -> Command[Literal["team"]]:
        return Command(goto="team", update={"count": 1})

    graph = StateGraph(State)
    graph.add_node("route", route)
    graph.add_node("team", one_node(leave, name="team_graph"), destinations=("after",))
    graph.add_node("after", lambda _: {"count": 1})
    graph.add_edge(START, "route")
    graph.compile(name="g").invoke(INPUT)
    assert spans.tree == "agent.job g(agent.run route agent.run team(agent.run only) agent.run after)"


class ScriptedModel(GenericFakeChatModel):
    def bind_tools(self, _tools, **_options):
        return self


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_prebuilt_agent_is_a_job_with_its_turns_and_tools(spans, plugin, release):
    from langgraph.prebuilt import create_react_agent

    @tool
    def add(x: int) -> int:
        """Add one."""
        return x + 1

    calls = AIMessage("", tool_calls=[{"name": "add", "args": {"x": 1}, "id": "c"}])
    agent = create_react_agent(ScriptedModel(messages=iter([calls, AIMessage("2")])), [add], name="adder")
    agent.invoke({"messages": [("user", "add")]})
    assert spans.tree == "agent.job adder(agent.run agent agent.run tools(agent.tool add) agent.run agent)"


def test_nothing_is_held_once_a_graph_has_ended(spans, plugin, model):
    from arc_langchain_callbacks import _run

    before = [one for one in gc.get_objects() if type(one) is _run.Run]
    for mode in ("invoke", "astream"):
        MODES[mode](model)
    gc.collect()
    assert len([one for one in gc.get_objects() if type(one) is _run.Run]) == len(before)


def test_no_run_waits_for_the_garbage_collector(spans, plugin):
    from arc_langchain_callbacks import _run

    def held():
        return [one for one in gc.get_objects() if type(one) is _run.Run]

    graph = one_node(lambda _: {"count": 1})
    graph.invoke(INPUT)
    gc.collect()
    gc.disable()
    try:
        before = len(held())
        for _ in range(3):
            graph.invoke(INPUT)
        assert len(held()) == before
    finally:
        gc.enable()


def test_a_fault_inside_never_reaches_the_graph(spans, plugin, monkeypatch):
    from arc_langchain_callbacks import _mapping

    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    for name in ("node_of", "is_graph", "tool_attributes"):
        monkeypatch.setattr(_mapping, name, fail)
    assert graph_of(lambda _: {"count": 1}).invoke(INPUT)["count"] == 2
    assert plugin.guard.failures.total() > 0
    plugin.guard.failures.clear()


def test_span_names_follow_the_conventions_when_asked(spans):
    plugin = LangGraphInstrumentor()
    plugin.instrument(
        skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings(span_names="genai"))
    )
    one_node(lambda _: {"count": 1}, name="g").invoke(INPUT)
    plugin.uninstrument()
    assert spans.tree == "invoke_workflow g(invoke_agent only)"
