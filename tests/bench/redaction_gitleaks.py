"""gitleaks itself, on the texts of the bench: built from its Go module, run over a folder with a file for each text.

It reads files, so each measure is one process; its time is the CPU time of that process. With Go on the path only.
"""

import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redaction_worker import SIZES, percent, rows

__all__ = ["build", "measured"]

Found = dict[int, list[str]]
"""By the index of a text, what of it is a secret."""
_MOST_MB = 2


def build(pin: Path, folder: Path) -> tuple[Path, str | None]:
    """Where the program of the version in `pin` is, and why it could not be built."""
    program = folder / "gitleaks"
    go = shutil.which("go")
    if program.exists() or go is None:
        return program, None if program.exists() else "it is built with Go, which is not on the path"
    env = {**os.environ, "GOBIN": str(folder), "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [go, "install", pin.read_text().strip()], check=False, capture_output=True, text=True, env=env
    )
    return program, (done.stderr.strip().splitlines() or ["no word"])[-1] if done.returncode else None


def measured(program: Path, data: Path) -> dict[str, Any]:
    """The figures of `redaction_worker`, as far as gitleaks, which finds secrets only, has them."""
    texts, wanted = [], []
    for row in rows(data, "vectors") + rows(data, "telemetry"):
        if row["expect"] == "match" and row["group"] == "secret" and row["tier"] != "weak":
            texts.append(row["text"])
            wanted.append(row["spans"])
    found, _ = _run(program, texts)
    hits = [
        any(_covers(text, secret, span) for secret in found.get(index, ()))
        for index, (text, spans) in enumerate(zip(texts, wanted, strict=True))
        for span in spans
    ]
    clean = [row["text"] for row in rows(data, "clean")]
    wrongly, _ = _run(program, clean)
    figures = {
        "secrets": percent(sum(hits), len(hits)),
        "flagged": percent(len(wrongly), len(clean)),
        "per_mb": sum(map(len, wrongly.values())) / sum(map(len, clean)) * 1e6,
    }
    joined = "".join(text for text in clean if len(text) > 500)
    _, idle = _run(program, ["nothing"])
    for name, size in SIZES.items():
        parts = [joined[at : at + size] for at in range(0, len(joined) - size, size)]
        seconds = min(_run(program, parts)[1] for _ in range(3)) - idle
        figures[f"mb_s_{name}"] = size * len(parts) / seconds / 1e6
    return figures


def _covers(text: str, secret: str, span: dict[str, int]) -> bool:
    at = text.find(secret)
    while at >= 0:
        if at <= span["start"] and at + len(secret) >= span["end"]:
            return True
        at = text.find(secret, at + 1)
    return False


def _run(program: Path, texts: Sequence[str]) -> tuple[Found, float]:
    """What it finds in `texts`, and the CPU seconds it took, on one core."""
    with tempfile.TemporaryDirectory() as folder:
        for index, text in enumerate(texts):
            (Path(folder) / f"{index}.txt").write_bytes(text.encode("utf-8", "replace"))
        report = Path(folder).with_suffix(".json")
        command = [
            program, "dir", folder, "--no-banner", "--exit-code", "0", "--report-format", "json", "--report-path", report,
            "--max-target-megabytes", str(_MOST_MB), "--log-level", "error",
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "GOMAXPROCS": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found: Found = {}
        for one in json.loads(report.read_text()):
            found.setdefault(int(Path(one["File"]).stem), []).append(one["Secret"])
        report.unlink()
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
