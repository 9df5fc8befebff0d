"""One subject in a process of its own: switches it on, measures it, prints JSON."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import rivals  # noqa: F401 - it adds the peers to the subjects
import subjects
from measures import MEASURES, Bench, memory
from patches import Patches, snapshot
from workload import Calls


def _facts(bench: Bench) -> dict[str, Any]:
    """Attributes of the subject's spans by API and mode."""
    found = {}
    for mode in bench.recording():
        suffix = "+content" if mode.content else ""
        apis = {
            "chat": bench.calls.chat,
            "responses": bench.calls.responses,
            "stream": lambda: list(bench.calls.stream()),
        }
        with bench.watched(mode)():
            for api, call in apis.items():
                call()
                mode.flush()
                found[f"{api}{suffix}"] = mode.attributes()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject")
    parser.add_argument("--measures", default="", help="names of measures, comma-separated")
    parser.add_argument("--facts", type=Path, help="file that says which attributes a hand-written span has")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0, help="calls over which memory is watched")
    options = parser.parse_args()

    calls = Calls()
    calls.warm()
    before = snapshot()
    name, _, rest = options.subject.partition("+")
    modes = subjects.SUBJECTS[name](frozenset(filter(None, rest.split("+"))))
    seen = Calls()
    bench = Bench(calls, seen, Patches(before), modes, {}, options.rounds, options.repeat)
    with bench.watched(modes[0])():
        seen.warm()
    if options.facts is None:
        json.dump(_facts(bench), sys.stdout)
        return
    bench = bench._replace(facts=json.loads(options.facts.read_text()))
    results: dict[str, Any] = {"patches": len(bench.patches)}
    for measure in filter(None, options.measures.split(",")):
        results[measure] = MEASURES[measure](bench)
    if options.memory:
        results["memory"] = memory(bench, options.memory)
    sys.stdout.write(f"\n{json.dumps(results)}\n")
    sys.stdout.flush()
    os._exit(0)  # what subjects do at the end of a process is to send


if __name__ == "__main__":
    main()
