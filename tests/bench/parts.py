"""Parts of Arc by themselves: the fix engine, redaction of text without findings, an entrypoint; prints JSON."""

import argparse
import json
import sys
from contextlib import nullcontext

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Guard
from arc_runtime.processor import RedactingSpanProcessor
from arc_runtime.redaction import find
from arc_runtime.tracking import Calls, Feed, Requests
from clocks import Variant, call_block, take_turns
from subjects import arc_engine, batching
from workload import ASK

REQUEST = Request(ASK, "openai", "chat.completions", "api.openai.com", stream=False)
TEXT = "The applicant asks for a loan of 24,000 USD over 48 months, order 2026-11-20/17, id 7f3a. " * 110


def entrypoints(rounds: int) -> dict[str, list[float]]:
    """A call of a function in a bare span of OpenTelemetry, and as an entrypoint of which nobody is told."""
    provider, _ = batching(RedactingSpanProcessor())
    tracer = provider.get_tracer("bench")
    requests = Requests(Feed("run", "off", guard=Guard("bench")), provider=provider)

    def work(value: int) -> int:
        return value

    def bare() -> None:
        with tracer.start_as_current_span("work"):
            work(1)

    traced = Calls(work, "work", lambda: requests).traced()
    ways = {"span": bare, "entrypoint": lambda: traced(1)}
    return take_turns(
        [Variant(name, nullcontext, call_block(call), provider.force_flush) for name, call in ways.items()], rounds, 200
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    engines = {f"Arc's own and {count:,}": arc_engine(count) for count in (0, 1, 1_000, 10_000)}
    before = {name: (lambda one=one: one.before(REQUEST)) for name, one in engines.items()}
    one_by_one = {name: call_block(call) for name, call in before.items()}
    taken = take_turns([Variant(name, nullcontext, block, int) for name, block in one_by_one.items()], rounds, 500)
    redacted = take_turns([Variant("find", nullcontext, call_block(lambda: find(TEXT)), int)], rounds, 5)
    json.dump(
        {
            "engine": {name: figures[0] for name, figures in taken.items()},
            "entrypoint": {name: figures[0] for name, figures in entrypoints(rounds).items()},
            "redaction": {"mb_s": len(TEXT) / redacted["find"][0], "characters": len(TEXT)},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
