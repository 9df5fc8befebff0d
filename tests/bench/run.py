"""What Arc costs, beside bare calls, a span written by hand, and its peers, in one run.

Machines are shared and noisy: absolute times mislead. Each subject has processes of its own, which take turns. In each
of them bare calls, hand-written spans and the subject take turns too; a figure is the tenth percentile of its rounds,
held against the hand-written span of the same process, and the median over the processes of that subject.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import redaction
from figures import figures_of, graphs_of, sizes_of, targets
from peers import GRAPH_PEERS, PEERS, Peer, build
from table import lines

HERE = Path(__file__).parent
CALLS = "spans,chat,async,responses,stream,astream,threads"
LIBRARIES = ("openai", "langgraph", "opentelemetry-sdk")
FULL = {"rounds": 120, "passes": 2, "memory": 20_000, "graph_memory": 5_000, "starts": 7}
QUICK = {"rounds": 20, "passes": 1, "memory": 2_000, "graph_memory": 1_000, "starts": 3}
PEER = {"rounds": 60, "memory": 4_000, "graph_memory": 1_000, "starts": 3}
CALLS_PART, GRAPHS_PART = "calls", "graphs"
"""What `--only` can name besides peers."""


class Subject(NamedTuple):
    """One line-up: a name that the worker knows, and the interpreter it is installed for."""

    name: str
    python: Path
    measures: str = CALLS


class Failure(Exception):  # noqa: N818 - it is what the table says of a subject
    """A process ended with an error; the message is its last line."""


def say(line: str) -> None:
    """One line on stderr: how far the run is."""
    sys.stderr.write(f"{line}\n")


def environment(folder: Path) -> dict[str, str]:
    """That of a process: nothing of the caller's telemetry settings, nothing that phones home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "ARC_", "PYTHON", "DD_", "OPENAI_", "LANGFUSE_", "LOGFIRE_"))
    }
    return {**kept, "ARC_SPOOL_DIR": str(folder / "spool"), "HOME": str(folder), "PYTHONHASHSEED": "0"}


def measured(python: Path, env: dict[str, str], script: str, *words: str) -> Any:
    """The JSON on the last line that a process prints; raises Failure."""
    command = [str(python), str(HERE / script), *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if re.match(r"[\w.]*(Error|Exception)\b", line)]
        raise Failure(said[-1] if said else f"exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


class Run:
    """One run; a subject that fails is left out from then on, with its error. Arc is the first of each line-up."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._sizes = QUICK if options.quick else FULL
        self._env = environment(folder)
        self._facts = folder / "facts.json"
        self.results: dict[str, Any] = {
            "python": platform.python_version(),
            "versions": {one: version(one) for one in LIBRARIES},
            **{part: {} for part in ("subjects", "footprints", "memory")},
            **{part: {} for part in ("graphs", "sizes", "graph_memory")},
            **{part: {} for part in ("failed", "calls_raw", "graphs_raw")},
        }

    def _size(self, subject: Subject, name: str) -> int:
        own = self._sizes[name]
        return own if subject.name == "arc" else min(own, PEER.get(name, own))

    def _ask(self, subject: Subject, script: str, *words: str) -> Any:
        """What a process of `subject` measured; None when it failed, and the subject is out."""
        try:
            return measured(subject.python, self._env, script, subject.name, *words)
        except (Failure, subprocess.TimeoutExpired, ValueError) as error:
            say(f"  {subject.name}: {error}")
            self.results["failed"][subject.name] = str(error)
            return None

    def _live(self, subjects: Iterable[Subject]) -> list[Subject]:
        return [one for one in subjects if one.name not in self.results["failed"]]

    def _in_turn(self, raw: str, subjects: Sequence[Subject], ask: Callable[[Subject], Any]) -> dict[str, list[Any]]:
        """What `ask` has of the subjects in turn, several times over, by name; kept as the results' `raw` too."""
        seen: dict[str, list[Any]] = self.results[raw]
        for turn in range(self._sizes["passes"]):
            for subject in self._live(subjects):
                say(f"{raw}, pass {turn + 1}: {subject.name}")
                if (got := ask(subject)) is not None:
                    seen.setdefault(subject.name, []).append(got)
        return {one.name: seen[one.name] for one in self._live(subjects) if one.name in seen}

    def _at_once(self, part: str, subjects: Iterable[Subject], ask: Callable[[Subject], Any]) -> None:
        """What `ask` has of each subject's memory; two processes at a time, as time is not measured."""
        lined_up = self._live(subjects)
        say(part)
        with ThreadPoolExecutor(2) as pool:
            for subject, got in zip(lined_up, pool.map(ask, lined_up), strict=True):
                if got is not None:
                    self.results[part][subject.name] = got["memory"]

    def calls(self, subjects: Sequence[Subject]) -> None:
        """Calls and streams, and what calls leave behind."""
        self._facts.write_text(json.dumps(measured(subjects[0].python, self._env, "worker.py", "arc")))
        words = ("--facts", str(self._facts))

        def ask(subject: Subject) -> Any:
            rounds = str(self._size(subject, "rounds"))
            return self._ask(subject, "worker.py", *words, "--measures", subject.measures, "--rounds", rounds)

        def kept(subject: Subject) -> Any:
            return self._ask(subject, "worker.py", *words, "--memory", str(self._size(subject, "memory")))

        seen = self._in_turn("calls_raw", subjects, ask)
        self.results["subjects"] = {name: figures_of(passes) for name, passes in seen.items()}
        self._at_once("memory", (one for one in subjects if one.measures == CALLS), kept)

    def footprints(self, subjects: Sequence[Subject]) -> None:
        """What switching on costs, the subjects in turn, and OpenTelemetry's own part of it for comparison."""
        say("switching on")
        seen: dict[str, list[dict[str, float]]] = {}
        for turn in range(self._sizes["starts"]):
            own = subjects[0].python
            ways = (Subject("opentelemetry", own), Subject("Arc()", own))
            for subject in (*ways, *self._live(subjects)):
                if subject.measures == CALLS and turn < self._size(subject, "starts"):
                    got = self._ask(subject, "footprint.py")
                    if got is not None:
                        seen.setdefault(subject.name, []).append(got)
        for name, starts in seen.items():
            of = {key: statistics.median(one[key] for one in starts) for key in starts[0]}
            self.results["footprints"][name] = {**of, "ms": min(one["ms"] for one in starts)}

    def graphs(self, subjects: Sequence[Subject]) -> None:
        """Graphs, what they leave behind, and Arc's by size."""
        arc = subjects[0]
        self._facts.write_text(json.dumps(measured(arc.python, self._env, "graph_worker.py", "arc")))
        words = ("--facts", str(self._facts))

        def ask(subject: Subject, measures: str = "spans,graph") -> Any:
            rounds = str(self._size(subject, "rounds"))
            return self._ask(subject, "graph_worker.py", *words, "--measures", measures, "--rounds", rounds)

        def kept(subject: Subject) -> Any:
            return self._ask(subject, "graph_worker.py", *words, "--memory", str(self._size(subject, "graph_memory")))

        seen = self._in_turn("graphs_raw", subjects, ask)
        self.results["graphs"] = {name: graphs_of(passes) for name, passes in seen.items()}
        say("graphs by size")
        if (got := ask(arc, "sizes")) is not None:
            self.results["sizes"] = sizes_of(got["sizes"])
        self._at_once("graph_memory", subjects, kept)

    def parts(self, subjects: Sequence[Subject]) -> None:
        """Arc's fix engine and redaction by themselves, the engine beside that of the Arc before."""
        arc = subjects[0]
        say("parts")
        self.results["parts"] = measured(arc.python, self._env, "parts.py", "--rounds", str(self._sizes["rounds"] // 2))
        say("matching")
        self.results["matching"] = {"arc": measured(arc.python, self._env, "matching.py")}
        for subject in self._live(subjects):
            if subject.name == _PUBLISHED and (got := self._ask(subject, "matching.py", "--published")) is not None:
                self.results["matching"][_PUBLISHED] = got


_PUBLISHED = "arc-runtime-0.1.5"


class LineUp(NamedTuple):
    """Who runs."""

    calls: list[Subject]
    """Those whose calls are measured, Arc first; none where calls are not asked for."""
    graphs: list[Subject]
    """The same for graphs."""
    failed: dict[str, str]
    """Those that can't be installed, with the reason."""


def line_up(options: argparse.Namespace) -> LineUp:
    """Who runs, of what the options ask for; raises SystemExit for a name that there is not."""
    asked = {one for one in options.only.split(",") if one}
    names = {CALLS_PART, GRAPHS_PART, "arc", *PEERS, *GRAPH_PEERS}
    if unknown := asked - names:
        raise SystemExit(f"no part or peer {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
    failed: dict[str, str] = {}

    def chosen(part: str, of_part: Mapping[str, Peer]) -> list[Subject]:
        wanted = asked & of_part.keys()
        if asked - {"arc"} and part not in asked and not wanted:
            return []
        subjects = [Subject("arc", Path(sys.executable))]
        only_some = asked - {CALLS_PART, GRAPHS_PART}
        for name in () if options.no_peers else of_part:
            if only_some and name not in wanted:
                continue
            python, error = build(of_part[name], say)
            if error:
                failed[name] = error
                continue
            subjects.append(Subject(name, python))
            if of_part[name].plain:
                subjects.append(Subject(f"{name}+plain", python, "spans,chat"))
        return subjects

    return LineUp(chosen(CALLS_PART, PEERS), chosen(GRAPHS_PART, GRAPH_PEERS), failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ", ".join((CALLS_PART, GRAPHS_PART, *PEERS, *GRAPH_PEERS))
    parser.add_argument("--no-peers", action="store_true", help="Arc alone, about two minutes")
    parser.add_argument("--only", default="", help=f"parts or peers, comma-separated: {names}; or redaction, by itself")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it runs, not for figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results to FILE")
    parser.add_argument("--strict", action="store_true", help="exit status 1 when a target is missed")
    options = parser.parse_args()
    if options.only == "redaction":
        print("\n".join(redaction.lines(redaction.compare(peers=not options.no_peers))))
        return 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arc-bench-")))
        calls, graphs, failed = line_up(options)
        run = Run(options, folder)
        run.results["failed"].update(failed)
        if calls:
            run.calls(calls)
            run.footprints(calls)
            run.parts(calls)
        if graphs:
            run.graphs(graphs)
    results = run.results
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    print(f"Python {results['python']}, {versions}")
    print("\n".join(lines(results)))
    return 1 if options.strict and not all(one.met for one in targets(results)) else 0


if __name__ == "__main__":
    sys.exit(main())
