"""Real exchanges, replayed over HTTP through the real SDK: one span each, with the recorded facts."""

import gzip
import json
from pathlib import Path

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_semconv import attributes as semconv
from openai.types.chat import ChatCompletion, ChatCompletionChunk

CASSETTES = Path(__file__).parents[4] / "shared/data/cassettes"
pytestmark = pytest.mark.skipif(not CASSETTES.is_dir(), reason="the recorded traffic is not beside this clone")


def exchanges(name):
    with gzip.open(CASSETTES / f"{name}.jsonl.gz", "rt") as lines:
        found = [json.loads(line) for line in lines]
    # The replay server answers one path; a few recordings hold an answer that is no JSON.
    return [one for one in found if isinstance(one.get("response"), dict) or one.get("response_sse")]


def send(client, recorded):
    stream = recorded["stream"]
    kind = openai.Stream[ChatCompletionChunk] if stream else None
    answer = client.post(
        "/chat/completions", body=recorded["request"], cast_to=ChatCompletion, stream=stream, stream_cls=kind
    )
    return [one.model_dump() for one in answer] if stream else answer.model_dump()


def recorded_usage(recorded):
    if not recorded["stream"]:
        return recorded["response"].get("usage")
    if not (recorded["request"].get("stream_options") or {}).get("include_usage"):
        return None  # the replay server holds back what was not asked for
    said = [event["data"].get("usage") for event in recorded["response_sse"] if isinstance(event["data"], dict)]
    return next((usage for usage in reversed(said) if usage), None)


def recorded_reasons(recorded):
    if not recorded["stream"]:
        return tuple(
            choice["finish_reason"] for choice in recorded["response"].get("choices", ()) if choice.get("finish_reason")
        )
    events = [event["data"] for event in recorded["response_sse"] if isinstance(event["data"], dict)]
    by_choice = {}
    for event in events:
        for choice in event.get("choices") or ():
            if choice.get("finish_reason"):
                by_choice[choice.get("index", 0)] = choice["finish_reason"]
    return tuple(reason for _, reason in sorted(by_choice.items()))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["openai_chat", "openai_chat_stream"])
def test_every_recorded_exchange_gives_one_span_with_its_facts_and_the_same_answer(name, spans, instrumented):
    wrong = []
    for recorded in exchanges(name):
        with ReplayServer(
            [{key: recorded[key] for key in ("request", "status", "response", "response_sse") if recorded.get(key)}]
        ) as server:
            with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
                bare = send(client, recorded)
                plugin = instrumented(fixes="off", capture="SPAN_ONLY")
                watched = send(client, recorded)
                plugin.uninstrument()
        (span,) = spans.spans
        spans.clear()
        usage = recorded_usage(recorded)
        facts = {
            "same answer": bare == watched,
            "model": span.attributes.get(semconv.REQUEST_MODEL) == recorded["request"]["model"],
            "input": usage is None or span.attributes.get(semconv.USAGE_INPUT_TOKENS) == usage["prompt_tokens"],
            "output": usage is None
            or span.attributes.get(semconv.USAGE_OUTPUT_TOKENS) == usage.get("completion_tokens"),
            "reasons": span.attributes.get(semconv.RESPONSE_FINISH_REASONS, ()) == recorded_reasons(recorded),
        }
        wrong += [(recorded["id"], fact) for fact, holds in facts.items() if not holds]
    assert wrong == []
    assert plugin.guard.failures == {}
