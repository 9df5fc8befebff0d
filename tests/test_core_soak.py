"""The soak of Arc Core, at a size for every day; `make soak` runs it at full size."""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parent / "soak" / "core.py"


@pytest.mark.parametrize("part", ["kills", "day", "overload"])
def test_every_claim_of_the_soak_holds_at_a_small_size(part):
    command = [sys.executable, SOAK, "--only", part, "--share", "0.01"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "every claim holds" in done.stdout
