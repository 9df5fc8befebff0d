import io
import json
import re

import pytest
from arc_runtime.console import Step, Summary, as_json, as_text, as_tree, framework_of, show, summary_of
from arc_runtime.spans import SpanWriter, cancelled, current, failed
from arc_semconv import attributes as semconv
from arc_semconv.api import SpanView
from arc_semconv.kinds import Kind
from opentelemetry.trace import set_span_in_context
from rich.console import Console

# As the document that Arc takes this from prints it.
PRINTED = """\
[RUNTIME] === Request Summary ===
[RUNTIME] Request ID: a1b2c3d4-5e6f-7890-abcd-ef1234567890
[RUNTIME] Entrypoint: my_agent
[RUNTIME] Status: completed
[RUNTIME] Duration: 258.3ms
[RUNTIME] Node Executions: 3
[RUNTIME] === Node Details ===
[RUNTIME]  1. [langgraph] data_loader - COMPLETED (45.2ms)
[RUNTIME]  2. [langgraph] processor - COMPLETED (123.7ms)
[RUNTIME]  3. [langgraph] generator - COMPLETED (89.1ms)
[RUNTIME] === End Summary ===
"""


def step(number, name, ms, **given):
    told = {
        "id": f"{number:016x}", "parent_id": None, "node_id": f"node_{name}", "name": name, "framework": "langgraph",
        "kind": "run", "status": "completed", "offset_ms": 0.0, "duration_ms": ms,
    }  # fmt: skip
    return Step(**told | given)


def summary(*steps, **given):
    told = {
        "request_id": "a1b2c3d4-5e6f-7890-abcd-ef1234567890", "entrypoint": "my_agent", "status": "completed",
        "duration_ms": 258.31, "steps": steps,
    }  # fmt: skip
    return Summary(**told | given)


THREE = (step(1, "data_loader", 45.21), step(2, "processor", 123.7), step(3, "generator", 89.1))


@pytest.fixture
def writer(spans):
    return SpanWriter(spans.tracer_provider.get_tracer("arc-instrumentation-langgraph"))


def drawn(summary, width=80, **options):
    file = io.StringIO()
    Console(file=file, width=width, **options).print(as_tree(summary))
    return file.getvalue()


def test_the_text_is_what_the_document_prints():
    assert as_text(summary(*THREE)) == PRINTED


def test_errors_are_told_in_one_line_without_personal_data():
    error = "ValueError: no loan for\njane.roe@example.com"
    said = as_text(summary(step(1, "a", 1.0, status="failed", error=error), status="failed", error=error))
    assert "[RUNTIME]  1. [langgraph] a - FAILED (1.0ms): ValueError: no loan for <EMAIL>" in said
    assert "[RUNTIME] Error: ValueError: no loan for <EMAIL>\n" in said
    assert "jane" not in said + as_json(summary(error=error)) + drawn(summary(error=error))


def test_names_say_nothing_personal_and_move_no_cursor():
    name = "mail to\njane.roe@example.com \x1b[2J"
    one = summary(step(1, name, 1.0), entrypoint=name)
    for said in (as_text(one), as_json(one), drawn(one)):
        assert "jane" not in said
        assert "\x1b[2J" not in said
        assert "u001b" not in said
        assert said.count("mail to <EMAIL>") >= 2
    assert as_text(one).count("\n") == as_text(summary(step(1, "a", 1.0))).count("\n")


def test_json_is_one_line_with_every_step():
    line = as_json(summary(*THREE))
    assert line.count("\n") == 1
    told = json.loads(line)
    assert (told["event"], told["entrypoint"]) == ("summary", "my_agent")
    assert [one["name"] for one in told["steps"]] == ["data_loader", "processor", "generator"]


def test_the_tree_nests_and_has_a_bar_where_the_time_went():
    inner = step(4, "inner", 100.0, parent_id=THREE[1].id, offset_ms=130.0)
    lines = drawn(summary(*THREE, inner)).splitlines()
    names = [re.split(r"(?<=\w)  +", line)[0] for line in lines]
    assert names[:5] == ["my_agent", "├─ data_loader", "├─ processor", "│  └─ inner", "└─ generator"]
    bars = [line[-18:].rstrip() for line in lines[:5]]
    assert bars[0].count("━") == 16
    assert bars[3].index("━") > bars[1].index("━")
    assert lines[-1].endswith("a1b2c3d4-5e6f-7890-abcd-ef1234567890")


def test_the_tree_of_a_terminal_without_unicode_is_ascii():
    class Latin(io.StringIO):
        encoding = "ascii"

    file = Latin()
    Console(file=file, width=60).print(as_tree(summary(*THREE)))
    assert file.getvalue().isascii()
    assert "`- generator" in file.getvalue()


def test_a_tree_deeper_than_python_nests_is_drawn():
    chain = [step(n, f"n{n}", 1.0, parent_id=f"{n - 1:016x}" if n > 1 else None) for n in range(1, 2001)]
    assert drawn(summary(*chain)).count("completed") == 2001


def test_a_terminal_gets_the_tree_and_a_file_the_text():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, file = Terminal(), io.StringIO()
    show(summary(*THREE), terminal)
    show(summary(*THREE), file)
    assert "━━━━" in terminal.getvalue()
    assert "[RUNTIME]" not in terminal.getvalue()
    assert file.getvalue() == PRINTED


def test_the_nodes_of_a_trace_are_its_steps_and_the_graph_is_not(spans, writer):
    job = writer.open(Kind.JOB, "loan", {semconv.WORKFLOW_NAME: "loan", semconv.REQUEST_ID: "the-id"})
    graph = writer.open(Kind.RUN, None, {}, parent=current(job))
    node = writer.open(Kind.RUN, "check", {semconv.AGENT_NAME: "check"}, parent=current(graph))
    tool = writer.open(Kind.TOOL, "credit", {semconv.TOOL_NAME: "credit"}, parent=current(node))
    failed(tool, ValueError("away"))
    tool.end()
    node.end()
    stopped = writer.open(Kind.RUN, "decide", {semconv.AGENT_NAME: "decide"}, parent=current(graph))
    cancelled(stopped)
    for span in (stopped, graph, job):
        span.end()
    lone = writer.open(Kind.LLM, "gpt", {semconv.OPERATION: "chat"}, parent=current(job))
    lone.end()

    told = summary_of(spans.spans)
    assert (told.request_id, told.entrypoint, told.status) == ("the-id", "loan", "completed")
    assert [(one.name, one.kind, one.framework, one.status) for one in told.steps] == [
        ("check", "run", "langgraph", "completed"),
        ("decide", "run", "langgraph", "cancelled"),
        ("chat gpt", "llm", "langgraph", "completed"),
    ]
    finer = {one.name: one for one in summary_of(spans.spans, "tool").steps}
    assert finer["credit"].parent_id == finer["check"].id
    assert (finer["credit"].status, finer["credit"].error) == ("failed", "ValueError: away")
    assert [one.name for one in summary_of(spans.spans, "job").steps] == ["agent.run"]


def test_spans_as_arc_core_answers_them_give_the_same(spans, writer):
    job = writer.open(Kind.JOB, "loan", {semconv.WORKFLOW_NAME: "loan"})
    node = writer.open(Kind.RUN, "check", {semconv.AGENT_NAME: "check"}, parent=current(job))
    node.end()
    job.end()
    begun = min(span.start_time for span in spans.spans)
    views = [
        SpanView(
            span_id=f"{span.context.span_id:016x}",
            parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
            kind=span.attributes[semconv.SPAN_KIND], name=span.name, service="", scope="arc-instrumentation-langgraph",
            status="ok", status_message="", started_at="", offset_ms=round((span.start_time - begun) / 1e6, 3),
            duration_ms=round((span.end_time - span.start_time) / 1e6, 3), agent=None, model=None, tool=None,
            input_tokens=0, output_tokens=0, cost_usd=None, fix=None, redactions=None, input_messages=[],
            output_messages=[], attributes={k: str(v) for k, v in span.attributes.items()}, resource={}, events=[],
            links=[],
        )
        for span in spans.spans
    ]  # fmt: skip
    trace_id = f"{spans.spans[0].context.trace_id:032x}"
    assert summary_of(views, trace_id=trace_id) == summary_of(spans.spans)


def test_the_place_of_a_step_is_exact_to_the_microsecond(spans, writer):
    begun = 1_795_000_000_000_000_000
    tracer = spans.tracer_provider.get_tracer("mine")
    job = tracer.start_span("job", attributes={semconv.SPAN_KIND: "job"}, start_time=begun)
    offsets = range(1_400, 100_000, 1_000)
    for offset in offsets:
        told = {semconv.SPAN_KIND: "tool", semconv.TOOL_NAME: "a"}
        above = set_span_in_context(job)
        tracer.start_span("a", attributes=told, context=above, start_time=begun + offset).end(begun + 200_000)
    job.end(begun + 200_000)
    steps = summary_of(spans.spans, "llm").steps
    assert [one.offset_ms for one in steps] == [round(offset / 1e6, 3) for offset in offsets]


def test_a_summary_of_nothing_is_refused():
    with pytest.raises(ValueError, match="there are none"):
        summary_of([])


@pytest.mark.parametrize(
    ("scope", "framework"),
    [
        ("arc-instrumentation-openai", "openai"), ("opentelemetry.instrumentation.openai_v2", "openai_v2"),
        ("arc-runtime", "arc"), ("my.scope", "my.scope"),
    ],
)  # fmt: skip
def test_the_framework_is_read_off_the_scope(scope, framework):
    assert framework_of(scope) == framework
