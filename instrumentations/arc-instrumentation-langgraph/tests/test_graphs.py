"""Trees of spans that real graphs give, in every mode, with real model calls inside."""

import asyncio
import gc
import operator
from typing import Annotated, TypedDict

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from opentelemetry import trace
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
        "gen_ai.tool.call.id": "call_1",
        "error.type": "ValueError",
    }


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
    assert spans.tree == "agent.job:interrupted(agent.run only:interrupted)"
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


def test_nothing_is_held_once_a_graph_has_ended(spans, plugin, model):
    from arc_instrumentation_langgraph import _handler

    before = [one for one in gc.get_objects() if isinstance(one, _handler._Run)]
    for mode in ("invoke", "astream"):
        MODES[mode](model)
    gc.collect()
    assert len([one for one in gc.get_objects() if isinstance(one, _handler._Run)]) == len(before)


def test_a_fault_inside_never_reaches_the_graph(spans, plugin, monkeypatch):
    from arc_instrumentation_langgraph import _mapping

    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    for name in ("node_of", "run_attributes", "is_graph", "tool_attributes"):
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
