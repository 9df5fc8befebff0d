"""What a policy does with findings, and how it is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from arc_runtime.processor import RedactingSpanProcessor
from arc_runtime.redaction import Policy, PolicyError, Rule, Tally, enforce, redact, scrub, scrub_item
from arc_runtime.settings import Settings
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TEXT = "mail Jane.Doe@example.com or jane.doe@example.com, card 4111 1111 1111 1111, key ghp_" + "a1B2c3" * 6


@pytest.fixture
def in_force() -> Iterator[None]:
    yield
    enforce(Policy())


def test_equal_values_stay_equal_under_a_hash_and_other_keys_give_other_hashes():
    policy = Policy(actions={"EMAIL": "hash"}, key=b"k1")
    first, second = (word for word in policy.redact(TEXT).replace(",", "").split() if word.startswith("<EMAIL:"))
    assert first == second
    assert Policy(actions={"EMAIL": "hash"}, key=b"k2").redact(TEXT) != policy.redact(TEXT)
    assert policy.redact(policy.redact(TEXT)) == policy.redact(TEXT)


def test_a_mask_leaves_the_last_four_and_nothing_of_a_secret():
    clean = Policy(actions={"default": "mask"}).redact(TEXT)
    assert "card **** **** **** 1111" in clean
    assert "key <SECRET>" in clean
    assert "Doe" not in clean
    assert "example" not in clean


def test_drop_and_keep():
    clean = Policy(actions={"CARD": "drop", "EMAIL": "keep"}).redact(TEXT)
    assert "card , key <SECRET>" in clean
    assert "jane.doe@example.com" in clean


@pytest.mark.parametrize(
    ("level", "left"),
    [
        ("off", ["jane.doe@example.com", "4111", "ghp_"]),
        ("secrets", ["jane.doe@example.com", "4111"]),
        ("standard", []),
        ("strict", []),
    ],
)
def test_levels(level, left):
    clean = Policy(level=level).redact(TEXT)
    assert [part for part in ("jane.doe@example.com", "4111", "ghp_") if part in clean] == left


def test_strict_takes_every_long_number():
    assert redact("order 12345678", Policy(level="strict")) == "order <NUMBER>"
    assert redact("order 12345678") == "order 12345678"


def test_values_are_allowed_and_denied():
    policy = Policy(allow=["jane.doe@example.com", "/4111.*/"], deny=["Project Falcon", "/F-[0-9]+/"])
    assert policy.redact("jane.doe@example.com 4111 1111 1111 1111") == "jane.doe@example.com 4111 1111 1111 1111"
    assert policy.redact("on project falcon, F-7") == "on <DENIED>, <DENIED>"


def test_rules_of_the_user():
    rules = [
        Rule(name="staff", type="EMPLOYEE_ID", regex=r"(?:staff|emp) (E-\d{4})"),
        Rule(name="words", type="CODE_WORD", words=["osprey", "Kestrel"]),
        Rule(
            name="ends", type="ENDS", function=lambda text: [(len(text) - 3, len(text))] if text.endswith("END") else []
        ),
    ]
    assert (
        Policy(rules=rules).redact("staff E-1234 on OSPREY, ospreys, END")
        == "staff <EMPLOYEE_ID> on <CODE_WORD>, ospreys, <ENDS>"
    )


def test_a_rule_that_raises_costs_its_value_only(in_force):
    def broken(text: str) -> list[tuple[int, int]]:
        if "boom" in text:
            raise RuntimeError("a bug in the rule")
        return []

    enforce(Policy(rules=[Rule(name="broken", type="X", function=broken)]))
    tally = Tally()
    assert scrub({"a": "boom 1", "b": "fine"}, tally) == {"a": "<UNREADABLE>", "b": "fine"}
    assert tally == {"UNREADABLE": 1}


def test_keys_decide_before_values(in_force):
    enforce(Policy(keys={"enduser.id": "hash", "http.request.header.*": "drop", "note": "keep"}, key=b"k"))
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(RedactingSpanProcessor())
    attributes = {"enduser.id": "u-17", "http.request.header.cookie": "a=b", "note": "jane@example.com", "n": 1}
    provider.get_tracer("test").start_span("s", attributes=attributes).end()
    told = exporter.get_finished_spans()[0].attributes
    assert set(told) == {"enduser.id", "note", "n", "arc.redaction.count", "arc.redaction.types"}
    assert told["enduser.id"].startswith("<DENIED:")
    assert told["note"] == "jane@example.com"


@pytest.mark.parametrize(
    ("key", "value", "clean"),
    [
        ("order.id", "1417900358", "1417900358"),
        ("order.id", "4111111111111111", "<CARD>"),
        ("patient.npi", "1417900358", "<US_NPI>"),
        ("password", "corr3ct-horse", "<SECRET>"),
        ("server.address", "10.1.2.3", "10.1.2.3"),
        ("client.address", "10.1.2.3", "<IP_ADDRESS>"),
        ("client.address", "127.0.0.1", "127.0.0.1"),
        ("gen_ai.response.id", "chatcmpl-CmE3cMnTqyv0gM5uzkGJuNJqLtTlg", "chatcmpl-CmE3cMnTqyv0gM5uzkGJuNJqLtTlg"),
        ("session.start", 1763650800123456789, 1763650800123456789),
        ("card", 4111111111111111, "<CARD>"),
    ],
)
def test_the_key_says_what_a_bare_value_is(key, value, clean):
    assert scrub_item(key, value, Tally()) == clean


def test_what_is_left_when_the_budget_is_spent_is_replaced():
    tally = Tally()
    tally.room(1)
    tally.until = 0.0
    assert scrub("x" * 200, tally) == "<UNREAD>"
    assert tally == {"UNREAD": 1}
    long = "one two three " * 400_000
    clean = scrub(long + "jane@example.com", Tally())
    assert clean.endswith("<UNREAD>")
    assert len(clean) < len(long)


def test_a_value_on_the_border_of_two_parts_is_found_whole():
    text = "x " * 131_065 + "jane.doe@example.com and " + "y " * 40_000
    assert scrub(text, Tally()) == text.replace("jane.doe@example.com", "<EMAIL>")


YAML = """
level: secrets
actions: {EMAIL: mask}
keys: {"a.*": drop}
allow: [x@example.com]
deny: ["/F-[0-9]+/"]
rules:
  - {name: staff, type: EMPLOYEE_ID, regex: 'E-\\d{4}'}
examples:
  - {text: "E-1234", redacted: "<EMPLOYEE_ID>"}
"""


def test_a_policy_is_read_from_yaml(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(YAML)
    policy = Policy.from_file(file, level="standard")
    assert (
        policy.redact("E-1234 F-1 x@example.com jane@example.com") == "<EMPLOYEE_ID> <DENIED> x@example.com " + "*" * 16
    )
    assert Policy.from_file(file).level == "secrets"


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("level: all", "level"),
        ("actions: {EMAIL: burn}", "burn"),
        ("actions: {EMAIL: hash}", "ARC_REDACTION_KEY"),
        ("rulez: []", "rulez"),
        ("rules: [{name: a, type: A, regex: '('}]", "rule 'a'"),
        ("rules: [{name: a, type: A, regex: 'x*'}]", "everywhere"),
        ("rules: [{name: a, type: lower, regex: 'x'}]", "capitals"),
        ("rules: [{name: a, type: A}]", "exactly one"),
        ("rules: [{name: a, type: A, function: 'no.such:thing'}]", "can't be imported"),
        ("- just a list", "the file"),
        ("a: [", "the file"),
    ],
)
def test_what_is_wrong_with_a_policy_is_said(yaml, said):
    with pytest.raises(PolicyError, match="redaction policy") as caught:
        Policy.from_yaml(yaml)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_said_by_its_name():
    with pytest.raises(PolicyError, match=r"nowhere\.yaml"):
        Policy.from_file(Path("nowhere.yaml"))


def test_settings_of_redaction():
    settings, warnings = Settings.from_env(
        {"ARC_REDACTION": "secrets", "ARC_REDACTION_KEY": "k", "ARC_REDACTION_POLICY": "/p.yaml"}
    )
    assert (settings.redaction, settings.redaction_key, settings.redaction_policy) == ("secrets", "k", Path("/p.yaml"))
    assert not warnings
    assert Settings.from_env({})[0].redaction is None
    settings, warnings = Settings.from_env({"ARC_REDACTION": "yes"})
    assert settings.redaction == "strict"
    assert "ARC_REDACTION='yes'" in warnings[0]
