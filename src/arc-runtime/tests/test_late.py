"""Attributes that are worked out when a span is read: complete, redacted and the same, whoever reads them first."""

import copy
import gc
import threading
import weakref

import pytest
from arc_runtime.processor import RedactingSpanProcessor
from arc_runtime.spans import complete
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, SpanContext

MAIL = "jane.doe@example.org"


class Work:
    """Counts how often it is done, and by whom."""

    def __init__(self, **attributes):
        self.attributes = attributes
        self.threads = []

    def __call__(self):
        self.threads.append(threading.current_thread().name)
        return self.attributes


class Reader(SpanProcessor):
    """Reads the attributes as a span ends."""

    def on_end(self, span):
        self.seen = dict(span.attributes)


def traced(*processors, limits=None):
    provider = TracerProvider(span_limits=limits)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider


def ended(provider, work, **attributes):
    span = provider.get_tracer("test").start_span("chat", attributes=attributes)
    complete(span, work)
    span.end()
    return span


def test_nothing_is_worked_out_until_somebody_reads_and_then_once():
    work = Work(late=1)
    span = ended(traced(RedactingSpanProcessor()), work, early=0)
    assert work.threads == []
    assert dict(span.attributes) == {"early": 0, "late": 1}
    assert dict(span.attributes) == {"early": 0, "late": 1}
    assert len(work.threads) == 1


def test_it_is_worked_out_on_the_thread_that_exports():
    work, exported, seen = Work(late=1), threading.Event(), []

    class Reading(SpanExporter):
        def export(self, spans):
            seen.extend(dict(span.attributes) for span in spans)
            exported.set()
            return SpanExportResult.SUCCESS

    provider = traced(RedactingSpanProcessor(), BatchSpanProcessor(Reading(), schedule_delay_millis=1))
    ended(provider, work)
    assert exported.wait(10)
    provider.shutdown()
    assert seen == [{"late": 1}]
    assert work.threads != [threading.current_thread().name]


@pytest.mark.parametrize("first", [True, False])
def test_a_processor_before_or_after_sees_all_of_it_redacted(first):
    reader = Reader()
    order = [reader, RedactingSpanProcessor()] if first else [RedactingSpanProcessor(), reader]
    ended(traced(*order), Work(late=f"to {MAIL}"), early=f"by {MAIL}")
    assert reader.seen["late"] == "to <EMAIL>"
    assert reader.seen["early"] == "by <EMAIL>"
    assert reader.seen["arc.redaction.count"] == 2


def test_findings_in_the_name_and_in_late_attributes_are_counted_together():
    provider = traced(RedactingSpanProcessor())
    span = provider.get_tracer("test").start_span(f"chat {MAIL}")
    complete(span, Work(late=MAIL))
    span.end()
    assert span.name == "chat <EMAIL>"
    assert span.attributes["arc.redaction.count"] == 2


def test_a_reader_that_comes_before_the_redaction_leaves_nothing_raw_behind():
    class Early(SpanProcessor):
        def _on_ending(self, span):
            dict(span.attributes)

    exporter = InMemorySpanExporter()
    ended(traced(Early(), SimpleSpanProcessor(exporter), RedactingSpanProcessor()), Work(late=MAIL))
    assert exporter.get_finished_spans()[0].attributes["late"] == "<EMAIL>"


def test_work_that_fails_leaves_the_span_with_what_it_had(caplog):
    def fail():
        raise ValueError("no content")

    span = ended(traced(RedactingSpanProcessor()), fail, early=MAIL)
    assert dict(span.attributes)["early"] == "<EMAIL>"
    assert [record.message for record in caplog.records] == [
        "what a span says could not be worked out; it was left out"
    ]


def test_where_redaction_fails_only_what_arc_made_up_stays(monkeypatch, caplog):
    def fail(*_args):
        raise RuntimeError("cannot redact")

    monkeypatch.setattr("arc_runtime.processor._redact_attributes", fail)
    span = ended(traced(RedactingSpanProcessor()), Work(late=MAIL), **{"arc.span.kind": "llm", "early": MAIL})
    assert dict(span.attributes) == {"arc.span.kind": "llm", "arc.redaction.types": ("<REDACTION FAILED>",)}
    assert MAIL not in caplog.text


def test_an_interrupted_redaction_is_done_again_by_the_next_reader(monkeypatch):
    from arc_runtime import processor

    redact = processor._redact_attributes
    interruptions = [KeyboardInterrupt(), KeyboardInterrupt()]

    def interrupted(*args):
        if interruptions:
            raise interruptions.pop()
        redact(*args)

    provider = traced(RedactingSpanProcessor())
    monkeypatch.setattr(processor, "_redact_attributes", interrupted)
    span = ended(provider, Work(late=MAIL))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            dict(span.attributes)
    assert dict(span.attributes)["late"] == "<EMAIL>"


def test_interrupted_work_is_done_again_by_the_next_reader():
    interruptions = [KeyboardInterrupt()]

    def work():
        if interruptions:
            raise interruptions.pop()
        return {"late": MAIL}

    span = ended(traced(RedactingSpanProcessor()), work)
    with pytest.raises(KeyboardInterrupt):
        dict(span.attributes)
    assert dict(span.attributes)["late"] == "<EMAIL>"


def test_who_reads_in_the_midst_of_the_redaction_sees_nothing_raw(monkeypatch):
    from arc_runtime import processor

    redact, seen = processor._redact_attributes, []

    def looked_at(*args):
        seen.append(dict(span.attributes))  # as a signal handler would
        redact(*args)

    provider = traced(RedactingSpanProcessor())
    monkeypatch.setattr(processor, "_redact_attributes", looked_at)
    span = ended(provider, Work(late=MAIL), early=MAIL)
    assert dict(span.attributes)["early"] == "<EMAIL>"
    assert seen == [{}]


def test_many_threads_read_the_same_and_nothing_raw():
    begin, release = threading.Event(), threading.Event()

    def slow():
        begin.set()
        release.wait(10)
        return {"late": MAIL}

    span = ended(traced(RedactingSpanProcessor()), slow)
    seen = []
    readers = [threading.Thread(target=lambda: seen.append(dict(span.attributes))) for _ in range(4)]
    for reader in readers:
        reader.start()
    assert begin.wait(10)
    release.set()
    for reader in readers:
        reader.join(10)
    assert [one["late"] for one in seen] == ["<EMAIL>"] * 4


def test_the_limits_of_the_sdk_hold():
    limits = SpanLimits(max_span_attributes=2, max_span_attribute_length=4)
    span = ended(traced(RedactingSpanProcessor(), limits=limits), Work(second="123456789", third="x"), first=1)
    assert dict(span.attributes).keys() == {"second", "third"}
    assert len(span.attributes["second"]) <= 4
    assert span.dropped_attributes == 1


def test_a_copy_is_complete():
    span = ended(traced(RedactingSpanProcessor()), Work(late=MAIL))
    assert dict(copy.deepcopy(span._attributes)) == dict(span.attributes)
    assert span._attributes.copy()["late"] == "<EMAIL>"


def test_an_attribute_set_between_completion_and_end_stays():
    span = traced(RedactingSpanProcessor()).get_tracer("test").start_span("chat")
    complete(span, Work(late=1))
    span.set_attribute("between", MAIL)
    span.end()
    assert dict(span.attributes)["between"] == "<EMAIL>"


@pytest.mark.parametrize("span", [INVALID_SPAN, NonRecordingSpan(INVALID_SPAN.get_span_context())])
def test_a_span_that_records_nothing_is_left_alone(span):
    work = Work(late=1)
    complete(span, work)
    assert not hasattr(span, "_attributes")
    assert work.threads == []


def test_a_span_of_another_kind_gets_its_attributes_at_once():
    class Wrapping:
        """A span as another SDK wraps it."""

        def __init__(self):
            self.told = {}

        def is_recording(self):
            return True

        def set_attributes(self, attributes):
            self.told.update(attributes)

    span = Wrapping()
    complete(span, Work(late=1))
    assert span.told == {"late": 1}


OTHER = SpanContext(1, 2, is_remote=True)


def linked(*processors, links=None, limits=None):
    span = traced(*processors, limits=limits).get_tracer("test").start_span("run", links=[Link(OTHER, {"early": 1})])
    complete(span, Work(late=MAIL), links or (lambda: [Link(OTHER, {"keys": ("a", MAIL)})]))
    span.end()
    return span


def said(span):
    return [dict(link.attributes) for link in span.links]


def test_late_links_are_worked_out_when_they_are_read_and_redacted_by_then():
    worked = []
    span = linked(RedactingSpanProcessor(), links=lambda: worked.append(1) or [Link(OTHER, {"mail": MAIL})])
    assert worked == []
    assert said(span) == said(span) == [{"early": 1}, {"mail": "<EMAIL>"}]
    assert worked == [1]


def test_what_is_found_in_late_links_is_counted_with_the_attributes_whichever_is_read_first():
    first, second = linked(RedactingSpanProcessor()), linked(RedactingSpanProcessor())
    assert first.attributes["arc.redaction.count"] == 2
    assert said(second)[1] == {"keys": ("a", "<EMAIL>")}
    assert second.attributes["arc.redaction.count"] == 2


def test_a_reader_of_links_that_comes_before_the_redaction_leaves_nothing_raw_behind():
    class Early(SpanProcessor):
        def _on_ending(self, span):
            list(span.links)

    assert said(linked(Early(), RedactingSpanProcessor()))[1] == {"keys": ("a", "<EMAIL>")}


def test_links_that_cannot_be_told_leave_the_span_with_what_it_had(caplog):
    def fail():
        raise ValueError("no links")

    span = linked(RedactingSpanProcessor(), links=fail)
    assert said(span) == [{"early": 1}]
    assert span.attributes["late"] == "<EMAIL>"
    assert len(caplog.records) == 1


def test_where_redaction_fails_links_say_nothing(monkeypatch):
    def fail(*_args):
        raise RuntimeError("cannot redact")

    monkeypatch.setattr("arc_runtime.processor._redact_attributes", fail)
    assert said(linked(RedactingSpanProcessor())) == [{}, {}]


def test_interrupted_links_are_there_once_when_the_next_reader_has_them(monkeypatch):
    from arc_runtime import processor

    redact, interruptions = processor._redact_links, [KeyboardInterrupt()]

    def interrupted(*args):
        if interruptions:
            raise interruptions.pop()
        redact(*args)

    monkeypatch.setattr(processor, "_redact_links", interrupted)
    span = linked(RedactingSpanProcessor())
    with pytest.raises(KeyboardInterrupt):
        list(span.links)
    assert said(span) == [{"early": 1}, {"keys": ("a", "<EMAIL>")}]


def test_the_limits_of_the_sdk_hold_for_late_links():
    many = lambda: [Link(OTHER, {"n": n, "dropped": "x"}) for n in range(5)]  # noqa: E731
    span = linked(links=many, limits=SpanLimits(max_links=2, max_link_attributes=1))
    assert said(span) == [{"dropped": "x"}, {"dropped": "x"}]
    assert copy.deepcopy(span.links) is not None
    assert span._readable_span().dropped_links == 4


def test_a_span_of_another_kind_gets_its_links_at_once():
    class Other(NonRecordingSpan):
        def is_recording(self):
            return True

        def add_link(self, context, attributes=None):
            self.told = (context, attributes)

    span = Other(OTHER)
    complete(span, dict, lambda: [Link(OTHER, {"n": 1})])
    assert span.told == (OTHER, {"n": 1})


def test_what_was_read_is_let_go_without_the_collector():
    span = linked(RedactingSpanProcessor())
    held = weakref.ref(span.links[1].attributes)
    gc.disable()
    try:
        del span
        assert held() is None
    finally:
        gc.enable()
