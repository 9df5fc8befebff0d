import os
import subprocess
import sys
from pathlib import Path

import pytest

# The modules of this folder are imported by name: tests are collected with import mode importlib.
sys.path.insert(0, str(Path(__file__).parent))

from hops import CONFIGS, GATEWAY


@pytest.fixture(scope="session")
def quick_gateway(tmp_path_factory):
    """The gateway with the rules of a policy that redacts nothing, for tests of something else.

    With those of the standard one each start costs six seconds of CPU. At full size it has them.
    """
    if "ARC_TEST_SPANS" in os.environ:
        return GATEWAY
    folder = tmp_path_factory.mktemp("rules")
    policy, rules = folder / "policy.yaml", folder / "redaction.yaml"
    policy.write_text("level: off\n")
    arc = Path(sys.executable).with_name("arc")
    with rules.open("wb") as file:
        subprocess.run([arc, "redact", "--export", "collector", "--policy", policy], stdout=file, check=True)
    return rules, CONFIGS / "gateway.yaml"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB, where this user may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
