"""Findings of a text, sorted out: apart from each other, the same value everywhere, nothing left that shows later."""

from collections.abc import Sequence
from functools import cache, lru_cache
from types import ModuleType
from typing import Final

from arc_runtime.redaction._finding import Finding

__all__ = ["SHORT", "apart", "find", "find_short", "replaced"]

SHORT: Final = 96
"""Longest text whose findings are remembered."""
_ROUNDS: Final = 6
_MOST_REPEATED: Final = 32
_SHORTEST_REPEATED: Final = 6


def find(text: str) -> list[Finding]:
    """What in `text` must not leave the process, in order and without overlaps."""
    if len(text) <= SHORT:
        return list(find_short(text))
    return search(text)


def replaced(text: str, findings: Sequence[Finding]) -> str:
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
    return tuple(search(text))


def search(text: str, engine: str = "") -> list[Finding]:
    """The same with one of the engines that `_scanners` names."""
    found = apart(_detector().detect(text, engine))
    if not found:
        return found
    found = _everywhere(text, found)
    for _ in range(_ROUNDS):
        # A value can stand out only when its neighbour is gone.
        later = _second_look(text, found, engine)
        if not later:
            break
        found = apart([*found, *later])
    return found


@cache
def _detector() -> ModuleType:
    """The rules; compiling them takes some milliseconds, so a program that records nothing never does."""
    from arc_runtime.redaction import _detector as detector

    return detector


def apart(found: list[Finding]) -> list[Finding]:
    """`found` in order, with one finding for those that overlap."""
    found.sort(key=lambda finding: (finding.start, -finding.end))
    kept: list[Finding] = []
    for finding in found:
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
            continue
        last = kept[-1]
        # Two rules saw overlapping parts of one value: take away all of it, under the name of the longer.
        better = finding if _weight(finding) > _weight(last) else last
        kept[-1] = better._replace(start=last.start, end=max(last.end, finding.end))
    return kept


def _weight(finding: Finding) -> tuple[bool, int]:
    return finding.type == "SECRET" and finding.rule != "named-secret", finding.end - finding.start


def _everywhere(text: str, found: list[Finding]) -> list[Finding]:
    """`found` and the places where the same values stand again, without the words that gave them away."""
    values = {text[finding.start : finding.end]: finding for finding in found}
    more: list[Finding] = []
    for value, finding in list(values.items())[:_MOST_REPEATED]:
        if len(value) < _SHORTEST_REPEATED:
            continue
        at = text.find(value)
        while at >= 0:
            end = at + len(value)
            if not (
                _joins(text[at - 1 : at], value[0], text[at - 2 : at - 1]) or _joins(text[end : end + 1], value[-1], "")
            ):
                more.append(finding._replace(start=at, end=end))
            at = text.find(value, end)
    return apart([*found, *more]) if len(more) > len(found) or len(values) < len(found) else found


def _joins(outside: str, inside: str, before: str) -> bool:
    return outside.isalnum() and inside.isalnum() and not (before == "\\" and outside in "nrt")


def _second_look(text: str, found: list[Finding], engine: str) -> list[Finding]:
    clean = replaced(text, found)
    marks: list[tuple[int, int]] = []
    shift = 0
    for finding in found:
        start = finding.start + shift
        size = len(finding.type) + 2
        marks.append((start, start + size))
        shift += size - (finding.end - finding.start)
    later: list[Finding] = []
    for finding in _detector().detect(clean, engine):
        inside = any(start <= finding.start and finding.end <= end for start, end in marks)
        if not inside:
            later.append(
                finding._replace(start=_back(finding.start, marks, found, 0), end=_back(finding.end, marks, found, 1))
            )
    return later


def _back(index: int, marks: list[tuple[int, int]], found: list[Finding], edge: int) -> int:
    """Where `index` of the replaced text is in the original; inside a mark, the edge of what it stands for."""
    shift = 0
    for (start, end), finding in zip(marks, found, strict=True):
        if index <= start:
            break
        if index < end:
            return finding.end if edge else finding.start
        shift = finding.end - end
    return index + shift
