"""The index finds what a walk over all entries finds, and nothing an engine does can hurt the caller."""

import copy
import math
import sys
import threading
import tracemalloc

import pytest
from arc_runtime.errors import PatternError
from arc_runtime.fixes import (
    MENDABLE,
    REWRITABLE,
    REWRITES,
    Engine,
    Entry,
    Refusal,
    Registry,
    Request,
    catalogue,
    explain,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

FIELDS = [
    "model",
    "temperature",
    "max_tokens",
    "stop",
    "seed",
    "response_format.type",
    "metadata.a.b",
    "tools.0.x",
    "messages.-1.role",
]
OPERANDS = st.sampled_from([None, True, False, 0, 1, 0.5, 1.0, 2, "a", "ab", "m1", "m2", 2**60])
SCALARS = OPERANDS | st.just(float("nan"))
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.sampled_from(["type", "a", "b", "x", "role"]), SCALARS, max_size=2)
)
NUMBERS = st.sampled_from([0, 0.5, 1, 1.0, 2, -1, 2**53, 2**60])


def operators():
    return st.one_of(
        st.fixed_dictionaries({}, optional={">": NUMBERS, "<=": NUMBERS, "<": NUMBERS, ">=": NUMBERS}).filter(bool),
        st.builds(lambda v: {"==": v}, OPERANDS), st.builds(lambda v: {"!=": v}, OPERANDS),
        st.builds(lambda v: {"in": v}, st.lists(OPERANDS, min_size=1, max_size=3)),
        st.builds(lambda v: {"not_in": v}, st.lists(OPERANDS, min_size=1, max_size=3)),
        st.sampled_from([{"exists": True}, {"exists": False}, {"glob": "m*"}, {"glob": "?"}, {"prefix": "a"}]),
        OPERANDS,
    )  # fmt: skip


PATTERNS = st.dictionaries(
    st.sampled_from([*FIELDS, "$provider", "$api", "$stream", "$agent"]), operators(), min_size=1, max_size=3
)
FIXES = st.dictionaries(
    st.sampled_from(["temperature", "max_tokens", "seed", "stop", "response_format.type", "top_p", "dimensions"]),
    st.sampled_from([1, 0.5, "x", ["x"], {"$delete": True}, {"$default": 3}, {"$clamp": [1, 5]}, {"$rename": "max_completion_tokens"}]),
    min_size=1, max_size=3,
)  # fmt: skip
BODIES = st.dictionaries(
    st.sampled_from(
        ["model", "temperature", "max_tokens", "stop", "seed", "response_format", "metadata", "tools", "messages"]
    ),
    VALUES,
)


def asked(body, api="chat.completions", **more):
    return Request(body, provider="openai", api=api, host="h", stream=False, **more)


def naive(entry, request):  # noqa: C901 - the contract, word by word
    """Whether the entry matches, as the contract says it, one condition after the other."""
    missing = object()

    def found(key):
        if key.startswith("$"):
            return {"$provider": "openai", "$api": request.api, "$stream": False}.get(key, missing)
        value = request.body
        for step in key.split("."):
            if isinstance(value, dict):
                value = value.get(step, missing)
            elif isinstance(value, list):
                try:
                    value = value[int(step)]
                except (ValueError, IndexError):
                    return missing
            else:
                return missing
        return value

    def number(value):
        return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)

    def same(one, other):
        return isinstance(one, bool) == isinstance(other, bool) and one == other

    def test(name, value, operand):
        match name:
            case "exists":
                return (value is not missing) is operand
            case "==":
                return value is not missing and same(value, operand)
            case "!=":
                return value is not missing and not same(value, operand)
            case "in":
                return value is not missing and any(same(value, one) for one in operand)
            case "not_in":
                return value is not missing and not any(same(value, one) for one in operand)
            case "glob":
                return isinstance(value, str) and ({"m*": value.startswith("m"), "?": len(value) == 1}[operand])
            case "prefix":
                return isinstance(value, str) and value.startswith(operand)
        comparable = number(value) and number(operand)
        return (
            comparable
            and {">": value > operand, ">=": value >= operand, "<": value < operand, "<=": value <= operand}[name]
        )

    return all(
        test(name, found(key), operand)
        for key, wanted in entry.pattern.items()
        for name, operand in (wanted if isinstance(wanted, dict) else {"==": wanted}).items()
    )


@settings(max_examples=100)
@given(st.lists(PATTERNS, max_size=12), st.lists(BODIES, max_size=4))
def test_the_index_agrees_with_a_walk_over_all_entries(patterns, bodies):
    entries = [Entry(id=f"e{n}", pattern=pattern, fix={"seed": 1}) for n, pattern in enumerate(patterns)]
    whole = Registry(entries)
    one_by_one = Registry()
    for entry in entries:
        one_by_one.register(entry)
    for body in bodies:
        request = asked(body)
        expected = {entry.id for entry in entries if naive(entry, request)}
        for registry in (whole, one_by_one):
            matching = registry.matching(request)
            assert {one.id for one in matching} == expected
            assert [one.rank for one in matching] == sorted(one.rank for one in matching)


@settings(max_examples=60)
@given(st.lists(st.tuples(PATTERNS, FIXES, st.integers(0, 2)), max_size=6), BODIES, st.sampled_from(sorted(MENDABLE)))
def test_whatever_matches_only_allowed_fields_change_and_the_caller_s_stay(rules, body, api):
    registry = Registry(Entry(id=f"e{n}", pattern=p, fix=f, priority=r) for n, (p, f, r) in enumerate(rules))
    before = copy.deepcopy(body)
    mended = Engine(registry).before(asked(body, api))
    assert repr(body) == repr(before)
    if mended is None:
        return
    changed = {
        field for field in {*body, *mended.body} if repr(body.get(field, "-")) != repr(mended.body.get(field, "-"))
    }
    assert changed <= MENDABLE[api]
    assert changed <= {change.path.partition(".")[0] for change in mended.changes} | {"max_completion_tokens"}


@settings(max_examples=60)
@given(st.lists(st.tuples(PATTERNS, FIXES), max_size=6), BODIES)
def test_the_steps_that_are_taken_at_once_are_those_that_are_decided_one_by_one(rules, body):
    entries = [Entry(id=f"e{n}", pattern=p, fix=f) for n, (p, f) in enumerate(rules)]
    at_once = Engine(Registry(entries)).before(asked(body))
    shadow = Engine(Registry(entries), mode="shadow").before(asked(body))
    told = [None if one is None else (one.ids, repr(one.changes)) for one in (at_once, shadow)]
    assert told[0] == told[1]


DEEP = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "tool_calls", "id", "function", "name", "parameters", "properties", "items", "tool_call_id", "call_id", "tool_use_id", "json_schema", "schema", "budget_tokens"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
ODD = st.dictionaries(
    st.sampled_from(
        [
            "model",
            "messages",
            "input",
            "tools",
            "functions",
            "system",
            "thinking",
            "max_tokens",
            "temperature",
            "tool_choice",
            "response_format",
            "text",
            "stop",
            "stop_sequences",
        ]
    ),
    DEEP,
    max_size=5,
)
MESSAGES = [entry.source for entry in catalogue()] + [
    "Unsupported parameter: 'temperature' is not supported with this model.", "prompt is too long: 9 tokens > 5 maximum",
    "max_tokens: 9 > 4, which is the maximum allowed number of output tokens for m", "Error while downloading http://x.",
    "Tool call validation failed: x", "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    "Unrecognized request arguments supplied: temperature, stop, tools, n", "Your input exceeds the context window of this model.",
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (10 in the messages, 8192 in the completion).",
    "'messages.0' : discriminator property 'role' has invalid value", "reasoning_effort must be one of none or default",
    "This model does not support the effort parameter.", "#/temperature: 3 is not less or equal to 1",
    "The model `m1` does not exist", "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
]  # fmt: skip


@settings(max_examples=100)
@given(ODD, st.sampled_from(sorted(REWRITES)), st.sampled_from(sorted(MENDABLE)), st.sampled_from(MESSAGES))
def test_a_rewrite_touches_what_it_may_and_does_nothing_the_second_time(body, name, api, message):
    entry = Entry(id="x", when="after_error", pattern={"$status": 400}, fix={"$rewrite": name})
    engine = Engine(Registry([entry]))
    refusal = Refusal(400, message=message)
    before = copy.deepcopy(body)
    mended = engine.after_error(asked(body, api).refused(body, refusal))
    assert repr(body) == repr(before)
    if mended is None:
        return
    changed = {
        field for field in {*body, *mended.body} if repr(body.get(field, "-")) != repr(mended.body.get(field, "-"))
    }
    assert changed <= MENDABLE[api] | REWRITABLE[api]
    assert not changed & {"stream", "store"}
    assert engine.after_error(asked(mended.body, api).refused(mended.body, refusal)) is None


@given(st.integers(-1, 999), DEEP, ODD, st.sampled_from(sorted(MENDABLE)))
def test_no_answer_of_a_provider_makes_the_engine_raise(status, answer, body, api):
    Engine(Registry(catalogue()), level="ask").after_error(asked(body, api).refused(body, Refusal.of(status, answer)))


def test_a_body_too_deep_to_look_at_is_left_alone():
    deep = inner = {}
    for _ in range(20_000):
        inner["x"] = inner = {}
    engine = Engine(
        Registry([Entry(id="a", pattern={"metadata": {"==": {"x": 1}}}, fix={"seed": 1}), *catalogue()]), level="ask"
    )
    body = {"model": "m", "metadata": deep, "messages": [deep], "tools": [deep], "input": [deep]}
    engine.before(asked(body))
    for name in REWRITES:
        entry = Entry(id="x", when="after_error", pattern={"$status": 400}, fix={"$rewrite": name})
        Engine(Registry([entry])).after_error(asked(body).refused(body, Refusal(400, message="x")))


def test_ten_thousand_entries_take_less_than_a_kilobyte_each():
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        registry = Registry()
        for n in range(10_000):
            pattern = {"model": f"model-{n % 200}", "temperature": {">": 0.5 + n / 20_000}}
            registry.register(Entry(id=f"entry-{n}", pattern=pattern, fix={"temperature": 0.4}))
        engine = Engine(registry)
        for n in range(10):
            assert engine.before(asked({"model": f"model-{n}", "temperature": 2})) is not None
        assert (tracemalloc.get_traced_memory()[0] - before) / 10_000 < 1024
    finally:
        tracemalloc.stop()


def test_a_swap_of_all_entries_is_seen_whole():
    old = [
        Entry(id=f"e{n}", pattern={"model": "m"}, fix={"temperature": 0.1, "seed": 1}, origin="bundle")
        for n in range(50)
    ]
    new = [
        Entry(id=f"e{n}", pattern={"model": "m"}, fix={"temperature": 0.2, "seed": 2}, origin="bundle")
        for n in range(50)
    ]
    registry = Registry(old)
    engine = Engine(registry)
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            body = engine.before(asked({"model": "m"})).body
            seen.add((body["temperature"], body["seed"]))

    sys.setswitchinterval(1e-5)
    readers = [threading.Thread(target=read) for _ in range(4)]
    try:
        for reader in readers:
            reader.start()
        for n in range(40):
            registry.replace("bundle", new if n % 2 == 0 else old)
    finally:
        done.set()
        for reader in readers:
            reader.join()
        sys.setswitchinterval(0.005)
    assert seen <= {(0.1, 1), (0.2, 2)}


def test_an_entry_of_a_later_layer_stands_for_the_one_with_its_id():
    registry = Registry([Entry(id="a", pattern={"model": "m"}, fix={"seed": 1}, origin="catalogue")])
    registry.replace("bundle", [Entry(id="a", pattern={"model": "m"}, fix={"seed": 2}, origin="bundle", state="off")])
    assert Engine(registry).before(asked({"model": "m"})) is None
    registry.replace("bundle", [])
    assert Engine(registry).before(asked({"model": "m"})).body["seed"] == 1


def test_a_malformed_entry_in_a_layer_leaves_the_layer_as_it_was():
    registry = Registry()
    registry.replace("file", [Entry(id="a", pattern={"model": "m"}, fix={"seed": 1})])
    with pytest.raises(PatternError):
        registry.replace(
            "file", [Entry(id="b", pattern={"model": "m"}, fix={"seed": 2}), Entry(id="c", pattern={}, fix={})]
        )
    assert [entry.id for entry in registry.entries] == ["a"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry(id="a", pattern={"$status": 400}, fix={"seed": 1}),
         "'$status': it is known once there is an error: the entry needs `when: after_error`"),
        (Entry(id="a", when="after_error", pattern={"$error.message": "x"}, fix={"seed": 1}),
         "'$error.message': a message is compared by `glob` or `prefix`, not `==`; there are: glob prefix"),
        (Entry(id="a", pattern={"model": "m"}, fix={"$rewrite": "fit_limits"}),
         "'$rewrite': 'fit_limits' reads the provider's error: the entry needs `when: after_error`"),
        (Entry(id="a", pattern={"model": "m"}, fix={"$rewrite": "say_json", "seed": 1}),
         "'$rewrite': a rewrite stands alone; make two entries"),
        (Entry(id="a", pattern={"temperature": {"<": float("inf")}}, fix={"seed": 1}), "'temperature': inf has no form in JSON"),
        (Entry(id="a", pattern={"model": "m"}, fix={"seed": object()}), "'seed': what it is set to has no form in JSON"),
        (Entry(id="", pattern={"model": "m"}, fix={"seed": 1}), "'id': an entry has an id, a non-empty string"),
        (Entry(id="a", pattern={"model": "m"}, fix={"seed": 1}, percent=101), "'percent': 101 is not from 0 to 100"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_and_the_way_out(entry, message):
    with pytest.raises(PatternError) as refused:
        Registry([entry])
    assert str(refused.value).startswith(message)


def test_an_explanation_names_what_matched_what_failed_and_the_difference():
    registry = Registry([
        Entry(id="hot", pattern={"model": "m", "temperature": {">": 0.9}}, fix={"temperature": 0.7}, reason="too hot"),
        Entry(id="hotter", pattern={"model": "m", "temperature": {">": 0.9, "<": 3}}, fix={"temperature": 0.6}),
        Entry(id="near", pattern={"model": "m", "temperature": {">": 0.9}, "stop": {"exists": True}}, fix={"stop": {"$delete": True}}),
        Entry(id="asks", pattern={"model": "m"}, fix={"max_tokens": {"$rename": "max_completion_tokens"}}, level="ask"),
    ])  # fmt: skip
    said = explain(Engine(registry), asked({"model": "m", "temperature": 1, "max_tokens": 5}))
    assert said.text.splitlines() == [
        "hotter: applied", "  - temperature: 1", "  + temperature: 0.6",
        "hot: outranked (too hot)", "  - temperature: 1", "  + temperature: 0.7",
        "asks: level", "  - max_tokens: 5", "  + max_completion_tokens: 5",
        "nearest:", "  near", "    fails: stop exists True; it is not there",
    ]  # fmt: skip
    assert '"verdict":"outranked"' in said.json()


def test_an_explanation_looks_at_a_refusal_too():
    body = {"model": "m", "max_tokens": 5}
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    said = explain(
        Engine(Registry(catalogue())),
        asked(body).refused(body, Refusal(400, "unsupported_parameter", "max_tokens", message)),
    )
    assert said.text.splitlines()[0].startswith("arc.parameter_not_supported: applied")


@settings(max_examples=100)
@given(FIXES, BODIES, st.sampled_from(sorted(MENDABLE)))
def test_a_fix_changes_nothing_of_what_it_has_mended(fix, body, api):
    try:
        registry = Registry([Entry(id="e", pattern={"model": {"exists": True}}, fix=fix)])
    except PatternError:
        return
    once = Engine(registry).before(asked({"model": "m", **body}, api))
    if once is not None:
        again = Engine(registry).before(asked(once.body, api))
        assert again is None or again.body == once.body


def test_what_is_renamed_is_renamed_before_the_rest_of_the_fix():
    fix = {"seed": {"$clamp": [1, 5]}, "n": {"$rename": "seed"}}
    registry = Registry([Entry(id="e", pattern={"model": "m"}, fix=fix)])
    assert Engine(registry).before(asked({"model": "m", "n": 9})).body == {"model": "m", "seed": 5}


@pytest.mark.parametrize(
    "fix",
    [
        {"seed": {"$rename": "seed"}},
        {"metadata": {"$rename": "metadata.a"}},
        {"metadata.a": {"$rename": "metadata"}},
        {"max_tokens": {"$rename": "max_completion_tokens"}, "max_completion_tokens": {"$rename": "max_tokens"}},
    ],
)
def test_a_rename_in_a_circle_is_refused(fix):
    with pytest.raises(PatternError, match="can't be renamed to"):
        Registry([Entry(id="e", pattern={"model": "m"}, fix=fix)])


def test_what_no_request_is_as_deep_as_is_refused():
    deep = value = {}
    for _ in range(40):
        value["a"] = value = {}
    for pattern, fix in (
        ({".".join("a" * 40): 1}, {"seed": 1}),
        ({"model": "m"}, {"metadata." + ".".join("a" * 40): 1}),
        ({"model": "m"}, {"metadata": deep}),
    ):
        with pytest.raises(PatternError):
            Registry([Entry(id="e", pattern=pattern, fix=fix)])


def test_entries_for_use_after_an_error_are_found_by_model_too():
    registry = Registry([
        Entry(id=f"{n}", when="after_error", pattern={"model": {"in": [f"m{n}", "all"]}, "$status": 400}, fix={"seed": n})
        for n in range(20)
    ])  # fmt: skip
    registry.register(Entry(id="any", when="after_error", pattern={"$status": 400}, fix={"n": 1}))
    registry.register(
        Entry(id="like", when="after_error", pattern={"model": {"prefix": "m"}, "$status": 400}, fix={}, level="alert")
    )

    def found(model):
        request = asked({"model": model} if model else {}).refused({"model": model} if model else {}, Refusal(400))
        return [one.id for one in registry.matching_error(request)]

    assert found("m7") == ["7", "like", "any"]
    assert found("all") == [*sorted(map(str, range(20))), "any"]
    assert found(None) == ["any"]
    assert found(["m7"]) == ["any"]


def test_what_was_learned_from_an_entry_is_off_as_soon_as_the_entry_is():
    source = Entry(
        id="a", when="after_error", pattern={"$status": 400}, fix={"seed": {"$delete": True}}, origin="catalogue"
    )
    learned = Entry(
        id="learned.1", pattern={"model": "m"}, fix={"seed": {"$delete": True}}, origin="learned", source="a"
    )
    registry = Registry([source, learned])
    engine = Engine(registry)
    body = {"model": "m", "seed": 1}
    assert engine.before(asked(body)).ids == ("learned.1",)
    registry.replace("bundle", [replace(source, origin="bundle", state="off")])
    assert engine.before(asked(body)) is None
    registry.replace("bundle", [])
    assert engine.before(asked(body)) is not None
    registry.silence("a")
    assert engine.before(asked(body)) is None
