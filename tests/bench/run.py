"""What Arc costs, beside bare calls, a span written by hand, and its peers, in one run.

Machines are shared and noisy: absolute times mislead. Each subject has processes of its own, which take turns. In each
of them bare calls, hand-written spans and the subject take turns too; a figure is the tenth percentile of its rounds,
held against the hand-written span of the same process, and the median over the processes of that subject.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from figures import figures_of, targets
from peers import PEERS, build
from table import lines

HERE = Path(__file__).parent
CALLS = "spans,chat,async,responses,stream,astream,threads"
FULL = {"rounds": 120, "passes": 2, "memory": 20_000, "starts": 7}
QUICK = {"rounds": 20, "passes": 1, "memory": 2_000, "starts": 3}
PEER = {"rounds": 60, "memory": 4_000, "starts": 3}


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
    """One run over `subjects`, of which those that fail are left out with their error."""

    def __init__(self, subjects: Sequence[Subject], options: argparse.Namespace, folder: Path) -> None:
        self._subjects = list(subjects)
        self._sizes = QUICK if options.quick else FULL
        self._quick = options.quick
        self._env = environment(folder)
        self._facts = folder / "facts.json"
        self.results: dict[str, Any] = {"subjects": {}, "footprints": {}, "memory": {}, "failed": {}, "raw": {}}

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

    def _live(self) -> Iterator[Subject]:
        return (one for one in self._subjects if one.name not in self.results["failed"])

    def calls(self, arc: Subject) -> None:
        """Calls and streams, the subjects in turn, several times over."""
        self._facts.write_text(json.dumps(measured(arc.python, self._env, "worker.py", "arc")))
        raw = self.results["raw"]
        for turn in range(self._sizes["passes"]):
            for subject in self._live():
                say(f"calls, pass {turn + 1}: {subject.name}")
                words = ("--facts", str(self._facts), "--measures", subject.measures)
                got = self._ask(subject, "worker.py", *words, "--rounds", str(self._size(subject, "rounds")))
                if got is not None:
                    raw.setdefault(subject.name, []).append(got)
        first = raw["arc"][0]
        self.results["python"], self.results["versions"] = first["python"], first["versions"]
        self.results["subjects"] = {
            subject.name: figures_of(raw[subject.name]) for subject in self._live() if subject.name in raw
        }

    def footprints(self, arc: Subject) -> None:
        """What switching on costs, the subjects in turn, and OpenTelemetry's own part of it for comparison."""
        say("switching on")
        seen: dict[str, list[dict[str, float]]] = {}
        for turn in range(self._sizes["starts"]):
            for subject in (Subject("opentelemetry", arc.python), *self._live()):
                if subject.measures == CALLS and turn < self._size(subject, "starts"):
                    got = self._ask(subject, "footprint.py")
                    if got is not None:
                        seen.setdefault(subject.name, []).append(got)
        for name, starts in seen.items():
            of = {key: statistics.median(one[key] for one in starts) for key in starts[0]}
            self.results["footprints"][name] = {**of, "ms": min(one["ms"] for one in starts)}

    def memory(self) -> None:
        """What calls leave behind; two processes at a time, as time is not measured."""
        say("memory")

        def ask(subject: Subject) -> Any:
            calls = str(self._size(subject, "memory"))
            return self._ask(subject, "worker.py", "--facts", str(self._facts), "--memory", calls)

        lined_up = [one for one in self._live() if one.measures == CALLS]
        with ThreadPoolExecutor(2) as pool:
            for subject, got in zip(lined_up, pool.map(ask, lined_up), strict=True):
                if got is not None:
                    self.results["memory"][subject.name] = got["memory"]

    def parts(self, arc: Subject) -> None:
        """Arc's fix engine and redaction by themselves."""
        say("parts")
        self.results["parts"] = measured(arc.python, self._env, "parts.py", "--rounds", str(self._sizes["rounds"] // 2))
        say("matching")
        self.results["matching"] = {"arc": measured(arc.python, self._env, "matching.py")}
        for subject in self._live():
            if subject.name == _PUBLISHED and (got := self._ask(subject, "matching.py", "--published")) is not None:
                self.results["matching"][_PUBLISHED] = got


_PUBLISHED = "arc-runtime-0.1.5"


def line_up(options: argparse.Namespace) -> tuple[list[Subject], dict[str, str]]:
    """The subjects that can run, and those that can't be installed, with the reason."""
    arc = Subject("arc", Path(sys.executable))
    if options.no_peers:
        return [arc], {}
    wanted = {one for one in options.only.split(",") if one} or set(PEERS)
    unknown = wanted - set(PEERS) - {"arc"}
    if unknown:
        raise SystemExit(f"no peer {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    subjects, failed = [arc], {}
    for name, peer in PEERS.items():
        if name not in wanted:
            continue
        python, error = build(peer, say)
        if error:
            failed[name] = error
            continue
        subjects.append(Subject(name, python))
        if peer.plain:
            subjects.append(Subject(f"{name}+plain", python, "spans,chat"))
    return subjects, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-peers", action="store_true", help="Arc alone, about two minutes")
    parser.add_argument("--only", default="", help=f"peers beside Arc, comma-separated: {', '.join(PEERS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it runs, not for figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results to FILE")
    parser.add_argument("--strict", action="store_true", help="exit status 1 when a target is missed")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arc-bench-")))
        subjects, failed = line_up(options)
        run = Run(subjects, options, folder)
        run.results["failed"].update(failed)
        run.calls(subjects[0])
        run.footprints(subjects[0])
        run.memory()
        run.parts(subjects[0])
    results = run.results
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    print(f"Python {results['python']}, {versions}")
    print("\n".join(lines(results)))
    return 1 if options.strict and not all(one.met for one in targets(results)) else 0


if __name__ == "__main__":
    sys.exit(main())
