"""What one check of `arc doctor` found."""

from typing import Literal

import msgspec

__all__ = ["Check", "failed", "passed", "warned"]


class Check(msgspec.Struct, frozen=True):
    """One finding."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""


def passed(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name, "ok", detail)


def warned(name: str, detail: str, advice: str) -> Check:
    """It works, but not as it should."""
    return Check(name, "warning", detail, advice)


def failed(name: str, detail: str, advice: str) -> Check:
    """It does not work."""
    return Check(name, "problem", detail, advice)
