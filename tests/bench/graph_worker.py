"""One subject on graphs, in a process of its own: switches it on, measures it, prints JSON."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = "32768"  # a run of 10,000 nodes is exported whole

from graph_measures import MEASURES, Bench, facts, memory
from graph_subjects import SUBJECTS
from graphs import Graphs, warm
from patches import FRAMEWORK, Patches, snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject")
    parser.add_argument("--measures", default="", help="names of measures, comma-separated")
    parser.add_argument("--facts", type=Path, help="file that says which attributes a hand-written span has")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--memory", type=int, default=0, help="graph runs over which memory is watched")
    options = parser.parse_args()

    graphs = Graphs()
    warm(graphs, {})
    before = snapshot(FRAMEWORK)
    name, _, rest = options.subject.partition("+")
    modes = SUBJECTS[name](frozenset(filter(None, rest.split("+"))))
    bench = Bench(graphs, Patches(before), modes, {}, options.rounds)
    for mode in modes:
        with bench.watched(mode)():
            warm(graphs, mode.config)
    if options.facts is None:
        json.dump(facts(bench), sys.stdout)
        return
    bench = bench._replace(facts=json.loads(options.facts.read_text()))
    results: dict[str, Any] = {
        measure: MEASURES[measure](bench) for measure in filter(None, options.measures.split(","))
    }
    if options.memory:
        results["memory"] = memory(bench, options.memory)
    sys.stdout.write(f"\n{json.dumps(results)}\n")
    sys.stdout.flush()
    os._exit(0)  # what subjects do at the end of a process is to send


if __name__ == "__main__":
    main()
