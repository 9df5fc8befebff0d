"""Gates first, rules behind them: text without an anchor costs a few substring searches."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from arc_runtime.redaction import _rules
from arc_runtime.redaction._rules import Finding

__all__ = ["Finding", "find", "redact"]

_SHORT: Final = 96
_NUMBER: Final = re.compile(r"\d[\d .()/%\u00a0\u2011-]{5,}\d", re.ASCII)
_SECRET: Final = re.compile(r"sk-|A(?:KI|SI|BI|CC)A|gh[pousr]_|github_pat_|arc_(?:live|test)_")
_WORDS: Final = re.compile(r"bearer|aws", re.IGNORECASE)


def find(text: str) -> list[Finding]:
    """What in `text` must not leave the process, in order and without overlaps."""
    if len(text) <= _SHORT:
        return list(_find_short(text))
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
def _find_short(text: str) -> tuple[Finding, ...]:
    """The same for short text, which repeats: model names, agents, services."""
    return tuple(_find(text))


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


def _candidates(text: str) -> Iterator[Finding]:
    if "@" in text or "%40" in text or "\\u0040" in text:
        yield from _rules.emails(text)
    if _NUMBER.search(text):
        yield from _rules.cards(text)
        yield from _rules.social_security_numbers(text)
        yield from _rules.phones(text)
    if _SECRET.search(text):
        yield from _rules.secrets(text)
    words = {match.group().lower() for match in _WORDS.finditer(text)}
    if "bearer" in words:
        yield from _rules.bearer_tokens(text)
    if "aws" in words:
        yield from _rules.aws_secret_keys(text)
