"""`arc bootstrap`: the plugins that match what is installed."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer

from arc_runtime.cli._errors import UsageError
from arc_runtime.cli._plugins import PLUGINS
from arc_runtime.cli._shown import as_json

__all__ = ["EPILOG", "Step", "bootstrap", "steps"]

EPILOG: Final = """\b
Examples:
  arc bootstrap --dry-run      what it would install, and nothing else
  arc bootstrap                ask, then install
  arc bootstrap --yes          for scripts and images

Nothing that is installed is changed: a plugin that needs another version of something is not installed. Where plugins
come from is pip's and uv's own to configure (PIP_INDEX_URL, PIP_FIND_LINKS, UV_INDEX_URL, UV_FIND_LINKS).

Exit status: 0 done, or nothing to do; 1 the installer failed; 2 it would have to ask, and stdin is no terminal."""

_RELEASE: Final = ">=1.0,<2"
"""Before 1.0 the names were others' on the package index."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about one plugin."""

    plugin: str
    library: str
    """The library that is installed, with its version; the name alone where it is not."""
    state: Literal["missing", "installed", "too old", "no library"]
    """`missing` is installed by this command; `too old` is the library."""
    needs: str
    """Which versions of the library the plugin is for."""


def steps(installed: Mapping[str, str]) -> Iterator[Step]:
    """What is to be done, plugin by plugin; `installed` are versions by canonical name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for plugin, libraries in PLUGINS.items():
        for needs in map(Requirement, libraries):
            found = installed.get(canonicalize_name(needs.name))
            if found is None:
                state: Literal["missing", "installed", "too old", "no library"] = "no library"
            elif not needs.specifier.contains(found, prereleases=True):
                state = "too old"
            else:
                state = "installed" if plugin in installed else "missing"
            shown = f"{needs.name} {found}" if found is not None else needs.name
            yield Step(plugin=plugin, library=shown, state=state, needs=str(needs))


def bootstrap(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be installed; install nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Install without asking.")] = False,
    as_json_lines: Annotated[bool, typer.Option("--json", help="Print one JSON line a plugin.")] = False,
) -> None:
    """Install the plugins of Arc that match the libraries installed here."""
    from importlib.metadata import distributions

    from packaging.utils import canonicalize_name

    installed = {str(canonicalize_name(dist.name)): dist.version for dist in distributions() if dist.name}
    plan = list(steps(installed))
    for step in plan:
        sys.stdout.write((as_json(step) if as_json_lines else _line(step)) + "\n")
    sys.stdout.flush()
    wanted = [f"{step.plugin}{_RELEASE}" for step in plan if step.state == "missing"]
    if not wanted or dry_run:
        return
    command = _installer()
    if not yes:
        _ask(command, wanted)
    # Each package that is there stays as it is: what does not fit beside them is refused.
    with tempfile.TemporaryDirectory(prefix="arc-bootstrap-") as folder:
        kept = Path(folder, "installed.txt")
        kept.write_text("".join(f"{name}=={found}\n" for name, found in sorted(installed.items())))
        done = subprocess.run([*command, "--constraint", str(kept), *wanted], stdout=sys.stderr, check=False)
    if done.returncode:
        sys.stderr.write("arc: nothing was installed; the lines above say why\n")
        raise typer.Exit(1)
    for name in sorted(step.plugin for step in plan if step.state == "missing"):
        sys.stderr.write(f"arc: installed {name} {_version(name)}\n")


def _line(step: Step) -> str:
    told = {
        "missing": f"to be installed, for {step.library}",
        "installed": f"installed, for {step.library}",
        "too old": f"left out: it needs {step.needs}, and there is {step.library}",
        "no library": f"left out: {step.library} is not installed",
    }
    return f"{step.plugin}: {told[step.state]}"


def _installer() -> list[str]:
    """The command that installs into this very environment; UsageError when there is none."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise UsageError(f"neither pip nor uv is there to install into {sys.prefix}: python -m ensurepip, or install uv")


def _ask(command: list[str], wanted: list[str]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("stdin is no terminal to be asked on: pass --yes to install, or --dry-run to only look")
    sys.stderr.write(f"{' '.join([*command, *wanted])}\n")
    typer.confirm("Install?", abort=True, err=True)


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "elsewhere"
