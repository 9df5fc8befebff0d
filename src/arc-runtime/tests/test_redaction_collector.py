"""The rules for a Collector: what they find of plain values, by RE2, whose syntax is that of Go's `regexp`."""

import re
from functools import cache

import pytest
import re2
import yaml
from arc_runtime.redaction import Policy, PolicyError, Rule, find
from arc_runtime.redaction._collector import _DENSE_TEXT, collector_config, collector_rules
from arc_runtime.redaction._credentials import CREDENTIALS
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

PLAIN = {
    "EMAIL": ["jane.doe@example.com", "müller@bücher.example", "a+b@mail.example.co.uk"],
    "CARD": ["4111 1111 1111 1111", "4111111111111111", "5555-5555-5555-4444", "378282246310005", "6011111111111117"],
    "IBAN": ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "NO9386011117947"],
    "US_SSN": ["536-22-8714"],
    "IP_ADDRESS": ["203.0.113.7", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8::ff00:42:8329"],
    "MAC_ADDRESS": ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7"],
    "PHONE": ["+1 (415) 555-0132", "+442071838750"],
    "CRYPTO": ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "0x52908400098527886E0F7030069857D2E4169EE7"],
    "IT_FISCAL_CODE": ["RSSMRA85T10A562S"],
    "BR_CPF": ["529.982.247-25"],
    "SECRET": ["postgres://jane:s3cr3t-pw@db", "Authorization: Bearer abcdef0123456789abcdef"],
}  # fmt: skip
ASCII = st.characters(min_codepoint=32, max_codepoint=126)
HARMLESS = (
    "0.4111111111111111 of 12,345,678 at 2026-11-21T09:30:00Z, release 1.2.3, 127.0.0.1:4317, [::1]:80, "
    "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7, std::cafe, 1790000000000000000, chat gpt-4.1-2025-04-14, "
    "task-asking-questions, monkey-patch, call_4f2a0b, 3f2504e0-4f89-11d3-9a0c-0305e82c3301"
)


@pytest.fixture(scope="module")
def patterns():
    return [(rule, re2.compile(rule.pattern)) for rule in collector_rules(Policy())]


@pytest.mark.parametrize(("type_", "value"), [(type_, value) for type_, values in PLAIN.items() for value in values])
def test_a_plain_value_that_is_found_here_is_found_by_a_collector_under_the_same_name(patterns, type_, value):
    text = f"it is {value} here"
    (here,) = find(text)
    assert here.type == type_
    assert type_ in {
        rule.type
        for rule, pattern in patterns
        for match in pattern.finditer(text)
        if match.start() <= here.start and here.end <= match.end()
    }


def test_what_says_little_is_left_alone(patterns):
    assert [(rule.type, match.group()) for rule, pattern in patterns for match in pattern.finditer(HARMLESS)] == []


def made_up(kind):
    """Values of the credential's form, the same each time."""
    return made_up_of(kind.form, fullmatch=True)


@cache
def made_up_of(form, *, fullmatch=False):
    found = []

    @seed(1)
    @settings(
        max_examples=4, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.from_regex(re.compile(form), fullmatch=fullmatch, alphabet=ASCII))
    def collect(value):
        found.append(value)

    collect()
    return found


def test_every_credential_with_a_form_of_its_own_is_found_whole(patterns):
    secrets = [pattern for rule, pattern in patterns if rule.type == "SECRET"]
    tried, missed = set(), []
    for kind in CREDENTIALS:
        for value in made_up(kind):
            text = f"key {value} ."
            if [one[:2] for one in find(text)] == [(4, 4 + len(value))]:
                tried.add(kind.rule)
                spans = [match.span() for pattern in secrets for match in pattern.finditer(text)]
                if not any(start <= 4 and 4 + len(value) <= end for start, end in spans):
                    missed.append((kind.rule, value))
    assert missed == []
    assert len(tried) > len(CREDENTIALS) * 0.7


def has_a_clue(rule, text):
    asked = [re2.search(clue, text.lower() if clue.startswith("(?i)") else text) for clue in rule.clues]
    dense = re2.search(_DENSE_TEXT, text)
    return any(
        found and (dense or not clue.startswith((r"\b", r"(?:\b")))
        for clue, found in zip(rule.clues, asked, strict=True)
    )


def test_where_a_rule_finds_something_there_is_one_of_its_clues(patterns):
    missed, tried = [], 0
    for rule, pattern in patterns:
        form = rule.pattern.replace(r"\x{80}-\x{10FFFF}", r"\x80-\xff")
        values = [value for kind in CREDENTIALS for value in made_up(kind)] if len(rule.clues) > 9 else made_up_of(form)
        for text in (end.format(value) for value in values for end in ("{}", "at {}.", "\n{}\n")):
            if pattern.search(text):
                tried += 1
                if not has_a_clue(rule, text):
                    missed.append((rule.type, text))
    assert missed == []
    assert tried > len(patterns) * 3


def test_a_policy_is_exported_as_far_as_a_collector_can_follow():
    policy = Policy(
        actions={"EMAIL": "drop", "PHONE": "keep", "CARD": "mask"},
        keys={"http.request.header.*": "drop", "enduser.id": "placeholder", "note": "keep"},
        allow=["support@example.com"],
        deny=["Project Falcon"],
        rules=[
            Rule(name="employee", type="EMPLOYEE_ID", regex=r"E-\d{6}(?!\d)"),
            Rule(name="ours", type="OURS", function=lambda _text: []),
        ],
    )
    by_type = {rule.type: rule for rule in collector_rules(policy)}
    assert by_type["EMAIL"].replacement == ""
    assert "PHONE" not in by_type
    assert re2.search(by_type["EMPLOYEE_ID"].pattern, "E-123456")
    assert re2.search(by_type["DENIED"].pattern, "of project falcon")
    config = collector_config(policy)
    assert "'ours', which is a function" in config
    held = yaml.safe_load(config.replace("$$", "$"))["processors"]
    statements = [one for group in held["transform/arc"]["trace_statements"] for one in group["statements"]]
    assert any(one.startswith("delete_matching_keys(span.attributes") for one in statements)
    redaction = held["redaction/arc"]
    hidden = [re2.compile(pattern) for pattern in redaction["blocked_key_patterns"]]
    assert [
        key
        for key in ("enduser.id", "db.password", "password_hint", "gen_ai.usage.input_tokens")
        if any(one.search(key) for one in hidden)
    ] == ["enduser.id", "db.password"]
    assert re2.search(redaction["ignored_key_patterns"][0], "note")
    assert re2.search(redaction["allowed_values"][0], "Support@example.com")
    assert not re2.search(redaction["allowed_values"][0], "to support@example.com, from jane@example.com")


def test_levels():
    assert {rule.type for rule in collector_rules(Policy(level="secrets"))} == {"SECRET"}
    assert collector_rules(Policy(level="off")) == []


def test_a_regular_expression_that_a_collector_has_not_is_named():
    with pytest.raises(PolicyError, match=r"rule 'twice'.*leave it to Arc"):
        collector_config(Policy(rules=[Rule(name="twice", type="TWICE", regex=r"(\d)\1{5}")]))
