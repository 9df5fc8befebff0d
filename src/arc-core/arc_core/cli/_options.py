"""Options that several commands have, and the file that gives options their defaults."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from arc_core.errors import UsageError
from arc_core.settings import default_data

_NOT_IN_FILES: Final = ("config", "stop", "as_json", "end_with_stdin")


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of all options from the TOML file at `path`; options and variables go before it."""
    if path is None or context.resilient_parsing:
        return path
    try:
        told = _told(path, [str(option.name) for option in context.command.params])
    except UsageError as error:
        typer.echo(f"arc core: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    context.default_map = _for_all(context.command, told)
    return path


def _told(path: Path, options: list[str]) -> dict[str, Any]:
    """What the file at `path` says by name; raise UsageError when it cannot be read, or names no option."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--config {path} cannot be read: {error}") from error
    told = {name.replace("-", "_"): value for name, value in found.items()}
    known = sorted(set(options) - set(_NOT_IN_FILES))
    for name in told:
        if name not in known:
            raise UsageError(f"{path}: there is no setting {name!r}; there are {', '.join(known)}")
    return told


def _for_all(command: Any, told: dict[str, Any]) -> dict[str, Any]:
    """`told` for this command, and for those below it: one knows nothing of what does not concern it."""
    names = {str(option.name) for option in command.params}
    own = {name: value for name, value in told.items() if name in names}
    below = getattr(command, "commands", {})  # of a group
    return own | {name: _for_all(one, told) for name, one in below.items()}


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="ARC_CORE_CONFIG",
        is_eager=True,
        callback=read_config,
        help="TOML with any of these options by name.",
    ),
]

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="ARC_CORE_DATA",
        help="Folder of the database.",
        show_default="~/.local/share/arc",
    ),
]

RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="URL",
        envvar="ARC_CORE_REGISTRY",
        help="Database of tenants and keys: postgresql://... or sqlite:///PATH.",
        show_default="a file in the data folder",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def data_folder(data: Path | None) -> Path:
    """`data`, else the usual folder; raise UsageError when there is no home to have it in."""
    if data is not None:
        return data.expanduser().absolute()
    try:
        return default_data(os.environ, Path.home())
    except RuntimeError:
        raise UsageError("there is no home to keep the data in: name a folder with --data, or set HOME") from None
