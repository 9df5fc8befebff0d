import copy
import math
import threading

import pytest
from arc_runtime.errors import PatternError
from arc_runtime.fixes import DEFAULT_ENTRIES, OPERATORS, Engine, Entry, Registry, Request
from arc_semconv.fixes import Change
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def request(**body):
    return Request(body, provider="openai", api="chat.completions", host="api.openai.com", stream=False)


def mended(pattern, fix, **body):
    return Engine(Registry([Entry.of(pattern, fix)])).before(request(**body))


def matches(pattern, **body):
    return mended(pattern, {"seed": 1234567}, **body) is not None


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-4"])
@pytest.mark.parametrize(("temperature", "sent"), [(0.95, 0.7), (2, 0.7), (0.9, None), (0, None), (None, None)])
def test_the_default_entries_mend_a_temperature_above_0_9(model, temperature, sent):
    outcome = Engine(Registry(DEFAULT_ENTRIES)).before(request(model=model, temperature=temperature))
    assert (outcome.body["temperature"] if outcome else None) == sent


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-4o", None, 4])
def test_other_models_are_left_alone(model):
    assert Engine(Registry(DEFAULT_ENTRIES)).before(request(model=model, temperature=0.95)) is None


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({">": 0.9}, 0.95, True), ({">": 0.9}, 0.9, False), ({">=": 0.9}, 0.9, True), ({"<": 1}, 0, True),
        ({"<=": 1}, 2, False), ({">": 0, "<": 1}, 0.5, True), ({">": 0, "<": 1}, 1.5, False),
        ({">": 0}, True, False), ({">": 0}, "1", False), ({">": 0}, math.nan, False), ({">": "a"}, "b", True),
        ({"==": 1}, 1.0, True), ({"==": 1}, True, False), ({"!=": 1}, 2, True), ({"!=": 1}, 1, False),
        ({"in": [1, "a"]}, "a", True), ({"in": [1]}, True, False), ({"not_in": [1]}, 2, True),
        ({"exists": True}, None, True), ({"exists": False}, 1, False),
        ({"glob": "gpt-4*"}, "gpt-4o", True), ({"glob": "gpt-4?"}, "gpt-4", False), ({"glob": "*"}, 4, False),
        ({"prefix": "gpt"}, "gpt-4", True), ({"prefix": "gpt"}, ["gpt"], False),
        ("auto", "auto", True), (None, None, True), (0, False, False),
    ],
)  # fmt: skip
def test_operators(condition, value, holds):
    assert matches({"field": condition}, field=value) is holds


@pytest.mark.parametrize("condition", [{">": 0}, {"!=": 1}, {"not_in": [1]}, {"glob": "*"}, {"exists": True}, 1])
def test_a_missing_key_is_no_match(condition):
    assert not matches({"field": condition}, other=1)
    assert matches({"field": {"exists": False}}, other=1)


def test_paths_reach_into_the_body():
    body = {"tools": [{"function": {"name": "f"}}], "messages": [{"role": "a"}, {"role": "user"}]}
    assert matches({"tools.0.function.name": "f"}, **body)
    assert matches({"messages.-1.role": "user"}, **body)
    assert not matches({"tools.1.function.name": "f"}, **body)
    assert not matches({"tools.x.function": "f"}, **body)
    assert not matches({"messages.role.x": "f"}, **body)


def test_dollar_keys_reach_into_the_call():
    assert matches({"$provider": "openai", "$host": {"glob": "*.openai.com"}, "$stream": False}, model="m")
    assert not matches({"$api": "embeddings"}, model="m")
    assert not matches({"$agent": {"exists": True}}, model="m")


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ({}, "pattern"), ([], "pattern"), ({"temperature": {"~": 1}}, "temperature"), ({"a": {}}, "a"),
        ({"$nope": 1}, "$nope"), ({"a..b": 1}, "a..b"), ({"": 1}, ""), ({"a": {"in": "abc"}}, "a"),
        ({"a": {">": [1]}}, "a"), ({"a": {"exists": 1}}, "a"), ({"a": {"glob": 3}}, "a"), ({3: 1}, "3"),
    ],
)  # fmt: skip
def test_a_malformed_pattern_is_refused_with_the_key_at_fault(pattern, named):
    with pytest.raises(PatternError) as refused:
        Registry().register(Entry.of(pattern, {"temperature": 1}))
    assert refused.value.key == named


def test_an_unknown_operator_is_answered_with_those_there_are():
    with pytest.raises(PatternError, match=r"there are: > >= < <= == != in not_in exists glob prefix"):
        Registry().register(Entry.of({"a": {"~": 1}}, {"temperature": 1}))
    assert len(OPERATORS) == 11


@pytest.mark.parametrize(
    "fix",
    [
        {}, {"model": "x"}, {"messages": []}, {"stream": True}, {"api_key": "x"}, {"stop": {"$delete": False}},
        {"stop": {"$drop": True}}, {"max_tokens": {"$clamp": [5, 1]}}, {"max_tokens": {"$rename": "model"}},
        {"max_tokens": {"$clamp": 3}}, {"$rewrite": "no_such"}, {"stop": {"$delete": True, "$default": 1}},
        {"temperature": math.nan}, {"response_format": {"type": "text", "$delete": True}},
    ],
)  # fmt: skip
def test_a_fix_beyond_the_allowed_fields_and_commands_is_refused(fix):
    with pytest.raises(PatternError):
        Registry().register(Entry.of({"model": "m"}, fix))


@pytest.mark.parametrize(
    ("fix", "body", "sent", "change"),
    [
        ({"temperature": 1}, {}, {"temperature": 1}, Change("temperature", new=1)),
        ({"max_tokens": {"$rename": "max_completion_tokens"}}, {"max_tokens": 5}, {"max_completion_tokens": 5},
         Change("max_tokens", "rename", 5, "max_completion_tokens")),
        ({"max_tokens": {"$rename": "max_completion_tokens"}}, {"max_tokens": 5, "max_completion_tokens": 7},
         {"max_completion_tokens": 7}, Change("max_tokens", "delete", 5)),
        ({"stop": {"$delete": True}}, {"stop": ["x"]}, {}, Change("stop", "delete", ["x"])),
        ({"max_tokens": {"$clamp": [1, 10]}}, {"max_tokens": 99}, {"max_tokens": 10}, Change("max_tokens", "set", 99, 10)),
        ({"seed": {"$default": 7}}, {}, {"seed": 7}, Change("seed", new=7)),
        ({"response_format.type": "text"}, {"response_format": {"type": "json_object", "x": 1}},
         {"response_format": {"type": "text", "x": 1}}, Change("response_format.type", "set", "json_object", "text")),
    ],
)  # fmt: skip
def test_the_changes_of_the_fix_language(fix, body, sent, change):
    outcome = mended({"model": "m"}, fix, model="m", **body)
    assert outcome.body == {"model": "m", **sent}
    assert outcome.changes == (change,)


@pytest.mark.parametrize(
    ("fix", "body"),
    [
        ({"temperature": 1}, {"temperature": 1}), ({"stop": {"$delete": True}}, {}),
        ({"max_tokens": {"$clamp": [1, 10]}}, {"max_tokens": 5}), ({"max_tokens": {"$clamp": [1, 10]}}, {"max_tokens": "5"}),
        ({"seed": {"$default": 7}}, {"seed": 1}), ({"max_tokens": {"$rename": "n"}}, {}),
    ],
)  # fmt: skip
def test_a_fix_with_nothing_to_change_is_not_recorded(fix, body):
    assert mended({"model": "m"}, fix, model="m", **body) is None


@given(st.dictionaries(st.sampled_from(["model", "temperature", "stop", "tools"]), JSON))
def test_no_body_makes_the_engine_raise_or_changes_under_it(body):
    before = copy.deepcopy(body)
    registry = Registry(DEFAULT_ENTRIES)
    registry.register(
        Entry.of({"tools.0.function.name": {"glob": "*x"}, "temperature": {">": 0}}, {"stop": {"$delete": True}})
    )
    Engine(registry).before(request(**body))
    assert repr(body) == repr(before)


def test_each_field_is_changed_by_the_entry_that_ranks_first():
    low = Entry(id="b", pattern={"model": "m"}, fix={"temperature": 0.1, "seed": 1})
    more_specific = Entry(id="c", pattern={"model": "m", "n": 1}, fix={"temperature": 0.2})
    priority = Entry(id="d", pattern={"model": "m"}, fix={"top_p": 0.5}, priority=5)
    outcome = Engine(Registry([low, more_specific, priority])).before(request(model="m", n=1))
    assert outcome.body == {"model": "m", "n": 1, "top_p": 0.5, "temperature": 0.2, "seed": 1}
    assert outcome.ids == ("d", "c", "b")


def test_a_step_without_anything_to_do_leaves_its_field_to_the_next_entry():
    first = Entry(id="a", pattern={"model": "m"}, fix={"seed": {"$default": 1}, "n": 1}, priority=1)
    second = Entry(id="b", pattern={"model": "m"}, fix={"seed": {"$clamp": [1, 10]}})
    outcome = Engine(Registry([first, second])).before(request(model="m", seed=99))
    assert outcome.body == {"model": "m", "seed": 10, "n": 1}


@pytest.mark.parametrize("value", [object(), [math.inf], {"a": {1, 2}}, b"bytes", {"$min": object()}])
def test_a_fix_that_no_client_could_send_is_refused(value):
    with pytest.raises(PatternError, match="temperature"):
        Registry([Entry.of({"model": "gpt-4.1"}, {"temperature": value})])


@pytest.mark.parametrize(("part", "value"), [("priority", "high"), ("state", "maybe"), ("reason", 3)])
def test_a_malformed_entry_is_refused_and_the_registry_goes_on(part, value):
    registry = Registry()
    with pytest.raises(PatternError, match=part):
        registry.register(Entry(id="bad", pattern={"model": "a"}, fix={"seed": 1}, **{part: value}))
    registry.register(Entry.of({"model": "b"}, {"seed": 1}))
    assert [entry.pattern for entry in registry.entries] == [{"model": "b"}]


def test_what_becomes_of_a_sent_body_does_not_change_the_entry():
    engine = Engine(Registry([Entry(id="a", pattern={"model": "m"}, fix={"stop": ["x"]})]))
    engine.before(request(model="m")).body["stop"].append("y")
    assert engine.before(request(model="m")).body["stop"] == ["x"]


@pytest.mark.parametrize(
    ("mode", "state", "expected"),
    [
        ("on", "on", "on"),
        ("shadow", "on", "shadow"),
        ("on", "shadow", "shadow"),
        ("off", "on", None),
        ("on", "off", None),
    ],
)
def test_modes_and_states(mode, state, expected):
    entry = Entry(id="a", pattern={"model": "m"}, fix={"seed": 1}, state=state)
    outcome = Engine(Registry([entry]), mode=mode).before(request(model="m"))
    assert (outcome.mode if outcome else None) == expected
    if expected == "shadow":
        assert outcome.body == {"model": "m"}


@pytest.mark.parametrize(("level", "applied"), [("safe", False), ("ask", True)])
def test_an_entry_that_asks_is_applied_only_where_the_settings_allow_it(level, applied):
    entry = Entry(id="a", pattern={"model": "m"}, fix={"seed": 1}, level="ask")
    assert (Engine(Registry([entry]), level=level).before(request(model="m")) is not None) is applied


def test_a_registry_can_change_while_many_threads_read_it():
    registry = Registry(DEFAULT_ENTRIES)
    engine = Engine(registry)
    errors = []
    done = threading.Event()

    def read():
        try:
            while not done.is_set():
                assert engine.before(request(model="gpt-4.1", temperature=1)).body["temperature"] == 0.7
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for index in range(300):
        registry.register(Entry(id=f"x{index}", pattern={"model": f"m{index}"}, fix={"seed": 1}))
        registry.unregister(f"x{index - 1}")
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert [entry.id for entry in registry.entries] == ["arc.gpt-4.1.temperature", "arc.gpt-4.temperature", "x299"]
    assert not registry.unregister("never there")


def test_a_float_compared_with_a_bare_value_warns(caplog, monkeypatch):
    monkeypatch.setattr("logging.Logger.propagate", True, raising=False)
    Registry().register(Entry.of({"temperature": 0.9}, {"temperature": 0.7}))
    assert "float 0.9" in caplog.text
