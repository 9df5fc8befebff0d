"""What the tests of docker/ ask its files, and what is started as these say."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
COLLECTOR = ROOT / "collector-config"
TOOLS = ROOT / ".venv" / "tools"


def check(kind, *files, env=None):
    """What the check of docker/check has read; it is wrong if that says so."""
    done = subprocess.run(
        [TOOLS / "check", kind, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | (env or {}),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def dockerfiles():
    """The stages of each Dockerfile, by the name of its image."""
    files = sorted(DOCKER.glob("*.Dockerfile"))
    read = check("dockerfile", *files)
    return {file.name.removesuffix(".Dockerfile"): read[str(file)] for file in files}


def last(image, name):
    """The instruction `name` of the image's own stage that is in force."""
    return [one for one in image[-1]["Instructions"] if one["Name"] == name][-1]


def get(port, path):
    """The status that GET `path` is answered with on `port`; None when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return None


def body(port, path):
    """The text that GET `path` is answered with on `port`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return response.read().decode()
