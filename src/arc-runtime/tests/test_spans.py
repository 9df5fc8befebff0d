import contextvars
import gc

import pytest
from arc_runtime.spans import SpanWriter, cancelled, current, failed, in_job, interrupted, within
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode


def writer(spans, **options):
    return SpanWriter(spans.tracer_provider.get_tracer("test"), **options)


@pytest.mark.parametrize(
    ("kind", "subject", "name", "genai_name", "operation"),
    [
        (Kind.JOB, "loan", "agent.job loan", "invoke_workflow loan", "invoke_workflow"),
        (Kind.RUN, "analyst", "agent.run analyst", "invoke_agent analyst", "invoke_agent"),
        (Kind.TOOL, "bureau", "agent.tool bureau", "execute_tool bureau", "execute_tool"),
        (Kind.ACTION, "approval", "agent.action approval", "agent.action approval", None),
        (Kind.LLM, "gpt-4.1", "chat gpt-4.1", "chat gpt-4.1", "chat"),
        (Kind.JOB, None, "agent.job", "invoke_workflow", "invoke_workflow"),
    ],
)
def test_the_five_kinds_are_named_and_marked_as_the_contract_says(spans, kind, subject, name, genai_name, operation):
    writer(spans).open(kind, subject, {}).end()
    writer(spans, genai_names=True).open(kind, subject, {}).end()
    first, second = spans.spans
    assert (first.name, second.name) == (name, genai_name)
    for span in spans.spans:
        assert span.kind is (SpanKind.CLIENT if kind is Kind.LLM else SpanKind.INTERNAL)
        expected = {semconv.SPAN_KIND: kind.value} | ({semconv.OPERATION: operation} if operation else {})
        assert dict(span.attributes) == expected


def test_a_model_call_names_its_own_operation(spans):
    writer(spans).open(Kind.LLM, "text-embedding-3", {semconv.OPERATION: "embeddings"}).end()
    assert spans.only.name == "embeddings text-embedding-3"


def test_states_are_no_errors_and_an_error_has_status_type_and_one_event(spans):
    for close in (interrupted, cancelled, lambda span: failed(span, ValueError("no"))):
        span = writer(spans).open(Kind.RUN, "a", {})
        close(span)
        span.end()
    paused, stopped, broken = spans.spans
    assert (paused.attributes[semconv.RUN_STATE], paused.status.status_code) == ("interrupted", StatusCode.UNSET)
    assert (stopped.attributes[semconv.RUN_STATE], stopped.status.status_code) == ("cancelled", StatusCode.UNSET)
    assert broken.attributes[semconv.ERROR_TYPE] == "ValueError"
    assert broken.status.status_code is StatusCode.ERROR
    assert [event.name for event in broken.events] == ["exception"]


def test_an_error_is_redacted_also_where_the_provider_is_the_program_s_own(spans):
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    span = SpanWriter(provider.get_tracer("test")).open(Kind.RUN, "a", {})
    failed(span, ValueError("no jane@example.com"))
    span.end()
    assert "jane@example.com" not in memory.get_finished_spans()[0].to_json()


def test_an_error_whose_text_can_t_be_had_is_recorded_all_the_same(spans):
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    span = writer(spans).open(Kind.RUN, "a", {})
    failed(span, MuteError())
    span.end()
    assert spans.only.attributes[semconv.ERROR_TYPE].endswith("MuteError")
    assert spans.only.status.status_code is StatusCode.ERROR


def test_a_span_is_current_inside_the_block_only(spans):
    span = writer(spans).open(Kind.RUN, "a", {})
    with within(span):
        assert trace.get_current_span() is span
        assert not in_job()
    assert trace.get_current_span() is INVALID_SPAN


def test_a_context_can_say_that_a_job_is_under_way(spans):
    span = writer(spans).open(Kind.JOB, "a", {})
    assert in_job(current(span, of_job=True))
    assert not in_job(current(span))


def test_an_end_in_another_context_is_no_error(spans, caplog):
    """A generator that the garbage collector closes ends its block in a context that is not its own."""

    def hold():
        with within(writer(spans).open(Kind.RUN, "a", {})):
            yield

    generator = hold()
    contextvars.copy_context().run(next, generator)
    del generator
    gc.collect()
    assert caplog.text == ""
