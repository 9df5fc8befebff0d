import re

import pytest
from arc_runtime.processor import RedactingLogProcessor, RedactingSpanProcessor, redact_resource
from arc_runtime.redaction import Clean, Tally
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags

MAIL = "jane@example.com"


def test_every_part_of_a_span_is_redacted_before_an_exporter_that_was_added_first_sees_it(spans):
    tracer = spans.tracer_provider.get_tracer("test")
    other = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    with (
        pytest.raises(ValueError, match=MAIL),
        tracer.start_as_current_span(
            f"mail {MAIL}", attributes={"a": f"to {MAIL}", "n": {"x": [MAIL]}}, links=[Link(other, {"l": MAIL})]
        ) as span,
    ):
        span.add_event(f"event {MAIL}", {"e": MAIL})
        raise ValueError(f"no such user {MAIL}")
    span = spans.only
    assert MAIL not in span.name
    assert MAIL not in repr(dict(span.attributes))
    assert [MAIL in repr(dict(event.attributes)) + event.name for event in span.events] == [False, False]
    assert span.events[1].attributes["exception.message"] == "no such user <EMAIL>"
    assert "<EMAIL>" in span.events[1].attributes["exception.stacktrace"]
    assert MAIL not in repr(dict(span.links[0].attributes))
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError: no such user <EMAIL>"
    assert span.attributes["arc.redaction.types"] == ("EMAIL",)
    assert span.attributes["arc.redaction.count"] == 9


def test_a_span_without_personal_values_gains_nothing(spans):
    spans.tracer_provider.get_tracer("test").start_span("plain", attributes={"k": "v", "n": 1}).end()
    assert dict(spans.only.attributes) == {"k": "v", "n": 1}


def test_content_redacted_at_capture_is_counted_once(spans):
    content = Clean.of("from <EMAIL>", Tally(EMAIL=1))
    spans.tracer_provider.get_tracer("test").start_span("chat", attributes={"content": content}).end()
    assert spans.only.attributes["arc.redaction.count"] == 1


def test_a_span_that_can_t_be_redacted_is_exported_without_its_content(spans):
    span = spans.tracer_provider.get_tracer("test").start_span(
        f"n {MAIL}", attributes={"arc.span.kind": "llm", "a": MAIL}
    )
    span.add_event("e", {"e": MAIL})
    span.set_status(StatusCode.ERROR, f"no {MAIL}")
    span._links = [object()]  # what a later SDK may hold there
    span.end()
    exported = spans.only
    assert dict(exported.attributes) == {"arc.span.kind": "llm", "arc.redaction.types": ("<REDACTION FAILED>",)}
    assert (exported.name, list(exported.events), list(exported.links)) == ("<REDACTION FAILED>", [], [])
    assert (exported.status.status_code, exported.status.description) == (StatusCode.ERROR, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("card", 4111111111111111),
        ("ssn", "078051120"),
        ("aws_secret_access_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
)
def test_an_attribute_is_recognised_by_its_name_and_as_a_number(spans, key, value):
    spans.tracer_provider.get_tracer("test").start_span("x", attributes={key: value, "id": 1763650800123}).end()
    assert str(value) not in str(spans.only.attributes[key])
    assert spans.only.attributes["id"] == 1763650800123


@pytest.mark.parametrize(
    "value",
    [f"mail to {MAIL} now", "card 4111 1111 1111 1111 used", "sk-proj-abcDEF1234567890abcDEF", "ssn 078-05-1120."],
)
def test_what_the_sdk_has_cut_in_two_does_not_show_in_part(value):
    for limit in range(8, len(value)):
        memory = InMemorySpanExporter()
        provider = TracerProvider(span_limits=SpanLimits(max_span_attribute_length=limit))
        provider.add_span_processor(SimpleSpanProcessor(memory))
        provider.add_span_processor(RedactingSpanProcessor())
        provider.get_tracer("test").start_span("x", attributes={"a": value}).end()
        left = memory.get_finished_spans()[0].attributes["a"]
        assert not re.search(r"jane|\d{3}|abcD", left), (limit, left)


def test_text_that_utf_8_has_no_form_for_does_not_fail_the_batch(spans):
    spans.tracer_provider.get_tracer("test").start_span("x", attributes={"file": "\udcff"}).end()
    spans.only.attributes["file"].encode()


def test_a_failure_inside_never_reaches_the_program():
    provider = TracerProvider()
    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.add_span_processor(RedactingSpanProcessor())
    span = provider.get_tracer("test").start_span("x", attributes={"a": MAIL})
    span._events = span._links = span._status = None  # nothing of the SDK's insides is as expected
    span.end()
    assert MAIL not in repr([dict(one.attributes or {}) for one in memory.get_finished_spans()])


def test_log_records_and_events_are_redacted(spans):
    logger = spans.logger_provider.get_logger("test")
    logger.emit(body={"text": f"from {MAIL}"}, attributes={"a": [MAIL]}, event_name="x")
    (record,) = spans.logs
    assert record.body == {"text": "from <EMAIL>"}
    assert dict(record.attributes) == {"a": ["<EMAIL>"]} or dict(record.attributes) == {"a": ("<EMAIL>",)}


def test_resources_are_redacted_in_place():
    resource = Resource({"process.command_args": ["app", "--to", MAIL]})
    redact_resource(resource)
    assert MAIL not in repr(dict(resource.attributes))


def test_shutdown_tells_who_asked():
    told = []
    RedactingSpanProcessor(lambda: told.append("spans")).shutdown()
    RedactingLogProcessor(lambda: told.append("logs")).shutdown()
    assert told == ["spans", "logs"]
