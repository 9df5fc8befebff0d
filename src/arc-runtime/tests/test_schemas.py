"""What the published JSON Schemas take is what the parser takes."""

import json
from pathlib import Path

import pytest
from arc_runtime.errors import PatternError
from arc_runtime.fixes import DEFAULT_ENTRIES, Entry, Registry, catalogue
from jsonschema import Draft202012Validator

REFERENCE = Path(__file__).parents[3] / "docs/reference"
PATTERN, FIX = (
    Draft202012Validator(json.loads((REFERENCE / f"{name}.schema.json").read_text())) for name in ("pattern", "fix")
)


@pytest.mark.parametrize("entry", [*DEFAULT_ENTRIES, *catalogue()], ids=lambda entry: entry.id)
def test_every_entry_of_arc_s_own_is_of_the_schemas(entry):
    assert PATTERN.is_valid(entry.pattern)
    assert FIX.is_valid(entry.fix) or entry.level == "alert"


@pytest.mark.parametrize(
    "pattern",
    [
        {"model": "m"}, {"a.b.0": {">": 1, "<": 2}}, {"a": {"in": [1]}}, {"a": {"exists": False}}, {"$stream": True}, {"a": [1]},
        {}, {"a": {}}, {"a": {"~": 1}}, {"$nope": 1}, {"a..b": 1}, {"a": {"in": 3}}, {"a": {"exists": 1}}, {"a": {"glob": ""}},
        {"a": {">": True}}, {"$error.message": "x"}, {"$predicate": "no_such"}, {"": 1},
    ],
)  # fmt: skip
def test_a_pattern_is_of_the_schema_when_it_can_be_registered(pattern):
    assert PATTERN.is_valid(pattern) == registers(pattern, {"seed": 1})


@pytest.mark.parametrize(
    "fix",
    [
        {"temperature": 1}, {"response_format.type": "text"}, {"stop": {"$delete": True}}, {"max_tokens": {"$clamp": [1, 5]}},
        {"max_tokens": {"$rename": "max_completion_tokens"}}, {"$rewrite": "say_json"}, {"thinking": {"type": "disabled"}},
        {}, {"model": "x"}, {"stream": True}, {"stop": {"$delete": False}}, {"stop": {"$drop": True}}, {"max_tokens": {"$clamp": 3}},
        {"max_tokens": {"$rename": "model"}}, {"$rewrite": "no_such"}, {"$rewrite": "say_json", "seed": 1},
        {"stop": {"$delete": True, "$default": 1}},
    ],
)  # fmt: skip
def test_a_fix_is_of_the_schema_when_it_can_be_registered(fix):
    assert FIX.is_valid(fix) == registers({"model": "m"}, fix)


def registers(pattern, fix):
    try:
        Registry([Entry(id="a", when="after_error", pattern=pattern, fix=fix)])
    except PatternError:
        return False
    return True
