"""Redaction beside its peers: what is found, what is found wrongly, how fast; ratios in one run.

    python tests/bench/run.py --only redaction        # or this file by itself; --no-peers leaves the peers out

Each subject is a process of its own (`redaction_worker.py`), the peers in virtual environments of their own with the
versions in pins/; gitleaks is its own program, built where there is Go. Text is that of the evaluation data beside the
clone (../shared/data/pii). Times are CPU times, the best of several passes: the machine may be shared.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redaction_gitleaks

HERE = Path(__file__).parent
DATA = HERE.parents[1].parent / "shared/data/pii"
VENVS = Path(sys.prefix) / "bench"
UV = str(Path(sys.executable).with_name("uv"))
PEERS = {"presidio": "presidio-analyzer", "scrubadub": "scrubadub", "datafog": "datafog"}
ARC = {"arc": "", "arc without ahocorasick-rs and google-re2": "plain"}


def say(line: str) -> None:
    """One line on stderr: how far the run is."""
    sys.stderr.write(f"{line}\n")


def build(name: str) -> tuple[Path, str | None]:
    """The interpreter that `name` is installed for, and why it could not be."""
    python = VENVS / f"redaction-{name}" / "bin/python"
    pins = HERE / "pins" / f"redaction-{name}.txt"
    if not python.exists():
        say(f"installing {name}")
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, python.parents[1]], check=True)
    wanted = ["-r", str(pins)] if pins.exists() else [PEERS[name]]
    done = subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, *wanted], check=False, capture_output=True, text=True
    )
    return python, done.stderr.strip().splitlines()[-1] if done.returncode else None


def measured(python: Path, *words: str) -> dict[str, Any]:
    """What the worker says of one subject."""
    done = subprocess.run([python, HERE / "redaction_worker.py", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


ROWS = (
    ("recall", "recall of values without secrets, %"),
    ("national_ids", "of them national ids, %"),
    ("secrets", "recall of secrets, %"),
    ("documents", "recall in documents, %"),
    ("precision", "precision in documents, %"),
    ("flagged", "clean texts flagged, %"),
    ("per_mb", "findings a MB of clean text"),
    ("mb_s_1k", "MB/s, texts of 1 KB"),
    ("mb_s_10k", "MB/s, texts of 10 KB"),
    ("mb_s_100k", "MB/s, texts of 100 KB"),
    ("us_1k", "microseconds, median of 1 KB"),
    ("ms_100k", "milliseconds, 100 KB"),
    ("import_ms", "import and first text, ms"),
    ("memory_mb", "memory, MB"),
)


def lines(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The table: a line a measure, a column a subject, in brackets how many times Arc's figure is of it."""
    yield "| | " + " | ".join(results) + " |"
    yield "| --- |" + " --- |" * len(results)
    for key, title in ROWS:
        cells = []
        for name, result in results.items():
            value, arc = result.get(key), results["arc"].get(key)
            ratio = f" ({arc / value:,.1f}x)" if name not in ARC and value and arc and "mb_s" in key else ""
            cells.append("-" if value is None else f"{value:,.4g}{ratio}")
        yield f"| {title} | " + " | ".join(cells) + " |"
    for name, result in results.items():
        if "failed" in result:
            yield f"{name}: {result['failed']}"


def compare(*, peers: bool = True) -> dict[str, dict[str, Any]]:
    """The results of all subjects by name."""
    results = {}
    for name, engine in ARC.items():
        say(name)
        results[name] = measured(Path(sys.executable), "arc", str(DATA), engine)
    for name in PEERS if peers else ():
        python, error = build(name)
        say(name)
        results[name] = {"failed": error} if error else measured(python, name, str(DATA), "")
    if peers:
        say("gitleaks")
        program, error = redaction_gitleaks.build(HERE / "pins/redaction-gitleaks.txt", VENVS)
        results["gitleaks"] = {"failed": error} if error else redaction_gitleaks.measured(program, DATA)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-peers", action="store_true", help="Arc alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results to FILE")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the evaluation data are not at {DATA}")
    results = compare(peers=not options.no_peers)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print("\n".join(lines(results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
