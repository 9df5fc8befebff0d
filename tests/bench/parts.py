"""Parts of Arc by themselves: the fix engine, and redaction of text without findings; prints JSON."""

import argparse
import json
import sys
from contextlib import nullcontext

from arc_runtime.fixes import Request
from arc_runtime.redaction import find
from clocks import Variant, call_block, take_turns
from subjects import arc_engine
from workload import ASK

REQUEST = Request(ASK, "openai", "chat.completions", "api.openai.com", stream=False)
TEXT = "The applicant asks for a loan of 24,000 USD over 48 months, order 2026-11-20/17, id 7f3a. " * 110


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
            "redaction": {"mb_s": len(TEXT) / redacted["find"][0], "characters": len(TEXT)},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
