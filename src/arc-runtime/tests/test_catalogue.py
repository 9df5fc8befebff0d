"""Every kind of refusal that was collected is known, and those that may be mended without asking are."""

import json
from pathlib import Path

import pytest
from arc_runtime.fixes import Engine, Refusal, Registry, Request, catalogue
from arc_runtime.fixes._rewrites._models import model_table

FAILURES = Path(__file__).parents[4] / "shared/data/cassettes/llm_api_failures.json"
KINDS = json.loads(FAILURES.read_text())["errors"] if FAILURES.exists() else []
ENGINE = Engine(Registry(catalogue()), level="ask")


def request(api, provider, refusal):
    return Request({"model": "m"}, provider, api, "h", stream=False, refusal=refusal)


@pytest.mark.skipif(not KINDS, reason="the collected failures are not beside this clone")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["id"])
def test_every_kind_that_was_collected_is_known(kind):
    refusal = Refusal.of(kind["http_status"], kind["example_body"])
    provider = {"google": "gcp.gemini"}.get(kind["providers"][0], kind["providers"][0])
    known = {
        one.id
        for api in ("chat.completions", "responses", "messages")
        for one in ENGINE.registry.matching_error(request(api, provider, refusal))
    }
    assert known, refusal
    levels = {ENGINE.registry.get(entry_id).level for entry_id in known}
    if kind["apply"] == "alert":
        assert levels == {"alert"}


def test_an_answer_without_a_reason_is_of_no_kind():
    for status in (200, 400, 404, 500):
        for body in (None, "", [], {}, {"error": None}, {"error": {}}, {"error": "x"}, {"message": 3}, {"detail": []}):
            assert not ENGINE.registry.matching_error(request("chat.completions", "openai", Refusal.of(status, body)))


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.id)
def test_an_entry_says_why_and_where_it_was_seen(entry):
    assert entry.reason
    assert entry.source
    assert entry.fix or entry.advice


def test_no_model_is_replaced_by_one_that_is_gone_or_that_nobody_knows():
    table = model_table()
    known = {name for provider in ("openai", "anthropic") for name in table.known[provider]}
    assert set(table.replacements.values()) <= known - table.replacements.keys()
