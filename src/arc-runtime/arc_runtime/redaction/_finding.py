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
    """EMAIL, PHONE, CARD, US_SSN or SECRET."""
    rule: str
    """What found it, e.g. `github-token`."""
