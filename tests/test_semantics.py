"""With ARC_SPAN_NAMES=genai, the instrumentor of OpenTelemetry itself is the yardstick for the openai plugin.

Both are run over the same recorded exchanges, in each content mode, and compared attribute by attribute, on spans and on
events. Every difference there is stands in one of the tables below, with its reason, and each of them must be seen.
"""

import gzip
import json
from collections import defaultdict
from pathlib import Path

import pytest
from arc_core.demo import ReplayServer
from arc_runtime.redaction import Tally, scrub
from arc_semconv import attributes as semconv

CASSETTES = Path(__file__).parents[2] / "shared/data/cassettes"
pytestmark = pytest.mark.skipif(not CASSETTES.is_dir(), reason="the recorded traffic is not beside this clone")

APIS = {"/chat/completions": "chat", "/responses": "responses", "/embeddings": "embeddings"}
FILES = ("chat", "chat_stream", "responses", "responses_stream", "embeddings")
A_FILE = 200
MESSAGES = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)
CONTENT = (*MESSAGES, semconv.SYSTEM_INSTRUCTIONS, semconv.TOOL_DEFINITIONS)

ONLY_OURS = {
    semconv.SPAN_KIND: "Arc's own",
    semconv.REQUEST_API: "Arc's own",
    semconv.ERROR_CODE: "Arc's own",
    semconv.ERROR_PARAM: "Arc's own",
    semconv.FAILURE_TYPE: "Arc's own",
    semconv.USAGE_ESTIMATED: "Arc's own",
    semconv.HTTP_STATUS_CODE: "tells a refusal from a limit",
    semconv.USAGE_INPUT_TOKENS: "estimated, and marked so, where the provider tells none",
    semconv.USAGE_OUTPUT_TOKENS: "likewise",
    semconv.USAGE_CACHE_READ_INPUT_TOKENS: "in the conventions; a zero that was told is told on",
    semconv.USAGE_REASONING_OUTPUT_TOKENS: "likewise",
    semconv.REQUEST_PREVIOUS_RESPONSE_ID: "in the conventions",
    semconv.REQUEST_REASONING_LEVEL: "in the conventions",
    semconv.OPENAI_API_TYPE: "in the conventions; theirs tells it of responses alone",
    semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT: "in the conventions; theirs does not tell it of streams",
    semconv.REQUEST_ENCODING_FORMATS: "as it was sent: the client itself asks for base64 where the program says nothing",
    semconv.REQUEST_STREAM: "theirs does not tell it of a stream that was refused",
    semconv.OUTPUT_MESSAGES: "an answer without content has its finish reason still",
}
ONLY_THEIRS = {
    semconv.EMBEDDINGS_DIMENSION_COUNT: "as it was asked for; theirs counts the vector, or its characters where it came as base64",
    semconv.CONVERSATION_COMPACTED: "told of the answer that compacts; theirs tells it of every later request too",
    semconv.SYSTEM_INSTRUCTIONS: "instructions that are empty are none",
    semconv.RESPONSE_FINISH_REASONS: "a stream that ended without one: theirs makes one up, where it records content",
}


def texts(messages):
    """Texts by role, redacted as Arc's are; how a picture, a search or another tool of the provider is told differs.

    A refusal is a part of its own in Arc's messages, and text in theirs.
    """
    return [
        (message["role"], scrub(part["content"], Tally()))
        for message in messages
        for part in message["parts"]
        if part["type"] in ("text", "refusal") and part["content"]
    ]


def calls(messages):
    parts = [part for message in messages for part in message["parts"] if part["type"] == "tool_call"]
    return {(part.get("id"), part["name"]) for part in parts}


DIFFERENT = {
    semconv.ERROR_TYPE: lambda theirs, ours: theirs.endswith(f".{ours}"),
    semconv.RESPONSE_FINISH_REASONS: lambda theirs, ours: set(ours) < set(theirs),  # of all items, not of the response
    semconv.RESPONSE_TIME_TO_FIRST_CHUNK: lambda theirs, ours: theirs > 0 and ours > 0,
    semconv.EMBEDDINGS_DIMENSION_COUNT: lambda theirs, ours: theirs > ours,  # as above
    # They leave out what is no part of a definition by the conventions, e.g. `strict`, and name the provider's own tools.
    semconv.TOOL_DEFINITIONS: lambda theirs, ours: all(
        one.items() <= {"name": other["type"], **other}.items() for one, other in zip(theirs, ours, strict=True)
    ),
    semconv.INPUT_MESSAGES: lambda theirs, ours: texts(theirs) == texts(ours) and calls(theirs) <= calls(ours),
    semconv.OUTPUT_MESSAGES: lambda theirs, ours: texts(theirs) == texts(ours) and calls(theirs) <= calls(ours),
}
"""Attributes whose values may differ, and how: (theirs, ours) -> whether that is the difference meant."""


def recorded():
    for name in (*(f"openai_{name}" for name in FILES), "errors"):
        with gzip.open(CASSETTES / f"{name}.jsonl.gz", "rt") as lines:
            usable = [one for one in map(json.loads, lines) if usable_as(one)]
        yield from usable[:A_FILE]


def usable_as(one):
    """The API that the upstream instrumentor knows it by, for what it sees at all."""
    request, path = one.get("request"), one["url_path"].partition("?")[0]
    answered = isinstance(one.get("response"), dict) or one.get("response_sse")
    api = next((api for end, api in APIS.items() if path.endswith(end)), None)
    return api if answered and isinstance(request, dict) and "model" in request else None


@pytest.fixture
def told(environment, run_in, tmp_path):
    """By content mode: what each of the two told of each exchange, as pairs (theirs, ours)."""
    exchanges, served = [], []
    for one in recorded():
        api = usable_as(one)
        end = next(end for end, name in APIS.items() if name == api)
        exchange = {"path": f"/{one['id']}", "api": api, "request": one["request"], "stream": bool(one.get("stream"))}
        exchanges.append(exchange)
        kept = {key: one[key] for key in ("status", "response", "response_sse") if one.get(key)}
        served.append({**kept, "url_path": f"/{one['id']}{end}"})
    listed = tmp_path / "exchanges.jsonl"
    listed.write_text("\n".join(map(json.dumps, exchanges)))
    python = environment("genai-openai", "opentelemetry-instrumentation-genai-openai", "openai-3")

    def told(mode):
        with ReplayServer(served) as server:
            stdout = run_in(
                [python, Path(__file__).parent / "programs/semantics.py", listed, server.url],
                OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=mode,
                ARC_SPAN_NAMES="genai",
                ARC_FIXES="off",
                ARC_CONTENT_LIMIT="1000000",
            )
        pairs = defaultdict(dict)
        for row in map(json.loads, stdout.splitlines()):
            pairs[row["number"]][row["who"]] = row
        assert len(pairs) == len(exchanges)
        return [(exchanges[number]["path"], pair["upstream"], pair["ours"]) for number, pair in pairs.items()]

    return told


def plain(name, value):
    """An attribute's value; content as values, without what is null."""
    return told_in(json.loads(value) if isinstance(value, str) and name in CONTENT else value)


def told_in(value):
    if isinstance(value, dict):
        return {key: told_in(item) for key, item in value.items() if item is not None}
    return [told_in(item) for item in value] if isinstance(value, list) else value


def differences(theirs, ours):
    """Names of attributes that differ, by table; anything that no table has fails."""
    for name in sorted({*theirs, *ours}):
        if name not in theirs:
            assert name in ONLY_OURS, (name, ours[name])
            yield "only ours", name
        elif name not in ours:
            assert name in ONLY_THEIRS, (name, theirs[name])
            yield "only theirs", name
        elif (theirs_is := plain(name, theirs[name])) != (ours_is := plain(name, ours[name])):
            assert name in DIFFERENT, (name, theirs_is, ours_is)
            assert DIFFERENT[name](theirs_is, ours_is), (name, theirs_is, ours_is)
            yield "different", name


@pytest.mark.parametrize("mode", ["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"])
def test_names_kinds_attributes_and_content_are_upstream_s(told, mode):
    seen = set()
    for path, theirs, ours in told(mode):
        assert len(theirs["spans"]) == len(ours["spans"]) == 1, path
        span, other = ours["spans"][0], theirs["spans"][0]
        assert (span["name"], span["kind"], span["status"]) == (other["name"], other["kind"], other["status"]), path
        # An exception event is part of Arc's contract; theirs tells the type alone.
        assert span["events"] == (["exception"] if span["status"] == "ERROR" else []), path
        if mode in ("NO_CONTENT", "EVENT_ONLY"):
            assert not set(CONTENT) & {*span["attributes"], *other["attributes"]}, path
        seen.update(differences(other["attributes"], span["attributes"]))
        assert [event["name"] for event in ours["events"]] == [event["name"] for event in theirs["events"]], path
        for event, their_event in zip(ours["events"], theirs["events"], strict=True):
            assert set(CONTENT) & set(event["attributes"]), path
            seen.update(differences(their_event["attributes"], event["attributes"]))
    tables = {"only ours": ONLY_OURS, "only theirs": ONLY_THEIRS, "different": DIFFERENT}
    expected = {(table, name) for table, names in tables.items() for name in names}
    if mode == "NO_CONTENT":
        expected = {(table, name) for table, name in expected if name not in CONTENT}
        expected.discard(("only theirs", semconv.RESPONSE_FINISH_REASONS))
    assert expected - seen == set(), "a difference is gone: take it out of the table"
