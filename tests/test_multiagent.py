"""Pipelines of several agents: real calls of the OpenAI client, in threads and tasks, counted where they belong."""

import asyncio
import contextlib
import contextvars
import gc
import json
import subprocess
import sys
import textwrap
import threading
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from arc_instrumentation_langchain import LangChainInstrumentor
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime import create_multiagent_context
from arc_runtime.errors import ArcError
from arc_runtime.instrumentation import Providers, Runtime
from arc_runtime.settings import Settings
from arc_runtime.spans import EndedCall, pipeline_of
from arc_semconv import attributes as semconv
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, interrupt
from opentelemetry import baggage, context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider, sampling

PRICED = {"cost_hosts": ("127.0.0.1",)}
COST = 100 * 2e-6 + 20 * 8e-6
"""US dollars of one answer of the server: 100 tokens in at 2, 20 out at 8 a million."""


@pytest.fixture
def arc(spans):
    """Switch the plugins on; what makes contexts that write where they do."""
    plugins = [OpenAIInstrumentor(), LangGraphInstrumentor()]

    in_memory = Providers(spans.tracer_provider, spans.logger_provider)

    def switch_on(providers=in_memory, **given):
        settings = Settings(**PRICED | given)
        runtime = Runtime.of(settings)
        for plugin in plugins:
            plugin.instrument(
                skip_dep_check=True, runtime=runtime,
                tracer_provider=providers.tracer, logger_provider=providers.logger,
            )  # fmt: skip
        return lambda *args, **options: create_multiagent_context(
            *args, settings=settings, providers=providers, **options
        )

    yield switch_on
    failures = [plugin.guard.failures for plugin in plugins if plugin.active]
    for plugin in plugins:
        if plugin.is_instrumented_by_opentelemetry:
            plugin.uninstrument()
    assert not any(failures)


@pytest.fixture
def client(model):
    with openai.OpenAI(base_url=model.url, api_key="test", max_retries=0) as client:
        yield client


def ask(client, agent=None, **options):
    headers = {"X-Agent-Name": agent} if agent else None
    given = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hi"}], **options}
    return client.chat.completions.create(**given, extra_headers=headers)


async def ask_async(url, agent):
    async with openai.AsyncOpenAI(base_url=url, api_key="test", max_retries=0) as client:
        await ask(client, agent)


def calls(summary):
    return {agent["name"]: agent["calls"] for agent in summary["agents"]}


def test_the_example_of_the_readme_is_one_job_with_one_summary(spans, arc, client, model):
    with arc()(application_id="LOAN-2024-001") as ctx:
        ask(client, "loan_officer", temperature=0.95)
        ask(client, "credit_analyst")
        ctx.add_context_handoff(
            from_agent="loan_officer",
            to_agent="credit_analyst",
            context={"loan_amount": 250000, "assessment": "positive"},
        )
        summary = ctx.get_pipeline_summary(within_seconds=10)

    assert spans.tree == "agent.job(chat gpt-4.1 chat gpt-4.1)"
    ids = {semconv.PIPELINE_ID: ctx.pipeline_id, semconv.APPLICATION_ID: "LOAN-2024-001"}
    assert all(ids.items() <= span.attributes.items() for span in spans.spans)
    assert [span.attributes.get(semconv.AGENT_NAME) for span in spans.spans] == ["loan_officer", "credit_analyst", None]
    (event,) = spans.spans[-1].events
    assert (event.name, dict(event.attributes)) == (
        "arc.handoff",
        {
            semconv.HANDOFF_FROM: "loan_officer",
            semconv.HANDOFF_TO: "credit_analyst",
            semconv.HANDOFF_KEYS: ("loan_amount", "assessment"),
        },
    )
    assert all("x-agent-name" not in sent.headers and "baggage" not in sent.headers for sent in model.requests)

    latency = [agent.pop("total_latency_ms") for agent in summary["agents"]]
    assert min(latency) > 0
    assert summary.pop("total_latency_ms") == pytest.approx(sum(latency), abs=0.01)
    assert summary.pop("duration_ms") > sum(latency)
    each = {
        "runs": 0, "calls": 1, "errors": 0, "input_tokens": 100, "output_tokens": 20, "estimated_calls": 0,
        "cost_usd": pytest.approx(COST), "unpriced_calls": 0, "models": ["gpt-4.1"],
    }  # fmt: skip
    assert summary == {
        "pipeline_id": ctx.pipeline_id, "application_id": "LOAN-2024-001", "status": "running",
        "calls": 2, "errors": 0, "fixes": 1, "input_tokens": 200, "output_tokens": 40, "estimated_calls": 0,
        "cost_usd": pytest.approx(2 * COST), "unpriced_calls": 0, "models": ["gpt-4.1"],
        "agents_executed": 2,
        "agents": [
            {"name": "loan_officer", "fixes": 1, **each},
            {"name": "credit_analyst", "fixes": 0, **each},
        ],
        "context_handoffs": 1,
        "handoffs": [
            {"from": "loan_officer", "to": "credit_analyst", "keys": ["loan_amount", "assessment"]},
        ],
    }  # fmt: skip
    assert ctx.get_pipeline_summary()["status"] == "ok"


def test_what_the_summary_says_is_what_the_spans_say(spans, arc, client):
    with arc()() as ctx:
        for agent in ("a", "b", "a"):
            ask(client, agent)
        list(ask(client, "b", stream=True, stream_options={"include_usage": True}))
    summary = ctx.get_pipeline_summary(within_seconds=10)
    told = [span.attributes for span in spans.spans if span.attributes[semconv.SPAN_KIND] == "llm"]
    assert summary["calls"] == len(told) == 4
    assert summary["input_tokens"] == sum(one[semconv.USAGE_INPUT_TOKENS] for one in told)
    assert summary["output_tokens"] == sum(one[semconv.USAGE_OUTPUT_TOKENS] for one in told)
    assert summary["estimated_calls"] == sum(one.get(semconv.USAGE_ESTIMATED, False) for one in told)
    assert summary["cost_usd"] == pytest.approx(sum(one[semconv.COST_USD] for one in told))
    assert calls(summary) == {"a": 2, "b": 2}


def test_calls_before_and_after_the_block_are_none_of_it(spans, arc, client):
    create = arc()
    ask(client, "before")
    with create() as ctx:
        ask(client, "inside")
    ask(client, "after")
    assert calls(ctx.get_pipeline_summary()) == {"inside": 1}
    outside = [span for span in spans.spans if span.attributes.get(semconv.AGENT_NAME) in ("before", "after")]
    assert [span.attributes.get(semconv.PIPELINE_ID) for span in outside] == [None, None]
    assert not trace.get_current_span().get_span_context().is_valid


def test_tasks_side_by_side_keep_their_pipelines_apart(spans, arc, model):
    create = arc()

    async def pipeline(application, agents):
        async with create(application) as ctx:
            await asyncio.gather(*(ask_async(model.url, agent) for agent in agents))
        return ctx.get_pipeline_summary()

    async def both():
        return await asyncio.gather(pipeline("A", ["x", "y", "x"]), pipeline("B", ["z"]))

    one, other = asyncio.run(both())
    assert (calls(one), calls(other)) == ({"x": 2, "y": 1}, {"z": 1})
    agents = {
        (span.attributes[semconv.APPLICATION_ID], span.attributes.get(semconv.AGENT_NAME)) for span in spans.spans
    }
    assert agents == {("A", None), ("A", "x"), ("A", "y"), ("B", None), ("B", "z")}


def test_threads_belong_to_the_pipeline_that_they_are_run_in(spans, arc, client, model):
    with arc()() as ctx, ThreadPoolExecutor(8) as executor:
        done = [executor.submit(ctx.run, ask, client, f"agent {index % 4}") for index in range(40)]
        done += [executor.submit(contextvars.copy_context().run, ask, client, "copied")]
        done += [executor.submit(ask, client, "stranger")]
        done += [executor.submit(ctx.run, asyncio.run, ask_async(model.url, "in a loop"))]
        for one in done:
            one.result()
    expected = {**{f"agent {index}": 10 for index in range(4)}, "copied": 1, "in a loop": 1}
    assert calls(ctx.get_pipeline_summary()) == expected
    assert {span.parent is None for span in spans.spans if span.attributes.get(semconv.AGENT_NAME) in expected} == {
        False
    }


def left_in_another_thread(ctx):
    thread = threading.Thread(target=ctx.__exit__, args=(None, None, None))
    thread.start()
    thread.join()


def test_a_context_left_in_another_thread_is_over_where_it_was_entered(spans, arc, client, caplog):
    create = arc()

    def enter_here():
        ctx = create(name="left").__enter__()
        left_in_another_thread(ctx)
        ask(client, "late")
        assert not trace.get_current_span().get_span_context().is_valid
        return ctx

    ctx = contextvars.copy_context().run(enter_here)
    summary = ctx.get_pipeline_summary()
    assert (summary["status"], summary["calls"]) == ("ok", 0)
    assert spans.tree == "agent.job left chat gpt-4.1"
    assert semconv.PIPELINE_ID not in spans.spans[-1].attributes
    assert "detach" not in caplog.text


@pytest.mark.parametrize("next_work", ["graph", "another pipeline", "a span of the program", "ctx.run"])
def test_whatever_comes_next_is_no_part_of_a_context_left_in_another_thread(spans, arc, next_work):
    create = arc()
    tracer = spans.tracer_provider.get_tracer("another")
    graph = StateGraph(dict)
    graph.add_node("node", lambda _: {})
    graph.add_edge(START, "node")

    def enter_here():
        ctx = create(name="left").__enter__()
        left_in_another_thread(ctx)
        if next_work == "graph":
            graph.compile(name="graph").invoke({})
        elif next_work == "another pipeline":
            with create(name="next"):
                pass
        elif next_work == "ctx.run":
            ctx.run(int)
        tracer.start_span("last").end()
        tracer.start_span("last").end()
        assert not trace.get_current_span().get_span_context().is_valid

    contextvars.copy_context().run(enter_here)
    assert (
        spans.tree
        == {
            "graph": "agent.job left agent.job graph(agent.run node) last last",
            "another pipeline": "agent.job left agent.job next last last",
            "ctx.run": "agent.job left last last",
            # Its place in the tree is fixed before anybody is asked; the one after it is in its own.
            "a span of the program": "agent.job left(last) last",
        }[next_work]
    )
    assert all(semconv.PIPELINE_ID not in span.attributes for span in spans.spans if span.name == "last")


def test_blocks_that_are_left_in_the_wrong_order_leave_nothing_behind(spans, arc, client):
    create = arc()
    first, second = create(name="first").__enter__(), create(name="second").__enter__()
    first.__exit__(None, None, None)
    ask(client, "a")
    second.__exit__(None, None, None)
    ask(client, "b")
    assert spans.tree == "agent.job first(agent.run second(chat gpt-4.1)) chat gpt-4.1"
    assert not trace.get_current_span().get_span_context().is_valid


def test_what_the_program_attached_inside_and_forgot_ends_with_the_block(arc):
    before = context.get_current()
    with arc()():
        context.attach(baggage.set_baggage("key", "value"))
    assert context.get_current() is before


def test_a_generator_that_is_dropped_inside_ends_its_block(spans, arc):
    create = arc()

    def pages():
        with create(name="pages"):
            yield 1
            yield 2

    def read_one():
        assert next(pages()) == 1

    contextvars.copy_context().run(read_one)
    gc.collect()
    assert spans.tree == "agent.job pages:cancelled"


def test_async_generators_closed_by_another_task_leave_nothing_behind(spans, arc, model):
    create = arc()

    async def pages():
        async with create(name="pages"):
            yield 1
            yield 2

    async def main():
        held = pages()
        assert await asyncio.create_task(anext(held)) == 1
        await held.aclose()
        await ask_async(model.url, "after")

    asyncio.run(main())
    assert spans.tree == "agent.job pages:cancelled chat gpt-4.1"


def test_a_stream_is_counted_when_it_ends_also_after_the_block(arc, client):
    with arc()() as ctx:
        stream = ask(client, "writer", stream=True)
        next(stream)
        assert ctx.get_pipeline_summary()["calls"] == 0
    assert len(list(stream)) == 2
    summary = ctx.get_pipeline_summary()
    assert (summary["calls"], summary["estimated_calls"], summary["errors"]) == (1, 1, 0)


def test_an_error_reaches_the_program_as_it_is(spans, arc, client):
    with pytest.raises(openai.NotFoundError) as raised:
        with arc()(name="loan") as ctx:
            with pytest.raises(openai.NotFoundError):
                ask(client, "careful", stream="neither")
            try:
                ask(client, "careless", stream="neither")
            except openai.NotFoundError as error:
                seen = error
                raise
    assert raised.value is seen
    summary = ctx.get_pipeline_summary()
    assert (summary["status"], summary["calls"], summary["errors"]) == ("error", 2, 2)
    assert [(agent["name"], agent["errors"]) for agent in summary["agents"]] == [("careful", 1), ("careless", 1)]
    assert spans.tree == "agent.job loan!(chat gpt-4.1! chat gpt-4.1!)"


def node_in_graph(work, name="node"):
    graph = StateGraph(dict)
    graph.add_node(name, work)
    graph.add_edge(START, name)
    return graph.compile(name="graph")


def errors(summary):
    return summary["errors"], {agent["name"]: agent["errors"] for agent in summary["agents"] if agent["errors"]}


def test_a_failed_node_is_an_error_once_however_far_it_travels(spans, arc):
    with pytest.raises(ZeroDivisionError), arc()() as ctx:
        node_in_graph(lambda _: 1 / 0).invoke({})
    assert spans.tree == "agent.job!(agent.run graph!(agent.run node!))"
    assert errors(ctx.get_pipeline_summary()) == (1, {"node": 1})


@pytest.mark.parametrize("between", ["nothing", "span of another", "wrapped", "from None"])
def test_a_failed_call_is_an_error_of_its_agent_once(spans, arc, client, between):
    tracer = spans.tracer_provider.get_tracer("another")

    def node(_state):
        if between == "nothing":
            ask(client, stream="neither")
        if between == "span of another":
            with tracer.start_as_current_span("between"):
                ask(client, stream="neither")
        try:
            ask(client, stream="neither")
        except openai.NotFoundError as error:
            raise RuntimeError("wrapped") from (error if between == "wrapped" else None)

    with pytest.raises((openai.NotFoundError, RuntimeError)), arc()() as ctx:
        node_in_graph(node).invoke({})
    summary = ctx.get_pipeline_summary()
    assert errors(summary) == (1, {"node": 1})
    assert calls(summary)["node"] == 1


def test_a_caught_error_counts_and_what_is_raised_later_too(arc, client):
    def node(_state):
        for _ in range(3):
            with contextlib.suppress(openai.NotFoundError):
                ask(client, stream="neither")
        raise openai.OpenAIError("gave up")

    with contextlib.suppress(openai.OpenAIError), arc()() as ctx:
        node_in_graph(node).invoke({})
    assert errors(ctx.get_pipeline_summary()) == (4, {"node": 4})


def test_each_attempt_that_failed_counts(arc):
    attempts = []

    def node(_state):
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("again")
        return {}

    graph = StateGraph(dict)
    graph.add_node("node", node, retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    graph.add_edge(START, "node")
    with arc()() as ctx:
        graph.compile().invoke({})
    assert errors(ctx.get_pipeline_summary()) == (2, {"node": 2})


def test_a_failed_tool_is_an_error_of_the_agent_that_used_it(arc):
    @tool
    def broken(text: str) -> str:
        """Look it up."""
        raise ValueError(text)

    def node(_state):
        with contextlib.suppress(ValueError):
            broken.invoke({"text": "x"})
        return {}

    with arc()() as ctx:
        node_in_graph(node).invoke({})
    assert errors(ctx.get_pipeline_summary()) == (1, {"node": 1})


def test_neither_interrupts_nor_cancellation_are_errors(arc):
    async def waits(_state):
        await asyncio.sleep(60)

    async def main(create):
        async with create() as ctx:
            node_in_graph(lambda _: interrupt("sure?")).invoke({})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(node_in_graph(waits).ainvoke({}), 0.05)
        return ctx.get_pipeline_summary()

    assert errors(asyncio.run(main(arc()))) == (0, {})


def test_an_error_of_the_block_itself_counts_in_the_total_and_around_it(arc):
    create = arc()
    with create() as outer:
        with contextlib.suppress(KeyError), create(name="part") as inner:
            raise KeyError("mine")
    assert errors(inner.get_pipeline_summary()) == (1, {})
    assert errors(outer.get_pipeline_summary()) == (1, {"part": 1})


def test_what_is_sampled_out_counts_like_the_rest(arc, model, client):
    unsampled = TracerProvider(sampler=sampling.ALWAYS_OFF)
    arc(providers=Providers(unsampled))
    with contextlib.suppress(ZeroDivisionError):
        with create_multiagent_context(settings=Settings(), providers=Providers(unsampled)) as ctx:
            node_in_graph(lambda _: ask(client) and {}, "asker").invoke({})
            node_in_graph(lambda _: 1 / 0, "bad").invoke({})
    summary = ctx.get_pipeline_summary()
    assert errors(summary) == (1, {"bad": 1})
    assert calls(summary) == {"graph": 0, "asker": 1, "bad": 0}


def test_a_call_inside_a_span_of_the_programs_is_that_of_the_agent_around_it(spans, arc, client):
    tracer = spans.tracer_provider.get_tracer("another")

    def node(_state):
        with tracer.start_as_current_span("step"), tracer.start_as_current_span("part"):
            ask(client)

    with arc()() as ctx:
        node_in_graph(node, "asker").invoke({})
    assert calls(ctx.get_pipeline_summary()) == {"graph": 0, "asker": 1}


def test_models_that_langchain_tells_of_count_too(spans, arc):
    plugin = LangChainInstrumentor()
    create = arc()
    plugin.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings()))
    answer = AIMessage("hi", usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    asked = GenericFakeChatModel(messages=iter([answer]))
    try:
        with pytest.raises(RuntimeError, match="no more"), create() as ctx:
            node_in_graph(lambda _: asked.invoke("hi") and {}, "asker").invoke({})
            asked = GenericFakeChatModel(messages=raising())
            node_in_graph(lambda _: asked.invoke("hi") and {}, "asker").invoke({})
    finally:
        plugin.uninstrument()
    summary = ctx.get_pipeline_summary()
    assert calls(summary) == {"graph": 0, "asker": 2}
    assert errors(summary) == (1, {"asker": 1})
    assert (summary["input_tokens"], summary["output_tokens"], summary["unpriced_calls"]) == (3, 4, 2)


def raising():
    raise RuntimeError("no more")
    yield


def test_cancellation_is_a_state_and_goes_on(spans, arc):
    entered = []

    async def pipeline(create):
        async with create() as ctx:
            entered.append(ctx)
            await asyncio.sleep(60)

    async def main(create):
        task = asyncio.create_task(pipeline(create))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main(arc()))
    assert spans.tree == "agent.job:cancelled"
    assert entered[0].get_pipeline_summary()["status"] == "cancelled"


def test_a_pipeline_inside_another_is_a_run_of_it_and_counts_in_both(spans, arc, client):
    create = arc()
    with create("outer", name="whole") as outer:
        ask(client, "a")
        with create(name="part") as inner:
            ask(client, "b")
        ask(client, "a")
    assert spans.tree == "agent.job whole(chat gpt-4.1 agent.run part(chat gpt-4.1) chat gpt-4.1)"
    assert calls(inner.get_pipeline_summary()) == {"b": 1}
    assert calls(outer.get_pipeline_summary()) == {"a": 2, "part": 0, "b": 1}
    inside = [span for span in spans.spans if span.attributes[semconv.PIPELINE_ID] == inner.pipeline_id]
    assert sorted(span.name for span in inside) == ["agent.run part", "chat gpt-4.1"]
    assert {span.attributes[semconv.APPLICATION_ID] for span in spans.spans} == {"outer"}


def test_a_graph_inside_is_a_run_and_its_nodes_are_the_agents(spans, arc, client):
    graph = StateGraph(dict)
    graph.add_node("researcher", lambda _: ask(client) and {})
    graph.add_node("writer", lambda _: ask(client, "ghost") and {})
    graph.add_edge(START, "researcher")
    graph.add_edge("researcher", "writer")
    with arc()(name="paper") as ctx:
        graph.compile(name="essay").invoke({})
    assert spans.tree == (
        "agent.job paper(agent.run essay(agent.run researcher(chat gpt-4.1) agent.run writer(chat gpt-4.1)))"
    )
    summary = ctx.get_pipeline_summary()
    assert [(one["name"], one["runs"], one["calls"]) for one in summary["agents"]] == [
        ("essay", 1, 0), ("researcher", 1, 1), ("writer", 1, 0), ("ghost", 0, 1),
    ]  # fmt: skip
    assert all(span.attributes[semconv.PIPELINE_ID] == ctx.pipeline_id for span in spans.spans)


def test_spans_of_other_instrumentors_have_the_ids_too_and_keep_their_own(spans, arc):
    tracer = spans.tracer_provider.get_tracer("another")
    create = arc()
    with create("app") as ctx:
        with tracer.start_as_current_span("GET"):
            tracer.start_span("SELECT", attributes={semconv.APPLICATION_ID: "its own"}).end()
    tracer.start_span("outside").end()
    found = {span.name: dict(span.attributes) for span in spans.spans}
    ids = {semconv.PIPELINE_ID: ctx.pipeline_id, semconv.APPLICATION_ID: "app"}
    assert found["GET"] == ids
    assert found["SELECT"] == {**ids, semconv.APPLICATION_ID: "its own"}
    assert found["outside"] == {}


def test_the_application_that_a_call_names_itself_wins(spans, arc, client):
    with arc()("of the pipeline"):
        client.chat.completions.create(model="gpt-4.1", messages=[], extra_headers={"X-Application-Id": "of the call"})
    assert spans.spans[0].attributes[semconv.APPLICATION_ID] == "of the call"


def handed_over(create):
    with create() as ctx:
        ctx.add_context_handoff("jane@example.com", "b", {"mail": "jane@example.com", "amount": 7})


def test_values_of_a_handoff_are_content(spans, arc):
    handed_over(arc())
    (event,) = spans.only.events
    assert dict(event.attributes) == {
        semconv.HANDOFF_FROM: "<EMAIL>", semconv.HANDOFF_TO: "b", semconv.HANDOFF_KEYS: ("mail", "amount"),
    }  # fmt: skip
    assert spans.logs == []


def test_values_of_a_handoff_are_recorded_redacted_where_content_is(spans, arc):
    handed_over(arc(capture="SPAN_AND_EVENT"))
    (event,) = spans.only.events
    assert json.loads(event.attributes[semconv.HANDOFF_CONTEXT]) == {"mail": "<EMAIL>", "amount": 7}
    (log,) = spans.logs
    assert log.event_name == "arc.handoff"
    assert dict(log.attributes) == dict(event.attributes)
    assert log.span_id == spans.only.context.span_id


def test_events_alone_keep_values_off_the_span(spans, arc):
    handed_over(arc(capture="EVENT_ONLY"))
    assert semconv.HANDOFF_CONTEXT not in spans.only.events[0].attributes
    assert semconv.HANDOFF_CONTEXT in spans.logs[0].attributes


class Unspeakable:
    """Has no text, nor keys, nor a length."""

    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


class UnreadableMapping(dict):
    def __iter__(self):
        raise ValueError("no keys")


CYCLE = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    "odd", [None, "text", 7, {1: object()}, CYCLE, {"k": Unspeakable()}, UnreadableMapping(k=1), {Unspeakable(): 1}]
)
def test_a_handoff_of_anything_hurts_nobody(spans, arc, odd):
    with arc(capture="SPAN_ONLY")() as ctx:
        ctx.add_context_handoff("a", "b", odd)
    assert ctx.get_pipeline_summary()["context_handoffs"] == len(spans.only.events) == 1


def test_agents_without_a_name_that_can_be_had_hurt_nobody(arc):
    with arc()() as ctx:
        ctx.add_context_handoff(Unspeakable(), "b")
        ctx.add_context_handoff("a", 7)
    assert [(one["from"], one["to"]) for one in ctx.get_pipeline_summary()["handoffs"]] == [("a", "7")]


def test_an_enormous_handoff_is_cut_and_no_part_of_a_personal_value_is_left(spans, arc):
    key = "x" * 115 + " jane.roe@example.com"
    with arc(capture="SPAN_ONLY")() as ctx:
        ctx.add_context_handoff(
            "a" * 100_000, key, {key: "y" * 1_000_000, **{f"{index}": index for index in range(10_000)}}
        )
    told = spans.only.events[0].attributes
    assert "jane" not in str(dict(told))
    assert len(told[semconv.HANDOFF_KEYS]) == 64
    assert sum(len(str(value)) for value in told.values()) < 20_000
    assert len(ctx.get_pipeline_summary()["handoffs"][0]["keys"]) == 64


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"application_id": 7}, "a str as its application_id, and not 7, of type int"),
        ({"pipeline_id": uuid.UUID(int=1)}, "a str as its pipeline_id, and not UUID"),
        ({"name": b"x"}, "a str as its name"),
        ({"settings": {}}, "Settings as its settings"),
        ({"providers": TracerProvider}, "Providers as its providers"),
    ],
)
def test_an_argument_of_the_wrong_type_is_refused_by_name(wrong, said):
    with pytest.raises(TypeError, match=said):
        create_multiagent_context(**wrong)


def test_a_summary_waits_for_prices_only_where_it_is_told_to(arc):
    asked = []

    def cost(within_seconds):
        asked.append(within_seconds)
        raise TimeoutError

    call = EndedCall(agent="a", model="m", seconds=0, failed=False, mended=False, answer={}, cost=cost)
    with arc()() as ctx:
        pipeline_of().ended(call)
        summary = ctx.get_pipeline_summary()
        assert set(asked) == {0.0}
        assert (summary["cost_usd"], summary["unpriced_calls"]) == (None, 1)
        ctx.get_pipeline_summary(within_seconds=1.5)
        assert 1.5 in asked


def test_pipelines_that_are_over_leave_nothing_behind(spans, arc, client):
    create = arc()
    left = []

    def pipeline():
        with contextlib.suppress(openai.NotFoundError), create() as outer, create() as inner:
            left.extend(weakref.ref(one) for one in (outer, inner, trace.get_current_span()))
            node_in_graph(lambda _: left.append(weakref.ref(trace.get_current_span())) or {}).invoke({})
            ask(client, stream="neither")

    pipeline()
    gc.collect()
    assert len(left) == 4
    assert [one() for one in left] == [None] * 4


PROGRAM = """
import os, sys, threading
from arc_runtime import create_multiagent_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
write = lambda span: f"{os.getpid() == STARTED} {span.name} {span.attributes.get('arc.run.state')}\\n"
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=write)))
trace.set_tracer_provider(provider)
STARTED = os.getpid()
"""


def lines_of(code):
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM + textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return sorted(done.stdout.splitlines())


def test_a_context_that_nobody_leaves_ends_with_the_program():
    said = lines_of("""
        create_multiagent_context(name="whole").__enter__()
        threading.Thread(target=create_multiagent_context(name="in a thread").__enter__).start()
        with create_multiagent_context(name="left"):
            pass
    """)
    assert said == [
        "True agent.job in a thread cancelled",
        "True agent.job whole cancelled",
        "True agent.run left None",
    ]


def test_a_forked_process_ends_no_span_of_its_parent():
    said = lines_of("""
        with create_multiagent_context(name="whole") as ctx:
            ctx._ledger._lock.acquire()  # as if another thread held it
            child = os.fork()
            if not child:
                trace.get_tracer("t").start_span(f"in {ctx.get_pipeline_summary()['status']}").end()
                ctx.add_context_handoff("a", "b")
            else:
                ctx._ledger._lock.release()
                os.waitpid(child, 0)
    """)
    assert said == ["False in running None", "True agent.job whole None"]


@pytest.mark.parametrize("off", [{"disabled": True}, {"sdk_disabled": True}])
def test_where_arc_is_off_everything_works_and_nothing_is_recorded(spans, arc, client, off):
    with arc(**off)("app") as ctx:
        ask(client, "a")
        ctx.add_context_handoff("a", "b", {"k": 1})
        assert ctx.run(ask, client, "b").choices
    summary = ctx.get_pipeline_summary()
    assert (summary["application_id"], summary["status"]) == ("app", "ok")
    assert (summary["calls"], summary["agents"], summary["handoffs"]) == (0, [], [])
    assert spans.spans == ()


def test_suppressed_work_is_not_recorded(spans, arc, client):
    create = arc()
    with create() as ctx:
        with suppress_instrumentation():
            ask(client, "unseen")
    with suppress_instrumentation(), create() as other:
        ask(client, "unseen")
    assert calls(ctx.get_pipeline_summary()) == calls(other.get_pipeline_summary()) == {}
    assert spans.tree == "agent.job"


def test_calls_whose_spans_another_library_writes_are_counted(spans, client):
    plugin = OpenAIInstrumentor()
    plugin.instrument(skip_dep_check=True, runtime=Runtime.of(Settings()), spans=False)
    try:
        with create_multiagent_context(providers=Providers(spans.tracer_provider), settings=Settings()) as ctx:
            ask(client, "a")
    finally:
        plugin.uninstrument()
    summary = ctx.get_pipeline_summary()
    assert (calls(summary), summary["input_tokens"], summary["unpriced_calls"]) == ({"a": 1}, 100, 1)


def test_without_any_instrumentation_the_block_only_runs(client):
    with create_multiagent_context(application_id="app") as ctx:
        ask(client, "a")
        ctx.add_context_handoff("a", "b", {"k": 1})
    summary = ctx.get_pipeline_summary()
    assert (summary["calls"], summary["handoffs"]) == (0, [{"from": "a", "to": "b", "keys": ["k"]}])


def test_a_context_is_entered_once(arc):
    ctx = arc()()
    assert ctx.get_pipeline_summary()["status"] == "not_started"
    with ctx:
        pass
    with pytest.raises(ArcError, match="create another one"):
        ctx.__enter__()


def test_a_name_made_up_for_each_call_does_not_fill_the_memory(arc, client):
    with arc()() as ctx:
        for index in range(1_010):
            ctx.add_context_handoff(f"agent {index}", "sink")
        ask(client, "late")
    summary = ctx.get_pipeline_summary()
    assert (len(summary["agents"]), summary["calls"], summary["context_handoffs"]) == (1_000, 1, 1_010)


def test_a_pipeline_goes_on_in_another_process(spans, arc):
    with arc()("app", pipeline_id="p-1") as ctx:
        pass
    assert ctx.pipeline_id == spans.only.attributes[semconv.PIPELINE_ID] == "p-1"


def test_importing_the_runtime_brings_neither_langgraph_nor_the_sdk():
    code = "import sys, arc_runtime; print(sorted({'langgraph', 'opentelemetry.sdk', 'arc_runtime.tracking'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
