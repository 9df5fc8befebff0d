"""What a rule finds."""

from typing import NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One value that must not leave the process."""

    start: int
    """Index of its first code point."""
    end: int
    """Index after its last code point."""
    type: str
    """What it is, as its placeholder says: EMAIL, CARD, SECRET, FR_NIR, ..."""
    rule: str
    """What found it, e.g. `github-token`."""
