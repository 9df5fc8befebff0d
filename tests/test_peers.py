"""Beside the instrumentors of others, as they really are: each in an environment of its own, by exact versions.

The environments are under .venv/peers, kept until what they are made of changes. In each, Arc's plugin and the peer's
instrumentor go through every way of calling the client (programs/beside.py), in either order. KNOWN holds what peers do
wrong by themselves, and the little that is doubled or lost beside them: each is asserted, so that a change is noticed.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from arc_core.demo import ReplayServer
from arc_semconv.attributes import FIX_IDS, SPAN_KIND
from arc_semconv.others import MODEL_CALL_MARKS

PROGRAMS = Path(__file__).parent / "programs"
ARC = "arc-instrumentation-openai"
FIX = "arc.gpt-4.1.temperature"


class Peer(NamedTuple):
    """What an environment holds beside Arc, and the file of tests/peers that pins all of it."""

    requirement: str
    pins: str
    entry_point: bool = False
    """Whether `opentelemetry-instrument` loads it, so that Arc knows of it beforehand."""


PEERS = {
    "openllmetry": Peer("opentelemetry-instrumentation-openai", "openai-3", entry_point=True),
    "genai-openai": Peer("opentelemetry-instrumentation-genai-openai", "openai-3", entry_point=True),
    "openinference": Peer("openinference-instrumentation-openai", "openai-3", entry_point=True),
    "openai-v2": Peer("opentelemetry-instrumentation-openai-v2", "openai-2", entry_point=True),
    "logfire": Peer("logfire", "openai-3"),
    "langfuse": Peer("langfuse", "openai-3"),
    "langsmith": Peer("langsmith", "openai-3"),
    "ddtrace": Peer("ddtrace", "openai-3"),
    "agentops": Peer("agentops", "agentops"),
    "openlit": Peer("openlit", "openai-2"),
}
BROKEN = {"openai-v2": Peer("opentelemetry-instrumentation-openai-v2", "openai-3", entry_point=True)}
"""One that can't be imported beside the newest client: it needs httpx and does not ask for it."""

CHAT = frozenset({
    "whole", "stream", "raw", "raw stream", "open response", "stream helper", "post",
    "async", "async stream", "async raw", "async raw stream",
})  # fmt: skip
WAYS = CHAT | {"embeddings", "responses", "refused"}


class Known(NamedTuple):
    """What is not as it should be beside one peer, by way of calling."""

    breaks: Mapping[str, str] = MappingProxyType({})
    """The error that the peer raises into the program, with and without Arc."""
    stays: frozenset[str] = frozenset()
    """It goes on after it was uninstrumented."""
    doubles: frozenset[str] = frozenset()
    """Its span is made when the answer is there: nothing tells Arc of it before."""
    loses: frozenset[str] = frozenset()
    """It opens a span and never ends it: Arc leaves the call to it, and none is seen."""


KNOWN = {
    "openllmetry": Known(stays=WAYS - {"post"}, doubles=frozenset({"responses"})),
    "openlit": Known(loses=frozenset({"raw stream", "async raw stream"})),
    "agentops": Known(
        breaks={
            "raw stream": "AttributeError: 'OpenaiStreamWrapper' object has no attribute 'parse'",
            "async raw stream": "AttributeError: 'OpenAIAsyncStreamWrapper' object has no attribute 'parse'",
            "stream helper": "TypeError: 'Omit' object is not iterable",
        },
        stays=WAYS - {"post", "responses", "embeddings"},
        loses=frozenset({"raw stream", "async raw stream"}),
    ),
}

USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1", "usage": USAGE,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}],
}  # fmt: skip
CHUNK = {
    "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1",
    "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}],
}  # fmt: skip
EMBEDDED = {
    "object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 3, "total_tokens": 3},
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
}  # fmt: skip
SAID = [{"type": "message", "id": "m", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "fine", "annotations": []}]}]  # fmt: skip
RESPONSE = {
    "id": "resp", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-4.1", "output": SAID,
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4, "input_tokens_details": {"cached_tokens": 0},
              "output_tokens_details": {"reasoning_tokens": 0}},
}  # fmt: skip


@pytest.fixture
def server():
    phases = ("bare", "theirs alone", "ours alone", "both", "ours, theirs off", "theirs, ours off", "both off")
    with ReplayServer([
        {"match": {"model": "gpt-4.1", "stream": True}, "response_sse": [{"data": CHUNK}] * 3 + [{"data": "[DONE]"}]},
        {"match": {"model": "gpt-4.1", "stream": None}, "response": ANSWER},
        {"url_path": "/v1/embeddings", "match": {}, "response": EMBEDDED},
        # OpenLLMetry remembers responses by their ids, and tells of each once.
        *({"url_path": "/v1/responses", "match": {"user": f"{phase}/responses"}, "response": RESPONSE | {"id": phase}}
          for phase in phases),
    ]) as server:  # fmt: skip
        yield server


class Seen:
    """What one run of programs/beside.py told."""

    def __init__(self, name, rows):
        self.known = KNOWN.get(name, Known())
        self.rows = {(row["phase"], row["way"]): row for row in rows}
        alone = "theirs alone" if ("theirs alone", "whole") in self.rows else "theirs, ours off"
        self._alone = {way: self.scopes(alone, way) for way in WAYS}

    def scopes(self, phase, way):
        return sorted(span["scope"] for span in self.rows[phase, way]["spans"])

    def theirs_are_on(self, phase, way):
        if phase in ("ours, theirs off", "both off"):
            return way in self.known.stays
        return phase not in ("bare", "ours alone")

    def expected(self, phase, way):
        """The scopes of the spans that should come of one call."""
        theirs = self._alone[way] if self.theirs_are_on(phase, way) else []
        if phase in ("bare", "both off", "theirs alone", "theirs, ours off"):
            return theirs
        if way in self.known.loses and self.theirs_are_on(phase, way):
            return []
        if way in self.known.doubles and theirs:
            return sorted([*theirs, ARC])
        return theirs or [ARC]


@pytest.mark.parametrize("order", ["theirs-first", "ours-first"])
@pytest.mark.parametrize("name", PEERS)
def test_no_call_has_two_spans_and_no_caller_sees_a_difference(name, order, server, environment, run_in):
    python = environment(name, PEERS[name].requirement, PEERS[name].pins)
    stdout = run_in([python, PROGRAMS / "beside.py", name, order], OPENAI_BASE_URL=server.url)
    seen = Seen(name, [json.loads(line) for line in stdout.splitlines() if line.startswith('{"phase"')])
    assert {way for _, way in seen.rows} == WAYS
    temperatures = {sent.body["user"]: sent.body.get("temperature") for sent in server.requests if "user" in sent.body}
    for (phase, way), row in seen.rows.items():
        where = f"{name}, {order}, {phase}, {way}"
        broken = seen.known.breaks.get(way) if seen.theirs_are_on(phase, way) else None
        if broken is not None:
            assert row["outcome"] == broken, where
        elif way != "responses":  # its ids differ on purpose
            assert row["outcome"] == seen.rows["bare", way]["outcome"], where
        assert seen.scopes(phase, way) == seen.expected(phase, way), where
        if way in CHAT and (sent := temperatures.get(f"{phase}/{way}")) is not None:
            ours = phase in ("both", "ours alone", "ours, theirs off")
            assert sent == (0.7 if ours else 0.95), where
            if ours and row["spans"]:
                assert FIX in row["spans"][0]["fixes"], where


def model_spans(output):
    """The spans of model calls that the console exporter printed."""
    decoder, spans = json.JSONDecoder(), []
    while (start := output.find("{")) >= 0:
        span, end = decoder.raw_decode(output[start:])
        output = output[start + end :]
        found = span["attributes"]
        if SPAN_KIND in found or any(found.get(name) in meant for name, meant in MODEL_CALL_MARKS.items()):
            spans.append(span)
    return spans


@pytest.fixture
def ask(server, run_in):
    """Run programs/ask.py under `opentelemetry-instrument`; how many spans of model calls came of it."""

    def ask(python, **env):
        exporters = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
        command = [python.with_name("opentelemetry-instrument"), python, PROGRAMS / "ask.py"]
        spans = model_spans(run_in(command, OPENAI_BASE_URL=server.url, **exporters, **env))
        assert [sent.body["temperature"] for sent in server.requests] == [0.7, 0.7, 0.7]
        assert all(FIX in span["attributes"][FIX_IDS] for span in spans)
        return len(spans)

    return ask


@pytest.mark.parametrize(("mode", "seen_by_arc"), [("auto", 0), ("enabled", 1)])
@pytest.mark.parametrize("name", [name for name, peer in PEERS.items() if peer.entry_point])
def test_under_opentelemetry_instrument_theirs_are_the_spans_and_fixes_are_told_on_them(
    name, mode, seen_by_arc, environment, ask
):
    posted = 1 if name == "openinference" else seen_by_arc  # the only one that sees what is posted by hand
    python = environment(name, PEERS[name].requirement, PEERS[name].pins)
    assert ask(python, ARC_INSTRUMENT_OPENAI=mode) == 2 + posted


@pytest.mark.parametrize("name", BROKEN)
def test_spans_are_not_left_to_an_instrumentor_that_does_not_work(name, environment, ask):
    python = environment(name, BROKEN[name].requirement, BROKEN[name].pins)
    load = "from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor"
    failed = subprocess.run([python, "-c", load], capture_output=True, text=True, timeout=60, check=False)
    assert failed.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'httpx'"
    assert ask(python) == 3


def test_arc_and_util_genai_leave_calls_to_each_other(environment, run_in):
    peer = PEERS["genai-openai"]
    python = environment("genai-openai", peer.requirement, peer.pins)
    within_arc, within_theirs = run_in([python, PROGRAMS / "either_way.py"]).splitlines()
    assert within_arc == f"[('{ARC}', ('{FIX}',))]"
    assert within_theirs == f"[('util-genai', ('{FIX}',))]"
