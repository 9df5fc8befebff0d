"""What is in a backup: a tar, gzipped, with a header first and a manifest last."""

from typing import Final

import msgspec

FORMAT: Final = 1
HEADER: Final = "header.json"
REGISTRY: Final = "registry.db"
MANIFEST: Final = "manifest.json"
SUFFIX: Final = ".native"


class Header(msgspec.Struct, frozen=True):
    """What the archive is of."""

    format: int
    version: str
    """Of the arc-core that made it."""
    created_ms: int
    columns: dict[str, list[str]]
    """The columns of each table, in the order of its pieces."""


class Entry(msgspec.Struct, frozen=True):
    """One piece."""

    name: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """Everything that came before it."""

    entries: list[Entry]
