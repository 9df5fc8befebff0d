"""Real exchanges, replayed over HTTP through the real SDK: one span each, with the recorded facts."""

import asyncio
import gzip
import json
from contextlib import closing, suppress
from pathlib import Path

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_semconv import attributes as semconv
from genai_prices import Usage, calc_price
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

CASSETTES = Path(__file__).parents[4] / "shared/data/cassettes"
pytestmark = pytest.mark.skipif(not CASSETTES.is_dir(), reason="the recorded traffic is not beside this clone")

APIS = {
    "/chat/completions": (ChatCompletion, ChatCompletionChunk, "chat"),
    "/responses": (Response, ResponseStreamEvent, "chat"),
    "/responses/compact": (dict[str, object], None, "chat"),
    "/responses/input_tokens": (dict[str, object], None, "responses.input_tokens"),
    "/embeddings": (CreateEmbeddingResponse, None, "embeddings"),
    "/completions": (Completion, Completion, "text_completion"),
}
FINISHED = {"completed": ("stop",), "complete": ("stop",), "failed": ("error",), None: (), "queued": ()}
CALLS = ("function_call", "custom_tool_call", "mcp_call")


def exchanges(name):
    with gzip.open(CASSETTES / f"{name}.jsonl.gz", "rt") as lines:
        found = [json.loads(line) for line in lines]
    # A few recordings hold an answer that is no JSON, or are of another protocol.
    return [
        {**one, "path": f"/{one['id']}{one['url_path'].partition('?')[0]}"}
        for one in found
        if (isinstance(one.get("response"), dict) or one.get("response_sse")) and api_of(one)
    ]


def api_of(recorded):
    path = recorded["url_path"].partition("?")[0]
    return next((api for end, api in APIS.items() if path.endswith(end)), None)


def served(recorded):
    kept = {key: recorded[key] for key in ("status", "response", "response_sse") if recorded.get(key)}
    return {**kept, "url_path": recorded["path"]}


def asked(client, recorded, raw=None):
    """What the client hands back; `raw` is how its with_raw_response ("true") and with_streaming_response ask."""
    kind, chunk, _ = api_of(recorded)
    stream = recorded["stream"]
    streams = openai.AsyncStream if isinstance(client, openai.AsyncOpenAI) else openai.Stream
    url = str(client.base_url).removesuffix("/v1/") + recorded["path"]
    headers = {"X-Stainless-Raw-Response": raw} if raw else {}
    return client.post(
        url,
        body=recorded["request"],
        cast_to=kind,
        stream=stream,
        stream_cls=streams[chunk] if stream else None,
        options={"headers": headers},
    )


def dumped(value):
    return value.model_dump(warnings=False) if hasattr(value, "model_dump") else value


def failure(error):
    return type(error), str(error), error.body, error.code, error.param


def send(client, recorded):
    try:
        answer = asked(client, recorded)
        return [dumped(one) for one in answer] if recorded["stream"] else dumped(answer)
    except openai.APIError as error:
        return failure(error)


def send_raw(client, recorded):
    try:
        answer = asked(client, recorded, "true")
        parsed = answer.parse()
        return [dumped(one) for one in parsed] if recorded["stream"] else dumped(parsed)
    except openai.APIError as error:
        return failure(error)


def send_open(client, recorded):
    try:
        with closing(asked(client, recorded, "stream")) as response:
            return list(response.iter_lines()) if recorded["stream"] else dumped(response.parse())
    except openai.APIError as error:
        return failure(error)


def send_and_leave(client, recorded):
    try:
        answer = asked(client, recorded)
        if recorded["stream"]:
            with answer as chunks:
                return dumped(next(iter(chunks), None))
        return dumped(answer)
    except openai.APIError as error:
        return failure(error)


MODES = {"sync": send, "raw": send_raw, "open": send_open, "left": send_and_leave}


async def send_async(client, recorded):
    try:
        answer = await asked(client, recorded)
        return [dumped(one) async for one in answer] if recorded["stream"] else dumped(answer)
    except openai.APIError as error:
        return failure(error)


def final(recorded):
    """The whole answer as the recording has it; of a streamed chat, its chunks put together as far as needed."""
    if recorded.get("response"):
        return recorded["response"]
    events = [event["data"] for event in recorded["response_sse"] if isinstance(event["data"], dict)]
    if any("response" in event for event in events):
        return [event["response"] for event in events if "response" in event][-1]
    with_usage = (recorded["request"].get("stream_options") or {}).get("include_usage")
    reasons, names = {}, {}
    for event in events:
        for choice in event.get("choices") or ():
            index = choice.get("index", 0)
            reasons[index] = choice.get("finish_reason") or reasons.get(index)
            for call in (choice.get("delta") or {}).get("tool_calls") or ():
                if name := (call.get("function") or {}).get("name"):
                    names.setdefault(index, []).append(name)
    groq = (events[-1].get("x_groq") or {}).get("usage")
    return {
        # Azure begins with a chunk of its filters, which names no model
        "model": next((event["model"] for event in events if event.get("model")), events[-1].get("model")),
        # the replay server holds back what was not asked for
        "usage": next((e["usage"] for e in reversed(events) if e.get("usage") and (with_usage or e["choices"])), groq),
        "choices": [
            {"finish_reason": reason, "message": {"tool_calls": [{"function": {"name": n}} for n in names.get(i, ())]}}
            for i, reason in sorted(reasons.items())
        ],
    }


def reasons_of(answer):
    if "choices" in answer:
        return tuple(one["finish_reason"] for one in answer["choices"] or () if one.get("finish_reason"))
    if answer.get("status") == "completed" and any(
        item["type"] in ("function_call", "custom_tool_call") for item in answer["output"]
    ):
        return ("tool_calls",)
    return FINISHED[answer.get("status")]


def calls_of(answer):
    said = [
        (call.get("function") or call.get("custom") or {}).get("name")
        for choice in answer.get("choices") or ()
        for call in (choice.get("message") or {}).get("tool_calls") or ()
    ]
    said += [
        choice["message"]["function_call"]["name"]
        for choice in answer.get("choices") or ()
        if ((choice.get("message") or {}).get("function_call") or {}).get("name")
    ]
    return said + [item["name"] for item in answer.get("output") or () if item["type"] in CALLS]


def calls_in(span):
    messages = json.loads(span.attributes.get(semconv.OUTPUT_MESSAGES, "[]"))
    return [part["name"] for one in messages for part in one["parts"] if part.get("type") == "tool_call"]


def wrong_facts(recorded, span):
    """Names of the facts of `recorded` that `span` does not tell."""
    attributes = span.attributes
    facts = {
        "model": attributes.get(semconv.REQUEST_MODEL) == recorded["request"].get("model"),
        "operation": attributes[semconv.OPERATION] == api_of(recorded)[2],
    }
    if recorded["status"] >= 400:
        facts["error"] = span.status.status_code.name == "ERROR" and attributes[semconv.ERROR_TYPE].endswith("Error")
        facts["status"] = attributes[semconv.HTTP_STATUS_CODE] == recorded["status"]
        return [fact for fact, holds in facts.items() if not holds]
    answer = final(recorded)
    usage = answer.get("usage") or {}
    sent = usage.get("prompt_tokens", usage.get("input_tokens"))
    if api_of(recorded)[2] == "embeddings":
        sent = usage.get("prompt_tokens", usage.get("total_tokens"))
    received = usage.get("completion_tokens", usage.get("output_tokens"))
    cached = (usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}).get("cached_tokens")
    if cached is None:  # Moonshot, Mistral
        cached = usage.get("cached_tokens", usage.get("num_cached_tokens"))
    estimated = attributes.get(semconv.USAGE_ESTIMATED, False)
    facts |= {
        "answered by": attributes.get(semconv.RESPONSE_MODEL) == answer.get("model"),
        "estimated": estimated == (recorded["stream"] and not usage),
        "input": estimated or attributes.get(semconv.USAGE_INPUT_TOKENS) == sent,
        "output": estimated or attributes.get(semconv.USAGE_OUTPUT_TOKENS) == received,
        "cached": attributes.get(semconv.USAGE_CACHE_READ_INPUT_TOKENS) == cached,
        "reasons": attributes.get(semconv.RESPONSE_FINISH_REASONS, ()) == reasons_of(answer),
        "calls": calls_in(span) == calls_of(answer),
    }
    return [fact for fact, holds in facts.items() if not holds]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    [
        "openai_chat",
        "openai_chat_stream",
        "openai_responses",
        "openai_responses_stream",
        "openai_completions",
        "openai_completions_stream",
        "openai_embeddings",
        "openai_compatible_other",
        "errors",
    ],
)
def test_every_recorded_exchange_gives_one_span_with_its_facts_and_the_same_answer(name, spans, instrumented):
    traffic = exchanges(name)
    wrong = []

    def check(recorded, how, bare, watched):
        if bare != watched:
            wrong.append((recorded["id"], how, "same answer"))
        if len(spans.spans) != 1:
            wrong.append((recorded["id"], how, f"{len(spans.spans)} spans"))
        elif how == "left" and recorded["stream"]:
            if spans.only.attributes.get(semconv.RUN_STATE) != "cancelled" and recorded["status"] < 400:
                wrong.append((recorded["id"], how, "state"))
        else:
            wrong.extend((recorded["id"], how, fact) for fact in wrong_facts(recorded, spans.spans[0]))
        spans.clear()

    async def replay_async(url, bare):
        async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
            for recorded in traffic:
                check(recorded, "async", bare[recorded["id"]], await send_async(client, recorded))

    with ReplayServer(map(served, traffic)) as server:
        with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            bare = {(recorded["id"], how): do(client, recorded) for recorded in traffic for how, do in MODES.items()}
            plugin = instrumented(fixes="off", capture="SPAN_ONLY", content_limit=10_000_000)
            for recorded in traffic:
                for how, do in MODES.items():
                    check(recorded, how, bare[recorded["id"], how], do(client, recorded))
        asyncio.run(replay_async(server.url, {recorded["id"]: bare[recorded["id"], "sync"] for recorded in traffic}))
    assert wrong == [], "\n".join(map(str, wrong))
    assert plugin.guard.failures == {}


RATES = {
    "input_tokens": "input_mtok",
    "output_tokens": "output_mtok",
    "input_audio_tokens": "input_audio_mtok",
    "output_audio_tokens": "output_audio_mtok",
}


def listed(recorded):
    """US dollars by the price library itself, from what the recording says was used; None where it has no price."""
    answer = final(recorded) if recorded["status"] < 400 else {}
    usage = answer.get("usage") or {}
    sent = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    received = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    counts = {
        "input_tokens": usage.get("prompt_tokens", usage.get("input_tokens")),
        "output_tokens": usage.get("completion_tokens", usage.get("output_tokens")),
        "cache_read_tokens": sent.get("cached_tokens"),
        "input_audio_tokens": sent.get("audio_tokens") or None,
        "output_audio_tokens": received.get("audio_tokens") or None,
    }
    tier = answer.get("service_tier")
    context = {"service_tier": tier} if tier else None
    for model in filter(None, (answer.get("model"), recorded["request"].get("model"))):
        # The host is listed as a gateway: it may serve models of many, as OpenRouter did in one recording.
        for provider in ("openai", "litellm") if "/" in model else ("openai",):
            with suppress(LookupError):
                price = calc_price(Usage(**counts), model, provider_id=provider, price_context=context)
                rates = {count: getattr(price.model_price, rate) for count, rate in RATES.items()}
                known = all(rates[count] is not None for count in RATES if counts[count])
                return float(price.total_price) if known else None
    return None


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", ["openai_chat", "openai_chat_stream", "openai_responses", "openai_responses_stream", "openai_embeddings"]
)
def test_every_recorded_call_costs_what_the_price_list_says(name, spans, instrumented):
    prices = instrumented(cost_hosts=("127.0.0.1",)).runtime.prices
    traffic = exchanges(name)
    wrong, priced = [], 0
    with (
        ReplayServer(map(served, traffic)) as server,
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client,
    ):
        for recorded in traffic:
            send(client, recorded)
            # What ended before the list was read is priced when it is exported.
            prices.settle(spans.spans, 60)
            attributes, expected = spans.only.attributes, listed(recorded)
            cost = attributes.get(semconv.COST_USD)
            if attributes.get(semconv.USAGE_ESTIMATED):
                holds = (cost is None) is (attributes.get(semconv.COST_ESTIMATED) is None)
            elif expected is None or not final(recorded).get("usage"):
                holds = cost is None
            else:
                holds = cost == pytest.approx(expected)
                priced += 1
            if not holds:
                wrong.append((recorded["id"], cost, expected))
            spans.clear()
    assert wrong == []
    assert priced > 0
