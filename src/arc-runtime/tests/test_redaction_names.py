"""Names by a model of the user's: objects with what spaCy's and Presidio's have, as models are no packages to install."""

import re
from types import SimpleNamespace

import pytest
from arc_runtime.redaction import Policy, PolicyError, Tally, enforce, scrub

LABELS = {"Jane Doe": "PERSON", "Zürich": "GPE", "Tuesday": "DATE", "12 Elm Road": "ADDRESS"}
FORM = re.compile("|".join(LABELS))
TEXT = "Jane Doe of 12 Elm Road, Zürich, wrote jane@example.com on Tuesday"
CLEAN = "<PERSON> of <ADDRESS>, <LOCATION>, wrote <EMAIL> on Tuesday"


def pipeline(text):
    """As `spacy.load(...)` is called: a Doc with entities."""
    return SimpleNamespace(
        ents=[
            SimpleNamespace(start_char=match.start(), end_char=match.end(), label_=LABELS[match.group()])
            for match in FORM.finditer(text)
        ]
    )


class Analyzer:
    """As `presidio_analyzer.AnalyzerEngine` is asked."""

    def analyze(self, *, text, language):
        assert language == "en"
        names = {"GPE": "LOCATION", "DATE": "DATE_TIME"}
        return [
            SimpleNamespace(
                start=one.start_char, end=one.end_char, entity_type=names.get(one.label_, one.label_), score=0.85
            )
            for one in pipeline(text).ents
        ] + [SimpleNamespace(start=0, end=len(text), entity_type="PERSON", score=0.1)]


def load():
    return pipeline


def fail():
    raise OSError("no such model")


@pytest.mark.parametrize("model", [pipeline, Analyzer(), f"{__name__}:load"])
def test_names_are_replaced_beside_what_is_found_anyway(model):
    policy = Policy(names=model)
    assert policy.redact(TEXT) == CLEAN
    assert policy.redact(CLEAN) == CLEAN


def test_what_stands_in_place_of_a_name_is_no_name():
    everything = lambda text: SimpleNamespace(  # noqa: E731
        ents=[
            SimpleNamespace(start_char=m.start(), end_char=m.end(), label_="PERSON")
            for m in re.finditer("PERSON|Jane", text)
        ]
    )
    policy = Policy(names=everything)
    assert policy.redact(policy.redact("it is Jane again")) == "it is <PERSON> again"


def test_actions_and_levels_hold_for_names_too():
    assert Policy(names=pipeline, actions={"PERSON": "keep"}).redact("Jane Doe of Zürich") == "Jane Doe of <LOCATION>"
    assert Policy(names=pipeline, level="off").redact(TEXT) == TEXT


def test_a_name_in_short_attributes_is_found_and_a_model_that_raises_costs_the_value():
    try:
        enforce(Policy(names=pipeline))
        tally = Tally()
        assert scrub({"user": "Jane Doe", "n": 1}, tally) == {"user": "<PERSON>", "n": 1}
        assert tally == {"PERSON": 1}
        enforce(Policy(names=lambda text: text.ents))
        assert scrub(["Jane Doe was here"], Tally()) == ["<UNREADABLE>"]
        enforce(
            Policy(
                names=lambda _text: SimpleNamespace(ents=[SimpleNamespace(start_char=3, end_char=999, label_="PERSON")])
            )
        )
        assert scrub(["Jane Doe was here"], Tally()) == ["<UNREADABLE>"]
    finally:
        enforce(Policy())


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (7, "int is neither a spaCy pipeline"),
        (f"{__name__}:fail", "fail' raised OSError: no such model"),
        ("no.such:thing", "can't be imported"),
    ],
)
def test_a_model_that_can_t_be_used_is_named(model, said):
    with pytest.raises(PolicyError, match=said):
        Policy(names=model)


def test_a_policy_in_yaml_names_what_loads_the_model():
    assert Policy.from_yaml(f"names: {__name__}:load").redact("Jane Doe of Zürich") == "<PERSON> of <LOCATION>"
