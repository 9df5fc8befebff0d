"""What the commands on the registry share: opening it, who did it, how things are shown."""

import getpass
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from arc_core.cli._options import data_folder
from arc_core.errors import ArcCoreError, StartError
from arc_core.settings import REGISTRY_FILE, sqlite_url

if TYPE_CHECKING:
    from arc_core.registry import Registry


_LAST_S: Final = 253_402_300_799.0
"""The end of the year 9999, the last that Python knows."""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@contextmanager
def registry_for_command(data: Path | None, url: str | None) -> Iterator["Registry"]:
    """The registry that the options name, made when it is missing; what goes wrong is one line on stderr."""
    from arc_core.registry import open_registry

    os.umask(0o077)
    try:
        if url is None:
            folder = data_folder(data)
            _make(folder)
            url = sqlite_url(folder / REGISTRY_FILE)
        with open_registry(url, now_ms) as registry:
            yield registry
    except ArcCoreError as error:
        typer.echo(f"arc core: {error}", err=True)
        raise typer.Exit(error.exit_code) from None


def actor() -> str:
    """Who this is in the audit log."""
    try:
        return f"cli {getpass.getuser()}"
    except (OSError, KeyError):  # a user without a name, as in some containers
        return f"cli {os.getuid()}"


def moment(at_ms: int | None) -> str:
    """`2026-11-21 09:30` in UTC, or `-`; at most the end of the year 9999."""
    return "-" if at_ms is None else f"{datetime.fromtimestamp(min(at_ms / 1000, _LAST_S), UTC):%Y-%m-%d %H:%M}"


def columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in text, in which nothing of what others wrote can move a terminal's cursor."""
    lines = [head, *(tuple(map(_printable, row)) for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(head))]
    padded = (zip(line, widths, strict=True) for line in lines)
    return "\n".join("  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in padded)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"the data folder {folder} cannot be written: {error.strerror}; name another with --data"
        ) from None
