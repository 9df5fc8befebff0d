"""Where a running Arc Core is reached."""

from pathlib import Path

import msgspec


class Endpoints(msgspec.Struct, frozen=True):
    """The addresses that it listens on, and its data."""

    http: str
    """A URL, without a path."""
    grpc: str
    """`HOST:PORT`."""
    data: Path
