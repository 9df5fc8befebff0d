"""The searches that read all of a text: for known words, and for runs of digits. All else looks where they hit.

With `ahocorasick-rs` and `google-re2` installed they run at memory speed; without, the standard library does the same,
slower. Both give the same hits, character for character: tests hold them to that.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

__all__ = ["ENGINES", "Scanner", "scanner"]

# One pattern in the syntax and with the meaning that RE2 and `re` share: leftmost, first alternative, ASCII.
_DECIMAL: Final = r"[0-9]{1,3}\.[0-9]{4,20}(?:[eE][+-]?[0-9]{1,3})?"
_DIGITS: Final = (
    r"[0-9](?:"
    # a vector is one hit, and no candidate: embeddings have thousands of numbers
    rf"[0-9]{{0,2}}\.[0-9]{{4,20}}(?:[eE][+-]?[0-9]{{1,3}})?(?:,\s{{0,12}}-?{_DECIMAL})+|"
    r"(?:(?:[ .\-/]| - )?[0-9]){5,}"  # six digits and more, in groups or not
    r"|[0-9]{0,2}(?:\.[0-9]{1,3}){3}"  # a short dotted quad
    # with letters among few digits: permanent account numbers, passports, cards, tax codes, licences, Medicare
    r"|[0-9]{3}[A-Za-z](?:[0-9]{2})?\b|[0-9]{2}[A-Za-z][0-9]{4}\b|[0-9][A-Za-z][0-9]{2}[A-Za-z](?:[0-9]{2}|[0-9]{3}[A-Za-z])\b"
    r"|[A-Za-z][0-9]{3}[A-Za-z][0-9]{2}[A-Za-z]\b|[A-Za-z][A-Za-z0-9][0-9]-?[A-Za-z][A-Za-z0-9][0-9]-?[A-Za-z]{2}[0-9]{2}\b"
    r")"
)
_LONG: Final = r"[13][1-9A-HJ-NP-Za-km-z]{25,34}\b"
_COLONS: Final = r":(?:[0-9A-Fa-f]{1,4}[:\-]){4}"
_DASHES: Final = r"-(?:[0-9A-Fa-f]{1,4}[:\-]){4}"
_DISCORD: Final = r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"

_PATTERNS: Final = (_DIGITS, _LONG, _COLONS, _DASHES, _DISCORD)

_IN_WORDS: Final = "_-."
_TOLD_BY: Final = 2
"""How many characters before a mark tell which words may be there."""

Spans = list[tuple[int, int]]


class Hits(NamedTuple):
    """What was found in one text."""

    words: list[tuple[int, int, int]]
    """Which word (its index), from where, to where."""
    digits: Spans
    long: Spans
    marks: Spans
    discord: Spans


class Scanner(NamedTuple):
    """How a text is searched."""

    name: str
    words: Callable[[str], list[tuple[int, int, int]]]
    """The hits of all words in a text in lower case."""
    patterns: Callable[[str], tuple[Spans, Spans, Spans, Spans]]
    """The hits of the patterns: runs of digits, long runs, marked octets, two points."""


def _fast_words(words: Sequence[str]) -> Callable[[str], list[tuple[int, int, int]]]:
    from ahocorasick_rs import AhoCorasick, Implementation

    automaton = AhoCorasick(words, implementation=Implementation.DFA)

    def found(low: str) -> list[tuple[int, int, int]]:
        return automaton.find_matches_as_indexes(low, overlapping=True)

    return found


def _plain_words(words: Sequence[str]) -> Callable[[str], list[tuple[int, int, int]]]:
    # Looking for each word costs a pass over the text. Those with a mark in them are looked up where such a mark is.
    marked: dict[str, dict[str, list[tuple[int, str, int]]]] = {mark: {} for mark in _IN_WORDS}
    others: list[tuple[int, str]] = []
    for index, word in enumerate(words):
        at, mark = min(((word.find(mark), mark) for mark in _IN_WORDS if word.find(mark) >= _TOLD_BY), default=(-1, ""))
        if at < 0:
            others.append((index, word))
        else:
            marked[mark].setdefault(word[at - _TOLD_BY : at], []).append((index, word, at))
    ascii_only = [(index, word) for index, word in others if word.isascii()]

    def found(low: str) -> list[tuple[int, int, int]]:
        hits: list[tuple[int, int, int]] = []
        for index, word in ascii_only if low.isascii() else others:
            at = low.find(word)
            while at >= 0:
                hits.append((index, at, at + len(word)))
                at = low.find(word, at + 1)
        for mark, by_end in marked.items():
            at = low.find(mark)
            while at >= 0:
                for index, word, back in by_end.get(low[max(0, at - _TOLD_BY) : at], ()):
                    if low.startswith(word, at - back):
                        hits.append((index, at - back, at - back + len(word)))
                at = low.find(mark, at + 1)
        return hits

    return found


def _fast_patterns() -> Callable[[str], tuple[Spans, Spans, Spans, Spans]]:
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_nl = False
    digits, *others = (_spans(re2, re2.compile(form.encode(), options)) for form in _PATTERNS)
    # Most texts have none of the others: one pass tells.
    any_other = re2.compile("|".join((rf"\b{_LONG}", *_PATTERNS[2:])).encode(), options).search

    def found(text: str) -> tuple[Spans, Spans, Spans, Spans]:
        raw = text.encode("ascii", "replace")
        runs = digits(raw)
        if any_other(raw) is None:
            return runs, [], [], []
        long, colons, dashes, discord = (pattern(raw) for pattern in others)
        return runs, long, colons + dashes, discord

    return found


def _spans(re2: Any, compiled: Any) -> Callable[[bytes], Spans]:
    """All matches of `compiled`, as start and end."""
    try:
        match, unanchored = compiled._regexp.Match, re2._Anchor.UNANCHORED  # noqa: SLF001
    except AttributeError:  # another version
        return lambda raw: [one.span() for one in compiled.finditer(raw)]

    def found(raw: bytes) -> Spans:
        # What `finditer` does, without an object of Python's for each: half of all the time that a text takes.
        spans: Spans = []
        at, size = 0, len(raw)
        while True:
            span = match(unanchored, raw, at, size)[0]
            if span[0] < 0:
                return spans
            spans.append(span)
            at = span[1]

    return found


def _plain_patterns() -> Callable[[str], tuple[Spans, Spans, Spans, Spans]]:
    compiled = [re.compile(pattern, re.ASCII).finditer for pattern in _PATTERNS]

    def found(text: str) -> tuple[Spans, Spans, Spans, Spans]:
        raw = text if text.isascii() else text.encode("ascii", "replace").decode("ascii")
        runs, long, colons, dashes, discord = ([match.span() for match in each(raw)] for each in compiled)
        return runs, long, colons + dashes, discord

    return found


ENGINES: Final = ("fast", "fast words", "plain")
"""Both packages, only `ahocorasick-rs`, neither."""


@cache
def scanner(words: tuple[str, ...], engine: str = "") -> Scanner:
    """The scanner for `words` (in lower case): the best one that is installed, or the one named `engine`."""
    if engine in ("", "fast"):
        try:
            return Scanner("fast", _fast_words(words), _fast_patterns())
        except ImportError:
            if engine:
                raise
    if engine in ("", "fast words"):
        try:
            return Scanner("fast words", _fast_words(words), _plain_patterns())
        except ImportError:
            if engine:
                raise
    return Scanner("plain", _plain_words(words), _plain_patterns())
