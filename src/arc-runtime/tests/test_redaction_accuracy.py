"""How much is found, and how little wrongly, on the evaluation data beside the clone; the goals are asserted."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from arc_runtime.redaction import Finding, find

PII = Path(__file__).parents[4] / "shared/data/pii"
pytestmark = pytest.mark.skipif(not PII.is_dir(), reason="the evaluation data are not beside this clone")

OURS = {
    "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "PH_MOBILE_NUMBER": "PHONE", "TR_PHONE_NUMBER": "PHONE", "CREDIT_CARD": "CARD", "IBAN_CODE": "IBAN",
}  # fmt: skip
"""Where our type has another name than the data's."""
NOT_OURS = frozenset(
    [
        "PERSON",
        "STREET_ADDRESS",
        "GPE",
        "ORGANIZATION",
        "DATE_TIME",
        "TITLE",
        "AGE",
        "NRP",
        "DOMAIN_NAME",
        "ZIP_CODE",
        "URL",
    ]
)
"""Annotated in the documents, and not what is looked for: names, places, dates of anything."""


def rows(name: str) -> Iterator[dict]:
    with gzip.open(PII / f"{name}.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


class Score:
    def __init__(self) -> None:
        self.total, self.hits, self.typed = Counter(), Counter(), Counter()

    def add(self, span: dict, findings: list[Finding], *groups: str) -> None:
        covering = [one for one in findings if one.start <= span["start"] and one.end >= span["end"]]
        typed = any(one.type == OURS.get(span["type"], span["type"]) for one in covering)
        for group in groups:
            self.total[group] += 1
            self.hits[group] += bool(covering)
            self.typed[group] += typed

    def recall(self, group: str) -> float:
        return self.hits[group] / self.total[group]

    def typed_recall(self, group: str) -> float:
        return self.typed[group] / self.total[group]


@cache
def values() -> Score:
    """The vectors and telemetry rows that hold a value; forms that say nothing by themselves (`weak`) are left out."""
    score = Score()
    for name in ("vectors", "telemetry"):
        for row in rows(name):
            if row["expect"] != "match" or row["group"] == "other" or row["tier"] == "weak":
                continue
            findings = find(row["text"])
            secret = "secrets" if row["group"] == "secret" else "all but secrets"
            for span in row["spans"]:
                carrier = [f"carrier {row['carrier']}"] if row.get("carrier") else []
                score.add(span, findings, row["group"], secret, *carrier)
    return score


@cache
def documents() -> tuple[Score, float]:
    score, found, wrong = Score(), 0, 0
    for row in rows("documents"):
        findings = find(row["text"])
        for span in row["spans"]:
            if not (span.get("invalid") or span["type"].startswith("OTHER_") or span["type"] in NOT_OURS):
                score.add(span, findings, "all", span["type"])
        found += len(findings)
        wrong += sum(
            not any(span["start"] < one.end and one.start < span["end"] for span in row["spans"]) for one in findings
        )
    return score, 1 - wrong / found


@pytest.mark.parametrize("group", ["email", "phone", "card", "iban", "us_ssn_itin", "ip_mac"])
def test_what_everybody_has_is_found(group):
    assert values().recall(group) >= 0.98


@pytest.mark.parametrize(
    ("group", "recall", "typed"),
    [
        ("all but secrets", 0.96, 0.94),
        ("secrets", 0.92, 0.92),
        ("crypto", 0.95, 0.95),
        ("dob", 0.92, 0.92),
    ],
)
def test_recall_and_types(group, recall, typed):
    assert values().recall(group) >= recall
    assert values().typed_recall(group) >= typed


def test_national_ids_are_called_what_they_are():
    # Values that two countries' checks take, in a text that names neither, are called after one of them.
    assert values().typed_recall("national_id") >= 0.88
    assert values().recall("national_id") >= 0.95


def test_each_carrier_of_telemetry_is_seen_through():
    carriers = [group for group in values().total if group.startswith("carrier ")]
    assert len(carriers) == 13
    assert {carrier: values().recall(carrier) for carrier in carriers if values().recall(carrier) < 0.94} == {}


def test_documents():
    score, precision = documents()
    assert score.recall("all") >= 0.96
    assert precision >= 0.99
    assert score.typed_recall("DATE_OF_BIRTH") >= 0.92


def test_clean_texts_stay_clean():
    texts = [row["text"] for row in rows("clean")]
    findings = [find(text) for text in texts]
    assert sum(map(bool, findings)) / len(texts) <= 0.005
    assert sum(map(len, findings)) / sum(map(len, texts)) * 1e6 <= 4
