"""The filter language: what is read, what is refused, and that no text of it reaches SQL."""

import pytest
from arc_core.errors import MalformedError
from arc_core.filters import (
    And,
    Attribute,
    Compare,
    Match,
    Not,
    Or,
    Text,
    When,
    all_of,
    any_of,
    parse,
    span_condition,
    to_text,
    trace_condition,
)
from arc_core.filters._tree import CHOICES, NUMBER_FIELDS, TEXT_FIELDS
from hypothesis import example, given
from hypothesis import strategies as st

MINUTE_NS = 60_000_000_000
NOW = 1_795_000_000_000_000_000


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", And(())),
        ("  ", And(())),
        ("service:loans", Match("service", "like", ("loans",))),
        ("SERVICE=loans", Match("service", "is", ("loans",))),
        ("agent:cred*,offer", Match("agent", "like", ("cred*", "offer"))),
        ("name~refund", Match("name", "contains", ("refund",))),
        ('tool:"a b\\"c\\\\"', Match("tool", "like", ('a b"c\\',))),
        ("status!=ok", Not(Match("status", "is", ("ok",)))),
        ("-kind:llm,tool", Not(Match("kind", "like", ("llm", "tool")))),
        ("NOT kind:llm", Not(Match("kind", "like", ("llm",)))),
        ("duration>=1.5s", Compare("duration", ">=", 1.5)),
        ("duration<2m", Compare("duration", "<", 120.0)),
        ("cost>0.01", Compare("cost", ">", 0.01)),
        ("tokens:5", Compare("tokens", "=", 5.0)),
        ("attributes.http.status_code>=500", Compare(Attribute("attributes", "http.status_code"), ">=", 500.0)),
        ("attributes.x:*", Match(Attribute("attributes", "x"), "like", ("*",))),
        ('resource."a b"=c', Match(Attribute("resource", "a b"), "is", ("c",))),
        ("since:30m", When("since", None, 30 * MINUTE_NS)),
        ("until:1970-01-01T00:01:00Z", When("until", MINUTE_NS)),
        ("since:1970-01-01T01:01:00+01:00", When("since", MINUTE_NS)),
        ("refund", Text("refund")),
        ('"card declined"', Text("card declined")),
        ("a b", And((Text("a"), Text("b")))),
        ("a AND b", And((Text("a"), Text("b")))),
        ("a b OR c", Or((And((Text("a"), Text("b"))), Text("c")))),
        ("a (b OR c)", And((Text("a"), Or((Text("b"), Text("c")))))),
        ("-(a OR b)", Not(Or((Text("a"), Text("b"))))),
        ("ANDROID", Text("ANDROID")),
    ],
)
def test_text_is_read(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour:red", ["character 1", "'colour'", "service"]),
        ("http://x", ["'http'", "quotes"]),
        ("status:great", ["character 8:", "'great'", "ok, error"]),
        ("kind:llm,nothing", ["character 10:", "'nothing'"]),
        ("duration>2", ["'2'", "2s"]),
        ("duration>two", ["character 10:", "'two'"]),
        ("cost>much", ["character 6:", "'much'", "number"]),
        ("service>5", ["service is text"]),
        ("cost~5", ["cost is a number"]),
        ("since>5m", ["since takes a colon"]),
        ("since:yesterday", ["character 7:", "'yesterday'", "24h"]),
        ("since:2026-11-21T09:30:00", ["zone"]),
        ("service:", ["a value is missing"]),
        ("(a", [") is missing"]),
        ("a)", ["')'"]),
        ("()", ["a condition is missing"]),
        ("a OR", ["a condition is missing"]),
        ("a AND", ["a condition is missing"]),
        ("-", ["a condition is missing"]),
        ('"a', ["quote"]),
        ('""', ["empty"]),
        ("a " * 51, ["50 conditions"]),
        ("(" * 21 + "a" + ")" * 21, ["20 deep"]),
        ("-" * 30 + "a", ["20 deep"]),
        ("a" * 4001, ["4001", "4000"]),
        ("tokens>99999999999999999999", ["number"]),
    ],
)
def test_what_is_no_filter_is_refused_with_the_way_out(text, words):
    with pytest.raises(MalformedError) as told:
        parse(text)

    assert all(word in str(told.value) for word in words), str(told.value)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        tree = parse(text)
    except MalformedError:
        return
    assert parse(to_text(tree)) == tree


_values = st.text(min_size=1, max_size=20)
_text_fields = st.sampled_from(sorted(set(TEXT_FIELDS) - set(CHOICES)))
_attributes = st.builds(Attribute, st.sampled_from(["attributes", "resource"]), _values)
_numbers = st.integers(-(10**9), 10**9).map(lambda millis: millis / 1000)
_leaves = st.one_of(
    st.builds(
        Match,
        _text_fields | _attributes,
        st.sampled_from(["is", "like"]),
        st.lists(_values, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Match, _text_fields | _attributes, st.just("contains"), _values.map(lambda value: (value,))),
    st.sampled_from([Match(field, "is", (word,)) for field, words in CHOICES.items() for word in words]),
    st.builds(
        Compare,
        st.sampled_from(sorted(set(NUMBER_FIELDS) - {"duration"})),
        st.sampled_from(["=", "<", "<=", ">", ">="]),
        _numbers,
    ),
    st.builds(Compare, st.just("duration"), st.sampled_from(["=", "<", ">"]), _numbers.map(abs)),
    st.builds(When, st.sampled_from(["since", "until"]), st.integers(0, 10**15).map(lambda micros: micros * 1000)),
    st.builds(When, st.sampled_from(["since", "until"]), st.none(), st.integers(0, 10**12)),
    st.builds(Text, _values),
)
trees = st.recursive(
    _leaves,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.lists(parts, min_size=2, max_size=3).map(all_of),
        st.lists(parts, min_size=2, max_size=3).map(any_of),
    ),
    max_leaves=8,
)


@given(trees)
@example(Compare("duration", "=", 16.371))
def test_a_tree_written_and_read_is_the_same(tree):
    assert parse(to_text(tree)) == tree


@given(trees)
def test_what_is_given_is_bound_and_never_part_of_the_sql(tree):
    marked = _marked(tree)
    for condition in (span_condition(marked, NOW), trace_condition(marked, NOW)):
        assert "MARK'" not in condition.sql
        assert all(f"{{{name}:" in condition.sql for name in condition.parameters)


def _marked(tree):
    """`tree` with each text from outside replaced by one that would show."""
    match tree:
        case Match():
            field = tree.field if isinstance(tree.field, str) else Attribute(tree.field.of, "MARK'")
            return Match(field, tree.way, tuple("MARK'" for _ in tree.values))
        case Compare(field=Attribute()):
            return Compare(Attribute(tree.field.of, "MARK'"), tree.operator, tree.number)
        case Text():
            return Text("MARK'")
        case Not():
            return Not(_marked(tree.part))
        case And():
            return And(tuple(map(_marked, tree.parts)))
        case Or():
            return Or(tuple(map(_marked, tree.parts)))
        case _:
            return tree
