"""Gates first, rules behind them: text without an anchor costs a few substring searches."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from types import ModuleType
from typing import Final

from arc_runtime.redaction._finding import Finding

__all__ = ["Finding", "find", "redact"]

SHORT: Final = 96
"""Longest text whose findings are remembered."""
_NUMBER: Final = re.compile(r"\d[\d .()/%\u00a0\u2010-\u2013-]{5,}\d", re.ASCII)
_UUID: Final = re.compile(r"[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}", re.ASCII | re.IGNORECASE)
_UUID_LENGTH: Final = 36
_WITH_UNDERSCORE: Final = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "arc_")


def find(text: str) -> list[Finding]:
    """What in `text` must not leave the process, in order and without overlaps."""
    if len(text) <= SHORT:
        return list(find_short(text))
    return _find(text)


def redact(text: str) -> str:
    """`text` with each finding replaced by its type, e.g. `<EMAIL>`; the same object when there is none."""
    findings = find(text)
    return replaced(text, findings) if findings else text


def replaced(text: str, findings: list[Finding]) -> str:
    """`text` with each of `findings` (in order, without overlaps) replaced by its type."""
    pieces: list[str] = []
    at = 0
    for finding in findings:
        pieces += text[at : finding.start], f"<{finding.type}>"
        at = finding.end
    return "".join((*pieces, text[at:]))


@lru_cache(maxsize=2048)
def find_short(text: str) -> tuple[Finding, ...]:
    """The same for text of at most SHORT characters, which repeats: model names, agents, services."""
    return () if len(text) == _UUID_LENGTH and _UUID.fullmatch(text) else tuple(_find(text))


def _find(text: str) -> list[Finding]:
    found = sorted(_candidates(text), key=lambda finding: (finding.start, -finding.end))
    if len(found) < 2:  # noqa: PLR2004 - nothing can overlap
        return found
    kept: list[Finding] = []
    for finding in found:
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
        elif finding.end > kept[-1].end:
            # Two rules saw overlapping parts of one value: take away all of it.
            kept[-1] = kept[-1]._replace(end=finding.end)
    return kept


@cache
def _rules() -> ModuleType:
    """The rules; compiling them takes ten milliseconds, so a program without a suspicious text never does."""
    from arc_runtime.redaction import _rules as rules

    return rules


def _candidates(text: str) -> Iterator[Finding]:
    if _may_hold_an_at(text):
        yield from _rules().emails(text)
    lowered = text.lower()
    if _NUMBER.search(text):
        yield from _numbers(text, lowered)
    if _may_hold_a_key(text):
        yield from _rules().secrets(text)
    if "bearer" in lowered:
        yield from _rules().bearer_tokens(text)
    if "aws" in lowered or "secret" in lowered:
        yield from _rules().aws_secret_keys(text)


# Searches for one character run at memory speed, for a word at a tenth of it; an alternation of words takes fifty times
# as long as one word.


def _may_hold_an_at(text: str) -> bool:
    return "@" in text or ("%" in text and "%40" in text) or ("\\" in text and "\\u0040" in text) or "\uff20" in text


def _may_hold_a_key(text: str) -> bool:
    """Whether one of the prefixes of the rule for secrets is there: AKIA, ASIA and ABIA end alike."""
    return (
        "sk-" in text
        or "IA" in text
        or "ACCA" in text
        or ("_" in text and any(map(text.__contains__, _WITH_UNDERSCORE)))
    )


def _numbers(text: str, lowered: str) -> Iterator[Finding]:
    yield from _rules().cards(text)
    yield from _rules().social_security_numbers(text)
    if "ssn" in lowered or "social" in lowered:
        yield from _rules().named_social_security_numbers(text)
    if "+" in text or "%2b" in lowered or "\\u002b" in lowered:
        yield from _rules().phones(text)
    if "00" in text:
        yield from _rules().phones_behind_00(text)
