"""The peers, each in a virtual environment of its own under .venv/bench, with all versions pinned in pins/.

Run as a program it resolves the pins anew.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PINS = Path(__file__).parent / "pins"
VENVS = Path(sys.prefix) / "bench"
UV = str(Path(sys.executable).with_name("uv"))
SHARED = ("openai==3.52.0", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""What every subject of the calls runs on."""
GRAPHS = ("langgraph==1.2.22", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""What every subject of the graphs runs on."""
_CLIENT = ("openai", "httpx2", "httpcore2", "pydantic", "pydantic-core", "anyio")


class Peer(NamedTuple):
    """One peer: what is installed for it."""

    name: str
    requirements: tuple[str, ...]
    plain: bool = False
    """Whether content can be switched off, which is measured for whole chat calls."""
    overrides: tuple[str, ...] = ()
    """Requirements in place of its own, which would keep it off the client that is measured."""
    own_sdk: bool = False
    """Whether it does not take the version of the SDK that Arc runs on."""
    shared: tuple[str, ...] = SHARED
    """What it runs on."""

    @property
    def pins(self) -> Path:
        """All versions of its environment."""
        return PINS / f"{self.name}.txt"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("openllmetry", ("opentelemetry-instrumentation-openai",), plain=True),
        # It imports httpx, which openai 3 does not bring, and does not run on a newer opentelemetry-util-genai.
        Peer(
            "openai-v2",
            ("opentelemetry-instrumentation-openai-v2", "opentelemetry-util-genai<1.2b0", "httpx==0.28.1"),
            plain=True,
        ),
        Peer("genai-openai", ("opentelemetry-instrumentation-genai-openai",), plain=True),
        Peer("openinference", ("openinference-instrumentation-openai",), plain=True),
        # It asks for openai below 3, though it runs on it; its instrumentors pin an SDK of their own.
        Peer("openlit", ("openlit==1.45.0",), plain=True, overrides=("openai==3.52.0",), own_sdk=True),
        Peer("logfire", ("logfire",)),
        Peer("langfuse", ("langfuse",)),
        Peer("ddtrace", ("ddtrace",)),
        # Its extra lacks the exporter, without which its OpenTelemetry part stays off.
        Peer("arc-runtime-0.1.5", ("arc-runtime[telemetry]==0.1.5", "opentelemetry-exporter-otlp-proto-grpc")),
    )
}

GRAPH_PEERS = {
    peer.name: peer
    for peer in (
        Peer("openinference-langchain", ("openinference-instrumentation-langchain",), plain=True, shared=GRAPHS),
        Peer("openllmetry-langchain", ("opentelemetry-instrumentation-langchain",), plain=True, shared=GRAPHS),
        Peer(
            "genai-langchain", ("opentelemetry-instrumentation-genai-langchain", "langchain"), plain=True, shared=GRAPHS
        ),
        Peer("langsmith", ("langsmith",), plain=True, shared=GRAPHS),
        Peer("langfuse-langchain", ("langfuse", "langchain"), shared=GRAPHS),
    )
}


def build(peer: Peer, say: Callable[[str], None]) -> tuple[Path, str]:
    """The interpreter of the peer's environment, made if it is not there, and why it could not be made."""
    folder = VENVS / peer.name
    python, mark = folder / "bin" / "python", folder / "installed"
    wanted = peer.pins.read_text()
    if mark.exists() and mark.read_text() == wanted:
        return python, ""
    say(f"installing {peer.name}")
    error = _run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
    # The pins are the whole of it: what contradicts them in the peers' own metadata was overridden on purpose.
    error = error or _run([UV, "pip", "install", "--quiet", "--python", str(python), "--no-deps", "-r", str(peer.pins)])
    if not error:
        mark.write_text(wanted)
    return python, error


def resolve(peer: Peer) -> str:
    """Write the peer's pins anew, near to Arc's own versions; why that could not be done."""
    ours = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    near = [line for line in ours if not peer.own_sdk or line.partition("==")[0] in _CLIENT]
    with tempfile.TemporaryDirectory() as folder:
        files = {"in": [*peer.shared, *peer.requirements], "near": near, "overrides": peer.overrides}
        for name, lines in files.items():
            (Path(folder) / name).write_text("\n".join(line for line in lines if not line.startswith("uv")))
        command = [UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--prerelease", "allow"]
        options = ["-c", f"{folder}/near", "--overrides", f"{folder}/overrides", "-o", str(peer.pins), f"{folder}/in"]
        return _run([*command, *options])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else " ".join(said[-3:]) or f"exit status {done.returncode}"


if __name__ == "__main__":
    for one in (*PEERS.values(), *GRAPH_PEERS.values()):
        if problem := resolve(one):
            print(f"{one.name}: {problem}")
