"""Entries from the user's file, and those that a failure taught."""

import json

import pytest
from arc_runtime.errors import ArcError
from arc_runtime.fixes import (
    Engine,
    Entry,
    Learner,
    Lesson,
    Refusal,
    Registry,
    Request,
    UserFile,
    catalogue,
    entries_in,
)
from arc_testing import eventually


def asked(body, **more):
    return Request(body, provider="openai", api="chat.completions", host="h", stream=False, **more)


JSON = '[{"id": "a", "pattern": {"model": "m"}, "fix": {"seed": 1}}]'
YAML = "entries:\n- pattern: {model: m, temperature: {'>': 0.9}}\n  fix: {temperature: 0.7}\n  reason: too hot\n"


def test_a_file_may_be_json_or_yaml(tmp_path):
    for name, text in (("a.json", JSON), ("a.yaml", YAML), ("b.yml", JSON)):
        (tmp_path / name).write_text(text)
        (entry,) = entries_in(tmp_path / name)
        assert entry.origin == "user"
    assert entries_in(tmp_path / "a.yaml")[0].id.startswith("user.")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "a.json: "), ("3", "holds no list of entries"), ("[3]", "entry 0: 3 is no mapping"),
        ('[{"id": "a", "pattern": {"model": "m"}, "fix": {"seed": 1}, "fixx": 1}]', "'fixx': an entry has no such field"),
        ('[{"id": "a", "pattern": {"t": {"~": 1}}, "fix": {"seed": 1}}]', "'t': there is no operator '~'"),
        ('[{"id": "a", "pattern": {"model": "m"}, "fix": {"model": "x"}}]', "'model': a fix may not touch this field"),
        ('[{"id": "a", "pattern": {"model": "m"}, "fix": {"seed": 1}, "level": "wild"}]', "entry 0: Invalid enum value 'wild'"),
    ],
)  # fmt: skip
def test_a_file_that_can_t_be_used_says_where_and_why(tmp_path, text, problem):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ArcError) as refused:
        entries_in(tmp_path / "a.json")
    assert problem in str(refused.value)


def test_a_file_is_read_again_when_it_changes_and_a_bad_one_changes_nothing(tmp_path):
    path, registry, warned = tmp_path / "fixes.json", Registry(), []
    engine = Engine(registry)
    file = UserFile(registry, path, warned.append)
    assert "is not there" in warned.pop()
    file.start()
    try:
        path.write_text(JSON)
        eventually(lambda: engine.before(asked({"model": "m"})))
        path.write_text("[")
        eventually(lambda: warned)
        assert engine.before(asked({"model": "m"})).body["seed"] == 1
        path.write_text(JSON.replace('"seed": 1', '"seed": 22'))
        eventually(lambda: engine.before(asked({"model": "m"})).body["seed"] == 22)
        assert len(warned) == 1
    finally:
        file.stop()


LESSON = Lesson({"max_tokens": {"exists": True}}, {"max_tokens": {"$rename": "max_completion_tokens"}})


def learner(path=None, clock=lambda: 1000.0):
    registry = Registry(catalogue())
    return registry, Learner(registry, path, clock)


def test_what_was_learned_is_used_at_once_for_that_provider_api_and_model():
    registry, one = learner()
    body = {"model": "m", "max_tokens": 5}
    entry = one.learn(asked(body), "arc.parameter_not_supported", LESSON)
    assert one.learn(asked(body), "arc.parameter_not_supported", LESSON) is None
    assert Engine(registry).before(asked(body)).body == {"model": "m", "max_completion_tokens": 5}
    assert Engine(registry).before(asked({**body, "model": "n"})) is None
    assert Engine(registry).before(Request(body, "openai", "chat.completions", "other", stream=False)) is None
    assert (entry.origin, entry.source) == ("learned", "arc.parameter_not_supported")


def test_what_was_learned_from_an_entry_that_asks_asks_too():
    registry, one = learner()
    one.learn(asked({"model": "gpt-4-32k"}), "arc.model_retired", Lesson({}, {"$rewrite": "replace_model"}))
    assert Engine(registry).before(asked({"model": "gpt-4-32k"})) is None
    assert Engine(registry, level="ask").before(asked({"model": "gpt-4-32k"})).body == {"model": "gpt-4o"}


def test_what_was_learned_is_there_in_the_next_process_until_it_expires(tmp_path):
    path = tmp_path / "learned.json"
    _, one = learner(path)
    one.learn(asked({"model": "m"}), "arc.parameter_not_supported", LESSON)
    eventually(lambda: path.exists() and json.loads(path.read_bytes()))
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(learner(path)[1].known) == 1
    assert learner(path, lambda: 1000 + 31 * 86400.0)[1].known == []
    assert learner(path, lambda: -1e9)[1].known == []


def test_what_is_no_longer_true_is_forgotten():
    registry, one = learner()
    entry = one.learn(asked({"model": "m"}), "arc.parameter_not_supported", LESSON)
    engine = Engine(registry, learner=one)
    mended = engine.before(asked({"model": "m", "max_tokens": 1}))
    engine.ended(mended, failed=True, refused=True)
    assert registry.get(entry.id) is None


def on_disk(path):
    return sorted(one.entry.pattern["model"] for one in learner(path)[1].known)


def test_processes_that_learn_beside_each_other_keep_what_each_learned_and_forgot(tmp_path):
    path = tmp_path / "learned.json"
    here, there = learner(path)[1], learner(path)[1]
    first = here.learn(asked({"model": "a"}), "arc.parameter_not_supported", LESSON)
    eventually(lambda: on_disk(path) == ["a"])
    there.learn(asked({"model": "b"}), "arc.parameter_not_supported", LESSON)
    eventually(lambda: on_disk(path) == ["a", "b"])
    here.forget(first.id)
    eventually(lambda: on_disk(path) == ["b"])
    there.learn(asked({"model": "c"}), "arc.parameter_not_supported", LESSON)
    eventually(lambda: on_disk(path) == ["b", "c"])


def test_what_could_not_be_written_is_written_the_next_time(tmp_path):
    path = tmp_path / "folder" / "learned.json"
    path.parent.write_text("")
    _, one = learner(path)
    one.learn(asked({"model": "a"}), "arc.parameter_not_supported", LESSON)
    path.parent.unlink()
    one.learn(asked({"model": "b"}), "arc.parameter_not_supported", LESSON)
    eventually(lambda: on_disk(path) == ["a", "b"])


def test_there_is_an_end_to_what_is_kept():
    _, one = learner()
    for number in range(600):
        one.learn(asked({"model": f"m{number}"}), "arc.parameter_not_supported", LESSON)
    assert len(one.known) == 500


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'[{"entry": {"id": "x", "pattern": {}, "fix": {}}, "expires": 2000}]', b"\xff" * 100],
)
def test_a_spoilt_file_is_as_none(tmp_path, content):
    (tmp_path / "learned.json").write_bytes(content)
    assert learner(tmp_path / "learned.json")[1].known == []


def test_an_entry_that_somebody_wrote_into_the_file_passes_for_nothing_else(tmp_path):
    entry = {"id": "x", "pattern": {"model": "m"}, "fix": {"seed": 1}, "origin": "user"}
    (tmp_path / "learned.json").write_text(json.dumps([{"entry": entry, "expires": 2000}]))
    assert learner(tmp_path / "learned.json")[1].known == []


def test_a_folder_that_can_t_be_written_keeps_nothing_and_hurts_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    registry, one = learner(tmp_path / "file" / "learned.json")
    assert one.learn(asked({"model": "m"}), "arc.parameter_not_supported", LESSON) is not None
    assert not (tmp_path / "file" / "learned.json").exists()
    assert registry.entries


def test_the_lesson_of_every_rewrite_mends_what_it_mended_before():
    told = {
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.": {"max_tokens": 5},
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.": {"temperature": 0.2},
        "max_tokens is too large: 9000. This model supports at most 4096 completion tokens, whereas you provided 9000.": {"max_tokens": 9000},
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.": {"temperature": 1, "top_p": 1},
        "Unsupported value: 'verbosity' does not support 'low' with this model. Supported values are: 'medium'.": {"verbosity": "low"},
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.": {
            "response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "x"}]},
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.": {
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}]},
    }  # fmt: skip
    for message, fields in told.items():
        registry, one = learner()
        engine = Engine(registry, learner=one)
        body = {"model": "m", **fields}
        after = engine.after_error(asked(body).refused(body, Refusal(400, message=message)))
        assert engine.succeeded(asked(body), after), message
        assert engine.before(asked(body)).body == after.body, message


def test_an_entry_in_a_registry_keeps_all_its_fields():
    entry = Entry(
        id="a", pattern={"model": {"in": ["m", "n"]}}, fix={"stop": ["x"]}, level="ask", priority=3, advice="look"
    )
    assert Registry([entry]).entries == [entry]
