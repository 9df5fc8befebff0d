"""Requests: what an entrypoint takes, gives and raises stays as it is, and what ran in it is told where it belongs."""

import asyncio
import contextvars
import functools
import gc
import inspect
import os
import re
import signal
import threading
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from arc_runtime.instrumentation import Guard
from arc_runtime.spans import SpanWriter, current, failed, interrupted
from arc_runtime.tracking import (
    Calls,
    DefaultExecutionTracker,
    ExecutionTracker,
    Feed,
    NodeExecution,
    Requests,
    current_request,
    name_of_callable,
)
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import context
from opentelemetry.instrumentation.utils import suppress_instrumentation


@pytest.fixture
def feed():
    return Feed("run", None, guard=Guard("test"))


@pytest.fixture
def requests(feed, spans):
    requests = Requests(feed, provider=spans.tracer_provider)
    feed.attach(spans.tracer_provider)
    return requests


@pytest.fixture
def traced(requests):
    return lambda work, name=None: Calls(work, name or name_of_callable(work), lambda: requests).traced()


@pytest.fixture
def node(spans):
    """Runs a node of a framework, as a plugin tells of it."""
    writer = SpanWriter(spans.tracer_provider.get_tracer("arc-instrumentation-made_up"))

    def node(name, kind=Kind.RUN, error=None, work=None):
        named = {Kind.RUN: semconv.AGENT_NAME, Kind.TOOL: semconv.TOOL_NAME}.get(kind)
        span = writer.open(kind, name, {named: name} if named else {semconv.OPERATION: "chat"})
        token = context.attach(current(span))
        result = work() if work else None
        context.detach(token)
        if error is not None:
            failed(span, error)
        span.end()
        return result

    return node


class Seen(ExecutionTracker):
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def start_node_execution(self, node_id, node_name, framework, inputs=None, metadata=None):  # noqa: ARG002
        self.told.append(("start", node_name))
        return NodeExecution(node_id=node_id, node_name=node_name, framework=framework, metadata=metadata or {})

    def end_node_execution(self, execution, outputs=None, error=None):  # noqa: ARG002
        self.told.append(("end", execution.node_name, error))


def names(request):
    return [one.node_name for one in request.executions]


# --- what is decorated ---


def test_a_call_is_a_job_with_its_inputs_and_outputs(traced, spans):
    seen = []

    def work(prompt, *, times=2):
        seen.append(current_request())
        return prompt * times

    assert traced(work)("ab", times=3) == "ababab"
    (request,) = seen
    assert current_request() is None
    assert (request.entrypoint, request.status, request.outputs) == ("work", "completed", "ababab")
    assert request.inputs == {"prompt": "ab", "times": 3}
    assert uuid.UUID(request.request_id).version == 4
    span = spans.only
    assert span.name == "agent.job work"
    assert dict(span.attributes) == {
        semconv.SPAN_KIND: "job", semconv.OPERATION: "invoke_workflow", semconv.WORKFLOW_NAME: "work",
        semconv.REQUEST_ID: request.request_id,
    }  # fmt: skip
    assert request.end_ns - request.start_ns >= span.end_time - span.start_time


def test_what_a_call_raises_reaches_the_caller_and_ends_the_request(traced, spans):
    error = ValueError("no loan for jane.roe@example.com")

    def work():
        raise error

    with pytest.raises(ValueError, match="jane") as raised:
        traced(work)()
    assert raised.value is error
    assert spans.tree == "agent.job work!"
    assert spans.only.status.description == "ValueError: no loan for <EMAIL>"
    assert current_request() is None


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_a_call_that_is_stopped_is_cancelled_and_no_error(traced, spans, stop):
    def work():
        raise stop

    with pytest.raises(stop):
        traced(work)()
    assert spans.tree == "agent.job work:cancelled"


def test_a_coroutine_function_stays_one(traced, spans, node):
    async def work(value):
        await asyncio.sleep(0)
        node("inner")
        return value + 1

    decorated = traced(work)
    assert inspect.iscoroutinefunction(decorated)
    assert asyncio.run(decorated(1)) == 2
    assert spans.tree == "agent.job work(agent.run inner)"


def test_a_cancelled_task_is_a_cancelled_request(traced, spans):
    async def work():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(traced(work)())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert spans.tree == "agent.job work:cancelled"


def test_a_generator_is_a_request_from_its_first_item_to_its_last(traced, spans, node):
    def work(count):
        for number in range(count):
            node(f"n{number}")
            got = yield number
            assert got in (None, "sent")
        return "done"

    decorated = traced(work)
    assert inspect.isgeneratorfunction(decorated)
    items = decorated(2)
    assert spans.spans == ()
    assert next(items) == 0
    assert current_request() is None  # who reads is not part of it
    node("outside")
    assert items.send("sent") == 1
    with pytest.raises(StopIteration) as stopped:
        next(items)
    assert stopped.value.value == "done"
    assert spans.tree == "agent.job work(agent.run n0 agent.run n1) agent.run outside"


def test_a_generator_that_is_left_is_cancelled_and_cleans_up(traced, spans):
    cleaned = []

    def work():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(current_request().entrypoint)

    items = traced(work)()
    next(items)
    items.close()
    assert cleaned == ["work"]
    assert spans.tree == "agent.job work:cancelled"


def test_what_a_generator_made_current_is_so_when_it_goes_on(traced, spans):
    tracer = spans.tracer_provider.get_tracer("mine")

    def work():
        with tracer.start_as_current_span("outer"):
            yield 1
            with tracer.start_as_current_span("inner"):
                pass

    async def awork():
        for item in work():
            yield item

    async def read():
        return [item async for item in traced(awork)()]

    assert list(traced(work)()) == asyncio.run(read()) == [1]
    assert not context.get_current()
    assert spans.tree.count("outer(inner)") == 2


def test_an_async_generator_that_is_left_cleans_up_inside_of_its_request(traced, spans):
    tracer = spans.tracer_provider.get_tracer("mine")

    async def work():
        try:
            yield 1
        finally:
            with tracer.start_as_current_span("cleaning up"):
                await asyncio.sleep(0)

    async def read():
        items = traced(work)()
        await anext(items)
        await items.aclose()

    asyncio.run(read())
    cleaning, job = spans.spans
    assert (cleaning.name, cleaning.parent.span_id) == ("cleaning up", job.context.span_id)


def test_what_is_thrown_into_a_generator_is_its_own_to_take(traced, spans):
    def work():
        try:
            yield 1
        except KeyError:
            yield "taken"

    items = traced(work)()
    next(items)
    assert items.throw(KeyError) == "taken"
    assert list(items) == []
    assert spans.tree == "agent.job work"


def test_a_generator_whose_arguments_do_not_fit_is_no_request(traced, spans):
    def work(needed):
        yield needed

    with pytest.raises(TypeError, match="needed"):
        next(traced(work)())
    assert spans.spans == ()


def test_an_async_generator_is_a_request_and_takes_what_is_sent_and_thrown(traced, spans, node):
    got = []

    async def work():
        node("first")
        got.append((yield 1))
        try:
            yield 2
        except KeyError:
            yield "taken"

    async def main():
        items = traced(work)()
        assert [await anext(items), await items.asend("sent"), await items.athrow(KeyError)] == [1, 2, "taken"]
        assert current_request() is None
        with pytest.raises(StopAsyncIteration):
            await anext(items)
        left = traced(work)()
        await anext(left)
        await left.aclose()

    assert inspect.isasyncgenfunction(traced(work))
    asyncio.run(main())
    assert got == ["sent"]
    assert spans.tree == "agent.job work(agent.run first) agent.job work:cancelled(agent.run first)"


def test_methods_partials_and_callable_objects(traced, spans):
    class Agent:
        def __init__(self, factor):
            self.factor = factor

        def ask(self, value):
            return self.factor * value, dict(current_request().inputs)

        async def __call__(self, value):
            return self.factor * value

    Agent.ask = traced(Agent.ask)
    assert Agent(3).ask(2) == (6, {"value": 2})
    assert asyncio.run(traced(Agent(4))(2)) == 8
    assert traced(functools.partial(max, 7))(3) == 7
    assert [span.name for span in spans.spans] == ["agent.job ask", "agent.job Agent", "agent.job max"]


def test_a_decorated_function_keeps_its_name_and_signature(traced):
    def work(a: int, b: str = "x") -> str:
        """What it does."""
        return b * a

    decorated = traced(work)
    assert (decorated.__name__, decorated.__doc__) == ("work", "What it does.")
    assert inspect.signature(decorated) == inspect.signature(work)


# --- nested, side by side ---


def test_a_request_inside_another_is_a_node_of_it_and_its_nodes_count_in_both(traced, spans, node):
    kept = []

    @traced
    def inner():
        node("b")
        kept.append(current_request())

    @traced
    def outer():
        node("a")
        inner()
        node("c")
        kept.append(current_request())

    outer()
    within, around = kept
    assert within.parent is around
    assert names(within) == ["b"]
    assert names(around) == ["a", "inner", "b", "c"]
    assert spans.tree == "agent.job outer(agent.run a agent.run inner(agent.run b) agent.run c)"


def test_requests_of_threads_are_kept_apart(traced, node):
    barrier = threading.Barrier(8)

    @traced
    def work(index):
        barrier.wait()
        for number in range(20):
            node(f"{index}.{number}")
        return current_request()

    with ThreadPoolExecutor(8) as executor:
        found = list(executor.map(work, range(8)))
    assert [names(one) for one in found] == [[f"{index}.{number}" for number in range(20)] for index in range(8)]
    assert len({one.request_id for one in found}) == 8


def test_requests_of_tasks_are_kept_apart_and_hold_what_their_tasks_run(traced, node):
    @traced
    async def work(index):
        async def part(name):
            await asyncio.sleep(0)
            await asyncio.to_thread(node, f"{index}.{name}")

        await asyncio.gather(part("a"), part("b"))
        return current_request()

    async def main():
        return await asyncio.gather(*(work(index) for index in range(5)))

    for index, request in enumerate(asyncio.run(main())):
        assert sorted(names(request)) == [f"{index}.a", f"{index}.b"]


def test_a_thread_with_a_copy_of_the_context_is_part_of_the_request(traced, node):
    @traced
    def work():
        inside = contextvars.copy_context()
        thread = threading.Thread(target=lambda: inside.run(node, "there"))
        thread.start()
        thread.join()
        return current_request()

    assert names(work()) == ["there"]


# --- what counts as a node ---


def test_nodes_have_name_framework_state_and_times_of_their_spans(traced, node, spans):
    @traced
    def work():
        node("good")
        node("bad", error=ValueError("for jane.roe@example.com"))
        return current_request()

    good, bad = work().executions
    assert (good.node_id, good.node_name, good.framework, good.status) == (
        "node_good", "good", "made_up", "completed",
    )  # fmt: skip
    assert (bad.status, bad.error) == ("failed", "ValueError: for <EMAIL>")
    span = spans.spans[0]
    assert (good.start_ns, good.end_ns) == (span.start_time, span.end_time)
    assert good.metadata["span_id"] == f"{span.context.span_id:016x}"
    assert good.metadata["attributes"][semconv.AGENT_NAME] == "good"


def test_an_interrupted_node_is_neither_completed_nor_failed(traced, spans):
    writer = SpanWriter(spans.tracer_provider.get_tracer("x"))

    @traced
    def work():
        span = writer.open(Kind.RUN, "ask", {semconv.AGENT_NAME: "ask"})
        interrupted(span)
        span.end()
        return current_request()

    assert [one.status for one in work().executions] == ["interrupted"]


@pytest.mark.parametrize(
    ("granularity", "expected"),
    [
        ("job", ["graph"]),
        ("run", ["agent", "outside"]),
        ("tool", ["agent", "search", "outside"]),
        ("llm", ["agent", "search", "chat agent-model", "outside"]),
    ],
)  # fmt: skip
def test_what_is_finer_than_the_granularity_counts_outside_of_nodes_only(
    traced, node, spans, feed, granularity, expected
):
    feed.granularity = granularity
    writer = SpanWriter(spans.tracer_provider.get_tracer("x"))

    @traced
    def work():
        graph = writer.open(Kind.RUN, "graph", {semconv.WORKFLOW_NAME: "graph", semconv.AGENT_NAME: "graph"})
        token = context.attach(current(graph))

        def inside():
            node("search", Kind.TOOL)
            with spans.tracer_provider.get_tracer("http").start_as_current_span("GET"):
                node("agent-model", Kind.LLM)

        node("agent", work=inside)
        context.detach(token)
        graph.end()
        node("outside", Kind.TOOL)
        return current_request()

    assert names(work()) == (expected if granularity != "job" else ["graph"])


def test_spans_of_other_instrumentors_count_too(traced, spans):
    @traced
    def work():
        tracer = spans.tracer_provider.get_tracer("opentelemetry.instrumentation.other")
        tracer.start_span("execute_tool x", attributes={semconv.OPERATION: "execute_tool"}).end()
        tracer.start_span("GET /").end()
        return current_request()

    (execution,) = work().executions
    assert (execution.framework, execution.node_name) == ("other", "execute_tool x")


# --- trackers ---


def test_a_tracker_is_told_of_every_node_inside_of_requests_and_outside(traced, node, feed):
    tracker = Seen()
    feed.add(tracker)
    feed.add(tracker)
    node("alone")
    traced(lambda: node("inside", error=ValueError("x")), "work")()
    assert tracker.told == [
        ("start", "alone"), ("end", "alone", None), ("start", "inside"), ("end", "inside", "ValueError: x"),
    ]  # fmt: skip
    assert feed.remove(tracker)
    assert not feed.remove(tracker)
    node("later")
    assert len(tracker.told) == 4


@pytest.mark.parametrize("fails", ["start", "end", "both"])
def test_a_tracker_that_raises_hurts_nobody(traced, node, feed, fails):
    class Broken(Seen):
        def start_node_execution(self, *args, **kwargs):
            if fails != "end":
                raise RuntimeError("broken")
            return super().start_node_execution(*args, **kwargs)

        def end_node_execution(self, *args, **kwargs):  # noqa: ARG002
            raise RuntimeError("broken")

    good = Seen()
    feed.add(Broken())
    feed.add(good)

    @traced
    def work():
        node("a")
        node("b")
        return current_request()

    assert names(work()) == ["a", "b"]
    assert [one[1] for one in good.told] == ["a", "a", "b", "b"]
    assert sum(feed.guard.failures.values()) == 2


@pytest.mark.parametrize("raised", [asyncio.CancelledError, GeneratorExit])
def test_what_a_tracker_can_have_raised_alone_stays_with_it(traced, node, feed, raised):
    class Raising(Seen):
        def start_node_execution(self, *args, **kwargs):  # noqa: ARG002
            raise raised

    class RaisingLate(Seen):
        def end_node_execution(self, *args, **kwargs):  # noqa: ARG002
            raise raised

    seen = Seen()
    for tracker in (Raising(), RaisingLate(), seen):
        feed.add(tracker)
    assert traced(lambda: node("a", work=lambda: 5), "work")() == 5
    assert seen.told == [("start", "a"), ("end", "a", None)]
    assert feed.guard.failures.total() == 2


def test_a_forked_child_does_not_wait_for_a_thread_of_its_parent(traced, node, feed):
    own = DefaultExecutionTracker()
    feed.add(own)
    held, let_go, statuses = threading.Barrier(2), threading.Event(), []

    def hold(tracker):
        with tracker._lock, own._lock:
            held.wait()
            let_go.wait()

    def work():
        holder = threading.Thread(target=hold, args=(current_request().tracker,))
        holder.start()
        held.wait()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)
            node("of the child")
            os._exit(0)
        statuses.append(os.waitpid(child, 0)[1])
        let_go.set()
        holder.join()

    traced(work)()
    assert statuses == [0]


@pytest.mark.usefixtures("requests")
def test_a_tracker_that_runs_a_node_itself_is_not_told_of_that(node, feed):
    class Calling(Seen):
        def end_node_execution(self, execution, outputs=None, error=None):
            super().end_node_execution(execution, outputs, error)
            node("of the tracker")

    tracker = Calling()
    feed.add(tracker)
    node("a")
    assert tracker.told == [("start", "a"), ("end", "a", None)]


def test_the_default_tracker_by_hand_as_the_document_shows_it():
    tracker = DefaultExecutionTracker()
    execution = tracker.start_node_execution("test", "test_node", "test_framework")
    tracker.end_node_execution(execution, outputs={"result": "success"})
    assert len(tracker.get_executions()) == 1
    assert (execution.status, execution.outputs) == ("completed", {"result": "success"})
    ended = execution.end_ns
    tracker.end_node_execution(execution, error=ValueError("late"))
    assert (execution.status, execution.end_ns) == ("completed", ended)


def test_the_default_tracker_keeps_the_newest_and_says_how_many_it_dropped():
    tracker = DefaultExecutionTracker(most=2)
    for name in "abc":
        tracker.end_node_execution(tracker.start_node_execution(name, name, "f"), error=ValueError(name))
    assert [one.node_name for one in tracker.get_executions()] == ["b", "c"]
    assert tracker.get_executions()[-1].error == "ValueError: c"
    assert tracker.dropped == 1
    with pytest.raises(ValueError, match="at least 1"):
        DefaultExecutionTracker(most=0)


# --- what stays out of the way ---


def test_nothing_is_recorded_while_instrumentation_is_suppressed(traced, spans):
    with suppress_instrumentation():
        assert traced(current_request, "work")() is None
    assert spans.spans == ()


def test_where_requests_can_not_be_opened_the_call_goes_on(feed, spans):
    class Hostile:
        def get_tracer(self, *_args, **_kwargs):
            raise RuntimeError("no tracer")

    requests = Requests(feed, provider=Hostile())
    assert Calls(lambda: 5, "work", lambda: requests).traced()() == 5
    assert feed.guard.failures["opening a request"] == 1


def test_a_request_that_has_ended_holds_nothing_of_the_program(traced, spans):
    class Big:
        pass

    def work(big):
        return Big()

    big = Big()
    result = traced(work)(big)
    gone = [weakref.ref(big), weakref.ref(result)]
    del big, result
    assert [one() for one in gone] == [None, None]  # at once: no cycle is left for the collector
    assert len(spans.spans) == 1
    gc.collect()


def test_what_is_under_way_at_the_end_of_the_program_is_closed(requests, spans):
    request = requests.begin("left", None)
    requests.land()
    assert request.status == "cancelled"
    assert spans.tree == "agent.job left:cancelled"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_ends_nothing_of_its_parent(requests, spans, capfd):
    requests.feed.console = "live"
    request = requests.begin("work", None)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        requests.end(request, "of the child")
        own = requests.begin("own", None)
        requests.end(own)
        os.write(writing, f"{request.status} {own.status} {len(spans.spans)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.read() == "running completed 1"
    requests.end(request, "of the parent")
    assert request.outputs == "of the parent"
    lines = capfd.readouterr().err
    assert lines.count("Started request") == 2
    assert lines.count("Request ID") == 2
    assert len(re.findall(r"COMPLETED request", lines)) == 2


# --- the console ---


def told(capfd):
    text = capfd.readouterr().err
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "<id>", text)
    return re.sub(r"\b[0-9a-f]{8}\b", "<short>", re.sub(r"\d+\.\d+ms", "<ms>", text))


def test_nothing_is_said_unless_it_is_asked_for(traced, node, capfd):
    traced(lambda: node("a"), "work")()
    assert capfd.readouterr() == ("", "")


def test_live_says_what_the_document_prints(traced, node, feed, capfd):
    feed.console = "live"

    @traced
    def my_agent():
        node("data_loader")
        node("processor")

    my_agent()
    assert (
        told(capfd)
        == """\
[RUNTIME] Started request <short> for entrypoint: my_agent
[RUNTIME] Request <short> | Started made_up node: data_loader (id: node_data_loader)
[RUNTIME] Request <short> | COMPLETED made_up node: data_loader (<ms>)
[RUNTIME] Request <short> | Started made_up node: processor (id: node_processor)
[RUNTIME] Request <short> | COMPLETED made_up node: processor (<ms>)
[RUNTIME] COMPLETED request <short> (<ms>)

[RUNTIME] === Request Summary ===
[RUNTIME] Request ID: <id>
[RUNTIME] Entrypoint: my_agent
[RUNTIME] Status: completed
[RUNTIME] Duration: <ms>
[RUNTIME] Node Executions: 2
[RUNTIME] === Node Details ===
[RUNTIME]  1. [made_up] data_loader - COMPLETED (<ms>)
[RUNTIME]  2. [made_up] processor - COMPLETED (<ms>)
[RUNTIME] === End Summary ===
"""
    )


@pytest.mark.usefixtures("requests")
def test_a_program_of_the_distro_gets_a_summary_of_each_graph_and_lone_call(node, spans, feed, capfd):
    feed.console = "summary"
    writer = SpanWriter(spans.tracer_provider.get_tracer("x"))
    graph = writer.open(Kind.JOB, "loan", {semconv.WORKFLOW_NAME: "loan"})
    token = context.attach(current(graph, of_job=True))
    node("check")
    context.detach(token)
    graph.end()
    node("gpt-4.1", Kind.LLM)
    lines = told(capfd)
    assert re.findall(r"Entrypoint: (.*)", lines) == ["loan", "chat gpt-4.1"]
    assert re.findall(r"\d\. (.*) - COMPLETED", lines) == ["[made_up] check", "[made_up] chat gpt-4.1"]


def test_a_nested_request_has_no_summary_of_its_own(traced, feed, capfd):
    feed.console = "summary"
    inner = traced(lambda: None, "inner")
    traced(inner, "outer")()
    lines = told(capfd)
    assert re.findall(r"Entrypoint: (.*)", lines) == ["outer"]
    assert "1. [arc] inner - COMPLETED" in lines


def test_json_is_lines_that_name_their_request(traced, node, feed, capfd):
    import json

    feed.console = "json"
    traced(lambda: node("a"), "work")()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["request_started", "node_started", "node_ended", "summary"]
    assert len({line["request_id"] for line in lines}) == 1
    assert lines[-1]["steps"][0]["name"] == lines[1]["name"] == "a"


@pytest.mark.parametrize("mode", ["live", "json"])
def test_names_are_told_redacted_and_in_one_line(traced, node, feed, capfd, mode):
    feed.console = mode
    traced(lambda: node("for\njane.roe@example.com"), "work of\njane.roe@example.com")()
    said = capfd.readouterr().err
    assert "jane" not in said
    assert "work of <EMAIL>" in said
    assert "node_for <EMAIL>" in said


@pytest.mark.parametrize("state", ["closed", "gone", "raises"])
def test_a_stderr_that_can_not_be_written_to_hurts_nobody(traced, node, feed, monkeypatch, state, tmp_path):
    class Raising:
        closed = False

        def write(self, _text):
            raise BrokenPipeError

    file = (tmp_path / "stderr").open("w")
    file.close()
    monkeypatch.setattr("sys.stderr", {"closed": file, "gone": None, "raises": Raising()}[state])
    feed.console = "live"
    assert traced(lambda: node("a") or 7, "work")() == 7
