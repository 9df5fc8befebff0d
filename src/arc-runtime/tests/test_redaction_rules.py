"""Rules of the user's own, and policies that are wrong in every way there is: told at once, or they cost a value."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from arc_runtime.processor import RedactingLogProcessor, RedactingSpanProcessor
from arc_runtime.redaction import Policy, PolicyError, Rule, Tally, enforce, scrub, scrub_item
from arc_runtime.redaction._types import known_types
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

MANY = [f"w{number:06x}q" for number in range(100_000)]


@pytest.fixture(autouse=True)
def nothing_is_left_in_force() -> Iterator[None]:
    yield
    enforce(Policy())


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (b"", "null"),
        (b"\x00\xff\x01", "the file"),
        (b"level: 2020-99-99", "month must be in"),
        (b"level: !!bool perhaps", "KeyError"),
        (b"level: true", "true is none of off, secrets"),
        (b"allow: [a]\ndeny: [b]\nallow: [c]", "'allow' is in it twice"),
        (b"rules:\n  - {name: a, type: A, regex: x, regex: y}", "'regex' is in it twice"),
        (b"allow: &a [*a]", "Expected `str`, got `array`"),
        (b"level: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        (b"actions: {EMIAL: mask}", "actions.EMIAL: there is no such type; is it EMAIL?"),
        (b"actions: {us_ssn: mask}", "is it US_SSN?"),
        (b"deny: ['/(a)(/']", "wrong"),
        (b"deny: ['/(?:[a-z]+ ?)+x/']", "repeats a repeat"),
        (b"rules: [{name: a, type: A, regex: '^(a|b+)*$x'}]", "repeats a repeat"),
        (b"rules: [{name: a, type: A, regex: '((a*)b*)*c'}]", "repeats a repeat"),
        (b"rules: [{name: a, type: A, function: 'antigravity.no'}]", "can't be imported"),
        (b"rules: [{name: a, type: A, function: 'os:sep'}]", "can't be called"),
    ],
)
def test_a_policy_that_is_wrong_is_told_with_its_place(yaml, said):
    with pytest.raises(PolicyError, match="redaction policy, ") as caught:
        Policy.from_yaml(yaml)
    assert said in str(caught.value)


def test_a_module_that_ends_the_process_as_it_is_imported_is_told(tmp_path, monkeypatch):
    (tmp_path / "ending_module.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PolicyError, match="SystemExit: 3"):
        Policy.from_yaml("rules: [{name: a, type: A, function: 'ending_module:find'}]")


@pytest.mark.parametrize("rule", [{"function": 7}, {"regex": 7}])
def test_a_rule_in_code_that_is_none_is_told(rule):
    with pytest.raises(PolicyError, match="7"):
        Policy(rules=[Rule(name="a", type="A", **rule)])


def test_a_file_without_end_is_not_read_to_it(tmp_path):
    huge = tmp_path / "policy.yaml"
    with huge.open("wb") as file:
        file.truncate(20 * 1024 * 1024)
    with pytest.raises(PolicyError, match="larger than"):
        Policy.from_file(huge)


@pytest.mark.parametrize("regex", [r"(?:[a-z]+[.])+x", r"(?:[a-z]++ ?)+x", r"(?:\d{3}-)+", r"(?:ab){1,9}", r"(a+){2}b"])
def test_regular_expressions_that_repeat_one_thing_are_taken(regex):
    assert Policy(rules=[Rule(name="a", type="A", regex=regex)])


def test_off_is_off_as_yaml_writes_it():
    assert Policy.from_yaml("level: off").level == "off"
    assert Policy.from_yaml("level: off", level="strict").level == "strict"


def test_the_types_of_an_action_are_those_that_there_are_and_those_of_the_rules():
    rule = Rule(name="a", type="EMPLOYEE_ID", regex=r"E-\d+")
    assert Policy(rules=[rule], actions={"EMPLOYEE_ID": "mask", "default": "drop"}).redact("E-1234567") == "*-***4567"
    everyday = {"EMAIL", "SECRET", "CARD", "IBAN", "US_SSN", "FR_NIR", "DE_PASSPORT", "PERSON", "NUMBER", "DENIED"}
    assert everyday <= known_types()


def test_each_regular_expression_of_a_list_is_its_own():
    policy = Policy(
        deny=["/(?P<a>a)b/", r"/(?P<a>c)\1x/", "/(?i:Falcon) (nine)/"], allow=[r"/(.)\1@example.com/", "/x.*/"]
    )
    assert policy.redact("ab, ccx, falcon nine, cdx") == "<DENIED>, <DENIED>, <DENIED>, cdx"
    assert policy.redact("aa@example.com ab@example.com") == "aa@example.com <EMAIL>"


def test_a_dictionary_may_be_large_and_its_words_may_be_more_than_one():
    words = [*MANY, "Project Falcon", "#tag", "***", "Straße", "İzmir"]
    policy = Policy(rules=[Rule(name="d", type="D", words=words)], allow=[*MANY[1:], "jane@example.com"])
    assert policy.redact(f"{MANY[0].upper()}, {MANY[1]} x{MANY[0]} {MANY[0]}_") == f"<D>, {MANY[1]} x{MANY[0]} <D>_"
    assert policy.redact("project falcon; project falcons; #TAG a#tag #tags") == "<D>; project falcons; <D> a#tag #tags"
    assert policy.redact("5*** in straße, İzmir") == "5<D> in <D>, <D>"
    assert policy.redact("jane@example.com joe@example.com") == "jane@example.com <EMAIL>"


@pytest.mark.parametrize(
    "said", [None, 7, "ab", [(1,)], [(1, 2, 3)], [(0.0, 1.0)], [None], [(0, 99)], [(3, 2)], [(-1, 2)]]
)
def test_a_function_that_answers_nonsense_costs_the_value(said):
    enforce(Policy(rules=[Rule(name="a", type="A", function=lambda _text: said)]))
    assert scrub(["hello there"], Tally()) == ["<UNREADABLE>"]


def test_a_function_that_logs_and_traces_is_not_asked_about_that():
    records, spans = InMemoryLogRecordExporter(), InMemorySpanExporter()
    loggers, tracers = LoggerProvider(), TracerProvider()
    loggers.add_log_record_processor(RedactingLogProcessor())
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    tracers.add_span_processor(RedactingSpanProcessor())
    tracers.add_span_processor(SimpleSpanProcessor(spans))

    def find(text: str) -> Iterator[tuple[int, int]]:
        loggers.get_logger("rule").emit(LogRecord(body=f"reads {text}"))
        tracers.get_tracer("rule").start_span(f"reads {text}").end()
        yield from [(at, at + 6) for at in [text.find("falcon")] if at >= 0]

    enforce(Policy(rules=[Rule(name="a", type="A", function=find)]))
    tracers.get_tracer("test").start_span("s", attributes={"note": "the falcon"}).end()
    *inner, outer = spans.get_finished_spans()
    assert outer.attributes["note"] == "the <A>"
    assert {span.name for span in inner} == {"<UNREADABLE>"}
    assert {record.log_record.body for record in records.get_finished_logs()} == {"<UNREADABLE>"}


def test_what_is_kept_is_not_counted_as_taken():
    enforce(Policy(actions={"EMAIL": "keep"}))
    tally = Tally()
    assert scrub({"to": "jane@example.com, 4111111111111111"}, tally) == {"to": "jane@example.com, <CARD>"}
    assert tally == {"CARD": 1}


def test_many_short_values_keep_to_the_budget():
    tally = Tally()
    tally.until = 0.0
    assert scrub(["jane@example.com", 4111111111111111, "a" * 90, ""], tally) == ["<UNREAD>"] * 4
    assert scrub_item("ssn", "536-22-8714", tally) == "<UNREAD>"
    assert tally == {"UNREAD": 5}


def test_a_value_that_takes_long_to_read_is_not_read_on():
    tally = Tally()
    clean = scrub("4111 1111 1111 1112 " * 500_000, tally)
    assert clean.endswith("<UNREAD>")
    assert tally == {"UNREAD": 1}


def test_keys_of_the_policy_hold_for_metrics(redacting_providers):
    enforce(Policy(keys={"enduser.*": "drop", "tenant": "hash"}, key=b"k"))
    reader = InMemoryMetricReader()
    counter = MeterProvider(metric_readers=[reader]).get_meter("test").create_counter("c")
    counter.add(1, {"enduser.id": "u-17", "tenant": "t-3", "n": 1})
    (point,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert set(point.attributes) == {"tenant", "n"}
    assert point.attributes["tenant"].startswith("<DENIED:")


def test_hashes_are_the_same_in_every_process_that_has_the_key():
    told = "from arc_runtime.redaction import Policy; print(Policy(actions={'EMAIL': 'hash'}, key=b'k').redact('jane@example.com'))"
    words = [sys.executable, "-c", told]
    other = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    assert other == Policy(actions={"EMAIL": "hash"}, key=b"k").redact("jane@example.com")
    assert other == "<EMAIL:febakkfffpbjlcgh>"


def test_a_key_may_be_of_any_length_and_of_any_bytes():
    hashes = {
        Policy.from_yaml("actions: {EMAIL: hash}", key=key).redact("jane@example.com")
        for key in ("k" * 64, "k" * 64 + "a", "k" * 64 + "b", "\udcff", "\udcfe")
    }
    assert len(hashes) == 5
