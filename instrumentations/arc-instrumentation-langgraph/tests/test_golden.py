"""Golden trees: what real graphs give, in every mode, with the plugins for LangGraph, LangChain and OpenAI all on."""

import asyncio
import gc
import operator
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_langchain import LangChainInstrumentor
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_langchain_callbacks import _share
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import get_current_span

ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
}  # fmt: skip
NEWEST = int(version("langgraph").partition(".")[0]) >= 1


class State(TypedDict):
    messages: Annotated[list, operator.add]
    count: Annotated[int, operator.add]


INPUT = {"messages": [], "count": 0}
THREAD = {"configurable": {"thread_id": "t"}}


class Counting(SpanProcessor):
    """How many spans were started and not ended."""

    def __init__(self) -> None:
        self.open: set[int] = set()

    def on_start(self, span, parent_context=None) -> None:  # noqa: ARG002 - the base's
        self.open.add(span.context.span_id)

    def on_end(self, span) -> None:
        self.open.discard(span.context.span_id)


@pytest.fixture
def counting(spans):
    counting = Counting()
    spans.tracer_provider.add_span_processor(counting)
    return counting


@pytest.fixture
def plugins(spans, counting):
    plugins = [LangGraphInstrumentor(), LangChainInstrumentor(), OpenAIInstrumentor()]
    runtime = Runtime.of(Settings())
    for one in plugins:
        one.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=runtime)
    yield plugins
    for one in plugins:
        one.uninstrument()
        assert one.guard.failures == {}


@pytest.fixture(scope="module")
def model():
    with ReplayServer([{"request": {}, "response": ANSWER}]) as server:
        yield server.url


class Build:
    """Nodes and graphs for one run; `url` is that of a model."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, _state: object) -> dict[str, int]:
        with openai.OpenAI(base_url=self.url, api_key="k") as client:
            client.chat.completions.create(model="m", messages=[])
        return {"count": 1}

    async def ask_later(self, _state: object) -> dict[str, int]:
        async with openai.AsyncOpenAI(base_url=self.url, api_key="k") as client:
            await client.chat.completions.create(model="m", messages=[])
        return {"count": 1}

    def graph(self, *nodes: tuple[str, Any], name: str | None = "g", **options: Any) -> Any:
        """A graph that runs `nodes` one after the other."""
        graph = StateGraph(State)
        before = START
        for node, work in nodes:
            graph.add_node(node, work)
            graph.add_edge(before, node)
            before = node
        return graph.compile(name=name, **options) if name else graph.compile(**options)


def plain(_state: object) -> dict[str, int]:
    return {"count": 1}


async def read(stream: Any) -> None:
    async for _ in stream:
        # What a node has made current must not be so for whoever reads the stream.
        assert not get_current_span().get_span_context().is_valid


def chat(build: Build) -> Any:
    return build.graph(("a", build.ask), ("b", plain))


def chat_later(build: Build) -> Any:
    return build.graph(("a", build.ask_later), ("b", plain))


CHAT = "agent.job g(agent.run a(chat m) agent.run b)"
MODES = ["values", "updates", "debug", "messages", "custom", "tasks", "checkpoints"]


def fan_out(build: Build) -> Any:
    graph = StateGraph(State)
    graph.add_node("plan", plain)
    graph.add_node("work", build.ask)
    graph.add_node("gather", plain)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda _: [Send("work", INPUT) for _ in range(3)], ["work"])
    graph.add_edge("work", "gather")
    return graph.compile(name="fan")


def parallel(build: Build) -> Any:
    graph = StateGraph(State)
    for name in "abc":
        graph.add_node(name, plain)
        graph.add_edge(START, name)
    graph.add_node("last", plain)
    graph.add_edge(["a", "b", "c"], "last")
    return graph.compile(name="wide")


def routed(build: Build) -> Any:
    def route(state: object) -> Literal["yes", "no"]:
        return "yes"

    graph = StateGraph(State)
    graph.add_node("ask", plain)
    graph.add_node("yes", plain)
    graph.add_node("no", plain)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", route)
    return graph.compile(name="routed")


def nested(build: Build) -> Any:
    innermost = build.graph(("deep", build.ask), name="innermost")
    inner = build.graph(("middle", innermost), name="inner")
    return build.graph(("outer", inner), ("after", plain))


def invoked_in_node(build: Build) -> Any:
    inner = build.graph(("deep", build.ask), name="inner")
    return build.graph(("outer", lambda state: {"count": inner.invoke(state)["count"]}))


@tool
def look_up(name: str) -> str:
    """Look it up."""
    return f"{name} is known"


def calling(_state: object) -> dict[str, Any]:
    return {"messages": [AIMessage("", tool_calls=[{"name": "look_up", "args": {"name": "x"}, "id": "c1"}])]}


def with_tools(build: Build) -> Any:
    return build.graph(("ask", calling), ("tools", ToolNode([look_up])))


@tool
def transfer_to_writer(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command:
    """Hand over to the writer."""
    said = ToolMessage("transferred", tool_call_id=tool_call_id)
    return Command(goto="writer", graph=Command.PARENT, update={"messages": [said], "count": 1})


def swarm(build: Build) -> Any:
    """Two agents with graphs of their own; a tool of the first passes control to the second."""
    calls = {"messages": [AIMessage("", tool_calls=[{"name": "transfer_to_writer", "args": {}, "id": "c1"}])]}
    researcher = build.graph(
        ("model", lambda _: calls), ("tools", ToolNode([transfer_to_writer])), name="researcher_graph"
    )
    writer = build.graph(("model", build.ask), name="writer_graph")
    graph = StateGraph(State)
    graph.add_node("researcher", researcher, destinations=("writer",))
    graph.add_node("writer", writer)
    graph.add_edge(START, "researcher")
    return graph.compile(name="swarm")


def supervised(build: Build) -> Any:
    def supervisor(state: State) -> Command[Literal["worker", "__end__"]]:
        return Command(goto="worker" if not state["count"] else END, update={"count": 1})

    graph = StateGraph(State)
    graph.add_node("supervisor", supervisor)
    graph.add_node("worker", plain)
    graph.add_edge(START, "supervisor")
    graph.add_edge("worker", "supervisor")
    return graph.compile(name="supervised")


def failing_first() -> Callable[[object], dict[str, int]]:
    attempts: list[int] = []

    def node(_state: object) -> dict[str, int]:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("not yet")
        return {"count": 1}

    return node


def retried(build: Build) -> None:
    graph = StateGraph(State)
    graph.add_node("only", failing_first(), retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
    graph.add_edge(START, "only")
    graph.compile(name="g").invoke(INPUT)


def cached(build: Build) -> None:
    graph = StateGraph(State)
    graph.add_node("only", plain, cache_policy=CachePolicy())
    graph.add_edge(START, "only")
    compiled = graph.compile(name="g", cache=InMemoryCache())
    compiled.invoke(INPUT)
    compiled.invoke(INPUT)


def slow(build: Build) -> None:
    async def wait(_state: object) -> None:
        await asyncio.sleep(30)

    graph = build.graph(("only", wait))
    graph.step_timeout = 0.05
    with pytest.raises(TimeoutError):
        asyncio.run(graph.ainvoke(INPUT))


def cancelled(build: Build) -> None:
    async def wait(_state: object) -> None:
        await asyncio.sleep(30)

    async def program() -> None:
        running = asyncio.create_task(build.graph(("only", wait)).ainvoke(INPUT))
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(program())


def left(build: Build) -> None:
    stream = build.graph(("a", plain), ("b", plain)).stream(INPUT)
    next(stream)
    stream.close()


def left_later(build: Build) -> None:
    async def program() -> None:
        stream = build.graph(("a", plain), ("b", plain)).astream(INPUT)
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(program())


def looping(build: Build) -> None:
    graph = StateGraph(State)
    graph.add_node("again", plain)
    graph.add_edge(START, "again")
    graph.add_edge("again", "again")
    with pytest.raises(GraphRecursionError):
        graph.compile(name="g").invoke(INPUT, {"recursion_limit": 2})


def failing(build: Build) -> None:
    def fail(_state: object) -> None:
        raise KeyError("missing")

    with pytest.raises(KeyError):
        build.graph(("a", plain), ("b", fail)).invoke(INPUT)


def asking(build: Build) -> None:
    graph = build.graph(("a", lambda _: {"count": int(interrupt("how many?"))}), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD)
    graph.invoke(Command(resume=3), THREAD)


def asking_twice(build: Build) -> None:
    def ask(_state: object) -> dict[str, int]:
        return {"count": interrupt("first?") + interrupt("second?")}

    graph = build.graph(("a", ask), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD)
    graph.invoke(Command(resume=1), THREAD)
    graph.invoke(Command(resume=2), THREAD)


def asking_below(build: Build) -> None:
    inner = build.graph(("deep", lambda _: {"count": int(interrupt("how many?"))}), name="inner")
    graph = build.graph(("outer", inner), checkpointer=InMemorySaver())
    asyncio.run(graph.ainvoke(INPUT, THREAD))
    asyncio.run(graph.ainvoke(Command(resume=3), THREAD))


def breaking(build: Build) -> None:
    graph = build.graph(("a", plain), ("b", plain), checkpointer=InMemorySaver(), interrupt_before=["b"])
    graph.invoke(INPUT, THREAD)
    graph.invoke(None, THREAD)


@task
def double(number: int) -> int:
    return number * 2


def functional(build: Build) -> None:
    @entrypoint()
    def workflow(number: int) -> int:
        return double(double(number).result()).result()

    assert workflow.invoke(1) == 4


def functional_later(build: Build) -> None:
    @task
    async def add(number: int) -> int:
        await build.ask_later(None)
        return number + 1

    @entrypoint(checkpointer=InMemorySaver())
    async def workflow(number: int) -> int:
        first = await add(number)
        return first + interrupt("how many?")

    async def program() -> None:
        await workflow.ainvoke(1, THREAD)
        assert await workflow.ainvoke(Command(resume=3), THREAD) == 5

    asyncio.run(program())


def in_threads(build: Build) -> None:
    def node(_state: object) -> dict[str, int]:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda _: None, range(2)))
        return build.ask(None)

    graph = build.graph(("a", node))
    threads = [threading.Thread(target=graph.invoke, args=(INPUT,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_pool_in_a_node(build: Build) -> None:
    def node(state: object) -> dict[str, int]:
        with ThreadPoolExecutor() as pool:
            list(pool.map(build.ask, [state, state]))
        return {"count": 1}

    build.graph(("a", node), ("b", plain)).invoke(INPUT)


def asking_in_a_tool(build: Build) -> None:
    @tool
    def approve(name: str) -> str:
        """Ask whether to go on."""
        return str(interrupt({"may": name}))

    calls = {"messages": [AIMessage("", tool_calls=[{"name": "approve", "args": {"name": "x"}, "id": "c1"}])]}
    graph = build.graph(("ask", lambda _: calls), ("tools", ToolNode([approve])), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD)
    graph.invoke(Command(resume="yes"), THREAD)


def asking_at_once(build: Build) -> None:
    graph = StateGraph(State)
    for name in "ab":
        graph.add_node(name, lambda _, name=name: {"count": int(interrupt(name))})
        graph.add_edge(START, name)
    compiled = graph.compile(name="g", checkpointer=InMemorySaver())

    async def program() -> None:  # threads start in no order
        asked = (await compiled.ainvoke(INPUT, THREAD))["__interrupt__"]
        await compiled.ainvoke(Command(resume={asked[0].id: 1}), THREAD)

    asyncio.run(program())


def retried_task(build: Build) -> None:
    work = failing_first()

    @task(retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
    def step() -> int:
        return work(None)["count"]

    @entrypoint()
    def workflow(number: int) -> int:
        return number + step().result()

    assert workflow.invoke(1) == 2


def functional_stream(build: Build) -> None:
    @task
    async def add(number: int) -> int:
        await build.ask_later(None)
        return number + 1

    @entrypoint()
    async def workflow(number: int) -> int:
        return await add(number)

    asyncio.run(read(workflow.astream(1, stream_mode=["updates", "custom"])))


def functional_cached(build: Build) -> None:
    @task(cache_policy=CachePolicy())
    def same(number: int) -> int:
        return number

    @entrypoint(cache=InMemoryCache())
    def workflow(number: int) -> int:
        return same(number).result()

    workflow.invoke(1)
    workflow.invoke(1)


def dropped(build: Build) -> None:
    stream = build.graph(("a", plain), ("b", plain)).stream(INPUT)
    next(stream)
    del stream


def closed_by_another(build: Build) -> None:
    async def program() -> None:
        stream = build.graph(("a", plain), ("b", plain)).astream(INPUT)
        await anext(stream)
        await asyncio.create_task(stream.aclose())

    asyncio.run(program())


def too_late(build: Build) -> None:
    async def wait(_state: object) -> None:
        await asyncio.sleep(30)

    async def program() -> None:
        async with asyncio.timeout(0.2):
            await read(build.graph(("a", plain), ("b", wait)).astream(INPUT))

    with pytest.raises(TimeoutError):
        asyncio.run(program())


def events(version: str) -> Callable[[Build], None]:
    def run(build: Build) -> None:
        asyncio.run(read(chat_later(build).astream_events(INPUT, version=version)))

    return run


def events_v3(build: Build) -> None:
    async def program() -> None:
        async with await chat_later(build).astream_events(INPUT, version="v3") as events:
            async for _ in events:
                pass

    asyncio.run(program())


class Golden(NamedTuple):
    run: Callable[[Build], object]
    tree: str
    newest_only: bool = False


ASKED = "agent.action interrupt:interrupted"
GOLDEN = {
    "invoke": Golden(lambda build: chat(build).invoke(INPUT), CHAT),
    "stream": Golden(lambda build: list(chat(build).stream(INPUT)), CHAT),
    **{
        f"stream {mode}": Golden(lambda build, mode=mode: list(chat(build).stream(INPUT, stream_mode=mode)), CHAT)
        for mode in MODES
    },
    "stream of subgraphs": Golden(
        lambda build: list(nested(build).stream(INPUT, subgraphs=True)),
        "agent.job g(agent.run outer(agent.run middle(agent.run deep(chat m))) agent.run after)",
    ),
    "ainvoke": Golden(lambda build: asyncio.run(chat_later(build).ainvoke(INPUT)), CHAT),
    "ainvoke, sync nodes": Golden(lambda build: asyncio.run(chat(build).ainvoke(INPUT)), CHAT),
    **{
        f"astream {mode}": Golden(
            lambda build, mode=mode: asyncio.run(read(chat_later(build).astream(INPUT, stream_mode=mode))), CHAT
        )
        for mode in MODES
    },
    "stream of several modes": Golden(lambda build: list(chat(build).stream(INPUT, stream_mode=MODES)), CHAT),
    "astream of several modes": Golden(
        lambda build: asyncio.run(read(chat_later(build).astream(INPUT, stream_mode=MODES))), CHAT
    ),
    "astream, sync nodes": Golden(lambda build: asyncio.run(read(chat(build).astream(INPUT))), CHAT),
    "batch": Golden(lambda build: chat(build).batch([INPUT] * 2), f"{CHAT} {CHAT}"),
    "abatch": Golden(lambda build: asyncio.run(chat_later(build).abatch([INPUT] * 2)), f"{CHAT} {CHAT}"),
    "astream_events v1": Golden(events("v1"), CHAT),
    "astream_events v2": Golden(events("v2"), CHAT),
    "astream_events v3": Golden(events_v3, CHAT, newest_only=True),
    "without a name": Golden(
        lambda build: build.graph(("a", plain), name=None).invoke(INPUT), "agent.job(agent.run a)"
    ),
    "in threads": Golden(in_threads, "agent.job g(agent.run a(chat m)) agent.job g(agent.run a(chat m))"),
    "a pool in a node": Golden(a_pool_in_a_node, "agent.job g(agent.run a(chat m chat m) agent.run b)"),
    "parallel nodes": Golden(
        lambda build: asyncio.run(parallel(build).ainvoke(INPUT)),  # threads start in no order
        "agent.job wide(agent.run a agent.run b agent.run c agent.run last)",
    ),
    "Send": Golden(
        lambda build: fan_out(build).invoke(INPUT),
        "agent.job fan(agent.run plan agent.run work(chat m) agent.run work(chat m) agent.run work(chat m) "
        "agent.run gather)",
    ),
    "a conditional edge": Golden(
        lambda build: routed(build).invoke(INPUT), "agent.job routed(agent.run ask agent.run yes)"
    ),
    "nested subgraphs": Golden(
        lambda build: asyncio.run(nested(build).ainvoke(INPUT)),
        "agent.job g(agent.run outer(agent.run middle(agent.run deep(chat m))) agent.run after)",
    ),
    "a graph invoked in a node": Golden(
        lambda build: invoked_in_node(build).invoke(INPUT), "agent.job g(agent.run outer(agent.run deep(chat m)))"
    ),
    "a chain with a graph": Golden(
        lambda build: (RunnableLambda(lambda state: state) | chat(build)).invoke(INPUT),
        "agent.job(agent.run g(agent.run a(chat m) agent.run b))",
    ),
    "tools": Golden(
        lambda build: with_tools(build).invoke(INPUT),
        "agent.job g(agent.run ask agent.run tools(agent.tool look_up))",
    ),
    "a swarm": Golden(
        lambda build: swarm(build).invoke(INPUT),
        "agent.job swarm(agent.run researcher(agent.run model agent.run tools(agent.tool transfer_to_writer)) "
        "agent.run writer(agent.run model(chat m)))",
    ),
    "a supervisor": Golden(
        lambda build: supervised(build).invoke(INPUT),
        "agent.job supervised(agent.run supervisor agent.run worker agent.run supervisor)",
    ),
    "retries": Golden(retried, "agent.job g(agent.run only! agent.run only! agent.run only)"),
    "a cache": Golden(cached, "agent.job g(agent.run only) agent.job g"),
    "a timeout": Golden(slow, "agent.job g!(agent.run only:cancelled)"),
    "cancellation": Golden(cancelled, "agent.job g:cancelled(agent.run only:cancelled)"),
    "early close": Golden(left, "agent.job g:cancelled(agent.run a)"),
    "early break, async": Golden(left_later, "agent.job g:cancelled(agent.run a)"),
    "a dropped stream": Golden(dropped, "agent.job g:cancelled(agent.run a)"),
    "closed by another task": Golden(closed_by_another, "agent.job g:cancelled(agent.run a)"),
    "a timeout around a stream": Golden(too_late, "agent.job g:cancelled(agent.run a agent.run b:cancelled)"),
    "the recursion limit": Golden(looping, "agent.job g!(agent.run again agent.run again)"),
    "a failing node": Golden(failing, "agent.job g!(agent.run a agent.run b!)"),
    "interrupt and resume": Golden(
        asking, f"agent.job g:interrupted(agent.run a:interrupted({ASKED})) agent.job g(agent.run a)"
    ),
    "two questions of one node": Golden(
        asking_twice,
        f"agent.job g:interrupted(agent.run a:interrupted({ASKED})) "
        f"agent.job g:interrupted(agent.run a:interrupted({ASKED})) agent.job g(agent.run a)",
    ),
    "interrupt in a tool": Golden(
        asking_in_a_tool,
        f"agent.job g:interrupted(agent.run ask agent.run tools:interrupted(agent.tool approve:interrupted({ASKED}))) "
        "agent.job g(agent.run tools(agent.tool approve))",
    ),
    "two questions at once, of which one is answered": Golden(
        asking_at_once,
        f"agent.job g:interrupted(agent.run a:interrupted({ASKED}) agent.run b:interrupted({ASKED})) "
        f"agent.job g:interrupted(agent.run a agent.run b:interrupted({ASKED}))",
    ),
    "interrupt in a subgraph": Golden(
        asking_below,
        f"agent.job g:interrupted(agent.run outer:interrupted(agent.run deep:interrupted({ASKED}))) "
        "agent.job g(agent.run outer(agent.run deep))",
    ),
    "a breakpoint": Golden(
        breaking,
        "agent.job g:interrupted(agent.run a agent.action breakpoint:interrupted) agent.job g(agent.run b)",
    ),
    "functional": Golden(functional, "agent.job(agent.run workflow(agent.run double agent.run double))"),
    "functional, streamed": Golden(functional_stream, "agent.job(agent.run workflow(agent.run add(chat m)))"),
    "functional, retried": Golden(
        retried_task, "agent.job(agent.run workflow(agent.run step! agent.run step! agent.run step))"
    ),
    "functional, cached": Golden(
        functional_cached, "agent.job(agent.run workflow(agent.run same)) agent.job(agent.run workflow)"
    ),
    "functional, async": Golden(
        functional_later,
        f"agent.job:interrupted(agent.run workflow:interrupted(agent.run add(chat m) {ASKED})) "
        "agent.job(agent.run workflow)",
    ),
}


# langgraph and langchain-core warn of what is new or old in them.
@pytest.mark.filterwarnings("ignore:astream_events version", "ignore:The v3 streaming protocol")
@pytest.mark.parametrize("name", GOLDEN)
def test_the_tree_is_exactly_this(spans, plugins, counting, model, caplog, name):
    golden = GOLDEN[name]
    if golden.newest_only and not NEWEST:
        pytest.skip(f"langgraph {version('langgraph')} has no such mode")
    golden.run(Build(model))
    gc.collect()
    assert spans.tree == golden.tree
    assert "detach" not in caplog.text
    assert counting.open == set()
    handler = _share._SHARES._handler
    assert handler.tree.under_way == []


def links_of(spans, name):
    """(what the link says, name of the span it leads to) of each link of the spans with this name, in order."""
    names = {span.context.span_id: span.name for span in spans.spans}
    return [
        (dict(link.attributes), names[link.context.span_id])
        for span in spans.spans
        if span.name == name
        for link in span.links
    ]


def handed(giver, to, *keys):
    return {"arc.link": "handoff", "arc.handoff.from": giver, "arc.handoff.to": to, "arc.handoff.keys": keys}


HANDOFFS = {
    "an edge": (chat, "agent.run b", [(handed("a", "b", "count"), "agent.run a")]),
    "edges that meet": (
        parallel,
        "agent.run last",
        [(handed(name, "last", "count"), f"agent.run {name}") for name in "abc"],
    ),
    "Send": (fan_out, "agent.run work", [(handed("plan", "work", "count"), "agent.run plan")] * 3),
    "a conditional edge": (routed, "agent.run yes", [(handed("ask", "yes", "count"), "agent.run ask")]),
    "Command(goto=...)": (
        supervised,
        "agent.run worker",
        [(handed("supervisor", "worker", "count"), "agent.run supervisor")],
    ),
    "a tool that transfers": (
        swarm,
        "agent.run writer",
        [(handed("researcher", "writer", "messages", "count"), "agent.run researcher")],
    ),
}


@pytest.mark.parametrize("name", HANDOFFS)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_hand_off_is_a_link_to_whoever_passed_control_on(spans, plugins, model, name, mode):
    make, receiver, expected = HANDOFFS[name]
    graph = make(Build(model))
    graph.invoke(INPUT) if mode == "sync" else asyncio.run(graph.ainvoke(INPUT))
    assert links_of(spans, receiver) == expected
    run = next(span for span in spans.spans if span.name == receiver)
    assert run.attributes[semconv.HANDOFF_TO] == receiver.removeprefix("agent.run ")
    givers = {said[semconv.HANDOFF_FROM] for said, _ in expected}
    assert run.attributes.get(semconv.HANDOFF_FROM) == (givers.pop() if len(givers) == 1 else None)


def test_what_changed_is_content_of_the_run_that_takes_over(spans, counting):
    plugin = LangGraphInstrumentor()
    plugin.instrument(
        skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings(capture="SPAN_ONLY"))
    )
    said = {"messages": ["jane@example.com asks"], "count": 2}
    Build("").graph(("a", lambda _: said), ("b", plain)).invoke(INPUT)
    plugin.uninstrument()
    (run,) = [span for span in spans.spans if span.name == "agent.run b"]
    assert run.attributes[semconv.HANDOFF_STATE] == '{"a":{"messages":["<EMAIL> asks"],"count":2}}'
    (link,) = run.links
    assert link.attributes[semconv.HANDOFF_KEYS] == ("messages", "count")


def test_a_resume_is_linked_to_the_interrupted_job_and_to_the_action(spans, plugins, model):
    asking(Build(model))
    job, resumed = [span for span in spans.spans if span.name == "agent.job g"]
    (action,) = [span for span in spans.spans if span.name == "agent.action interrupt"]
    first, second = resumed.links
    assert (dict(first.attributes), first.context.span_id) == ({"arc.link": "resumes"}, job.context.span_id)
    assert first.context.trace_id == job.context.trace_id
    assert second.context.span_id == action.context.span_id
    told = {name: resumed.attributes[name] for name in resumed.attributes if name.startswith("arc.action")}
    assert dict(second.attributes) == {"arc.link": "answers", **told}
    assert told.pop("arc.action.wait_s") >= 0
    assert told == {
        "arc.action.id": action.attributes[semconv.ACTION_ID],
        "arc.action.type": "interrupt",
        "arc.action.outcome": "answered",
    }
    assert action.end_time <= job.end_time
    assert action.status.is_unset


def test_the_second_resume_is_linked_to_the_second_question(spans, plugins, model):
    asking_twice(Build(model))
    first, second, third = [span for span in spans.spans if span.name == "agent.job g"]
    asked, again = [span for span in spans.spans if span.name == "agent.action interrupt"]
    assert [link.context.span_id for link in second.links] == [first.context.span_id, asked.context.span_id]
    assert [link.context.span_id for link in third.links] == [second.context.span_id, again.context.span_id]


def test_several_questions_at_once_are_answered_by_their_ids(spans, plugins, model):
    graph = StateGraph(State)
    for name in "ab":
        graph.add_node(name, lambda _, name=name: {"count": int(interrupt(name))})
        graph.add_edge(START, name)
    compiled = graph.compile(name="g", checkpointer=InMemorySaver())
    asked = compiled.invoke(INPUT, THREAD)["__interrupt__"]
    compiled.invoke(Command(resume={one.id: 1 for one in asked}), THREAD)
    actions = {span.context.span_id: span for span in spans.spans if span.name == "agent.action interrupt"}
    resumed = [span for span in spans.spans if span.name == "agent.job g"][-1]
    answered = [link for link in resumed.links if link.attributes[semconv.LINK] == "answers"]
    assert {link.context.span_id for link in answered} == set(actions)
    assert all(
        link.attributes[semconv.ACTION_ID] == actions[link.context.span_id].attributes[semconv.ACTION_ID]
        for link in answered
    )


def test_a_breakpoint_is_continued(spans, plugins, model):
    breaking(Build(model))
    _job, resumed = [span for span in spans.spans if span.name == "agent.job g"]
    assert [link.attributes[semconv.LINK] for link in resumed.links] == ["resumes", "answers"]
    assert resumed.attributes[semconv.ACTION_OUTCOME] == "continued"


def test_a_new_question_of_the_user_is_no_resume(spans, plugins, model):
    graph = Build(model).graph(("a", lambda _: {"count": int(interrupt("how many?"))}), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD)
    graph.invoke(INPUT, THREAD)
    assert [len(span.links) for span in spans.spans if span.name == "agent.job g"] == [0, 0]


def test_question_and_answer_are_content(spans, counting):
    plugin = LangGraphInstrumentor()
    plugin.instrument(
        skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings(capture="SPAN_ONLY"))
    )
    graph = Build("").graph(
        ("a", lambda _: {"messages": [interrupt({"may": "jane@example.com"})]}), checkpointer=InMemorySaver()
    )
    graph.invoke(INPUT, THREAD)
    graph.invoke(Command(resume="no, ask joe@example.com"), THREAD)
    plugin.uninstrument()
    (action,) = [span for span in spans.spans if span.name == "agent.action interrupt"]
    assert action.attributes[semconv.ACTION_QUESTION] == '{"may":"<EMAIL>"}'
    resumed = [span for span in spans.spans if span.name == "agent.job g"][-1]
    assert resumed.attributes[semconv.ACTION_ANSWER] == "no, ask <EMAIL>"


def test_without_content_neither_question_nor_answer_is_told(spans, plugins, model):
    asking(Build(model))
    told = "".join(span.to_json() for span in spans.spans)
    assert "how many?" not in told
    assert semconv.ACTION_ANSWER not in told


def test_the_checkpoints_are_those_of_the_thread(spans, plugins, model):
    graph = Build(model).graph(("a", plain), ("b", plain), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD)
    *_, at_b, at_a = [one.config["configurable"]["checkpoint_id"] for one in graph.get_state_history(THREAD)][:3]
    last = graph.get_state(THREAD).config["configurable"]["checkpoint_id"]
    told = {span.name: span.attributes[semconv.LANGGRAPH_CHECKPOINT_ID] for span in spans.spans}
    assert told == {"agent.run a": at_a, "agent.run b": at_b, "agent.job g": last}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_resume_is_found_however_checkpoints_are_saved(spans, plugins, model, durability):
    graph = Build(model).graph(("a", lambda _: {"count": int(interrupt("how many?"))}), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD, durability=durability)
    assert graph.invoke(Command(resume=3), THREAD, durability=durability)["count"] == 3
    assert [link.attributes[semconv.LINK] for link in spans.spans[-1].links] == ["resumes", "answers"]


def test_the_note_is_not_seen_in_the_state(spans, plugins, model):
    graph = Build(model).graph(("a", lambda _: {"count": int(interrupt("how many?"))}), checkpointer=InMemorySaver())
    graph.invoke(INPUT, THREAD)
    state = graph.get_state(THREAD)
    assert "__arc__" not in repr(state)
    assert [len(one.interrupts) for one in state.tasks] == [1]
