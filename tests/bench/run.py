"""What Arc costs, side by side in one run, as ratios: machines are shared and noisy, absolute times mislead.

Each subject runs in turn, many rounds over, and its figure is the tenth percentile of its CPU times: what it costs when
nobody disturbs. `--rounds N` sets the number of rounds.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import httpx2
import openai
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime.fixes import DEFAULT_ENTRIES, Engine, Entry, Registry, Request
from arc_runtime.instrumentation import Runtime
from arc_runtime.processor import RedactingSpanProcessor
from arc_runtime.redaction import find
from arc_runtime.settings import Settings
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 60}}],
    "usage": {"prompt_tokens": 400, "completion_tokens": 60, "total_tokens": 460},
}  # fmt: skip
ASK = {
    "model": "gpt-4.1",
    "temperature": 0.5,
    "messages": [{"role": "system", "content": "be brief " * 40}, {"role": "user", "content": "please review " * 100}],
}
CHUNK = 'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
CHUNKS = 200


def provider() -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(RedactingSpanProcessor())
    return made


def client(body: bytes | None = None) -> openai.OpenAI:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        if body is None:
            return httpx2.Response(200, json=ANSWER)
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})

    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


class Plugin:
    """The openai plugin in one configuration, switched on for the length of a `with` block."""

    def __init__(self, **settings: Any) -> None:
        self._plugin = OpenAIInstrumentor()
        runtime = Runtime.of(Settings(**settings))
        for index in range(1000):
            runtime.engine.registry.register(
                Entry(id=f"bench.{index}", pattern={"model": f"m{index}"}, fix={"seed": 1})
            )
        self._plugin.instrument(skip_dep_check=True, tracer_provider=provider(), runtime=runtime)
        self._state = {name: getattr(self._plugin, name) for name in ("runtime", "pen", "guard", "_active")}
        self._plugin.uninstrument()

    def __enter__(self) -> None:
        vars(self._plugin).update(self._state)

    def __exit__(self, *_: object) -> None:
        self._plugin._active = False

    def around(self, work: Callable[[], object]) -> Callable[[], object]:
        """`work` with the plugin on."""

        def watched() -> object:
            with self:
                return work()

        return watched


def hand_written(tracer: Any, call: Callable[[], Any]) -> None:
    """The bound: one span with the same attributes, written by hand, unguarded, for this call alone."""
    start = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1",
             "gen_ai.request.temperature": 0.5, "server.address": "api.openai.com", "server.port": 443, "openai.api.type": "chat_completions"}  # fmt: skip
    with tracer.start_as_current_span("chat gpt-4.1", kind=SpanKind.CLIENT, attributes=start) as span:
        answer = call()
        span.set_attributes({
            "gen_ai.response.id": answer.id, "gen_ai.response.model": answer.model,
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
            "gen_ai.response.finish_reasons": ("stop",), "arc.span.kind": "llm",
        })  # fmt: skip


def measure(subjects: dict[str, Callable[[], object]], rounds: int, repeat: int) -> dict[str, float]:
    """Microseconds of CPU a call, by subject; the subjects take turns."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, work in subjects.items():
            begin = time.thread_time_ns()
            for _ in range(repeat):
                work()
            times[name].append((time.thread_time_ns() - begin) / repeat / 1000)
    return {name: statistics.quantiles(one, n=10)[0] for name, one in times.items()}


def chat(rounds: int) -> None:
    calls = client()
    tracer = provider().get_tracer("bench")
    ask = lambda: calls.chat.completions.create(**ASK)  # noqa: E731

    figures = measure(
        {
            "bare": ask,
            "one span written by hand": lambda: hand_written(tracer, ask),
            "Arc, 1,000 patterns": Plugin().around(ask),
            "Arc, content captured and redacted": Plugin(capture="SPAN_ONLY").around(ask),
        },
        rounds,
        20,
    )
    bare = figures.pop("bare")
    floor = figures["one span written by hand"] - bare
    say(f"chat call, bare {bare:.0f} us CPU")
    for name, figure in figures.items():
        say(f"  {name:<38} +{figure - bare:6.0f} us   {(figure - bare) / floor:5.2f} x the hand-written span")


def stream(rounds: int) -> None:
    calls = client((CHUNK * CHUNKS + "data: [DONE]\n\n").encode())

    def bare() -> None:
        for _ in calls.chat.completions.create(**ASK, stream=True):
            pass

    figures = measure({"bare": bare, "Arc": Plugin().around(bare)}, rounds, 2)
    each = {name: figure / CHUNKS for name, figure in figures.items()}
    say(
        f"stream of {CHUNKS} chunks, bare {each['bare']:.1f} us a chunk; Arc +{each['Arc'] - each['bare']:.2f} us a chunk"
    )


def engine(rounds: int) -> None:
    request = Request(ASK, "openai", "chat.completions", "api.openai.com", stream=False)
    engines = {}
    for count in (2, 1_000, 10_000):
        registry = Registry([
            *DEFAULT_ENTRIES,
            *(Entry(id=f"b{i}", pattern={"model": f"m{i}", "top_p": {">": 0.5}}, fix={"seed": 1}) for i in range(count - 2)),
        ])  # fmt: skip
        engines[f"{count:>6,} entries"] = Engine(registry)
    figures = measure({name: (lambda one=one: one.before(request)) for name, one in engines.items()}, rounds, 2000)
    say("fix engine, one request, no entry applies")
    for name, figure in figures.items():
        say(f"  {name}  {figure:.2f} us")


def redaction(rounds: int) -> None:
    text = "The applicant asks for a loan of 24,000 USD over 48 months, order 2026-11-20/17, id 7f3a. " * 110
    find_a = lambda: text.find("@")  # noqa: E731
    figures = measure({"find": lambda: find(text), "str.find": find_a}, rounds, 5)
    size = len(text) / 1e6
    say(f"redaction of {len(text):,} characters without findings: {size / (figures['find'] / 1e6):.0f} MB/s")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    names = ("openai", "opentelemetry-sdk", "arc-runtime")
    say(
        f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}, {rounds} rounds\n"
    )
    for part in (chat, stream, engine, redaction):
        part(rounds)


if __name__ == "__main__":
    main()
