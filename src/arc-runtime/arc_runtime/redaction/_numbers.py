"""Numbers, weighed: what its check digits prove, how it is written, where it stands, and which words stand by.

Each candidate gets points (about bits of evidence). What reaches `ENOUGH` is a finding; of several kinds that a
number may be, the one with the most points is what it is called.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from arc_runtime.redaction._cards import CARD_LENGTHS, card_points
from arc_runtime.redaction._clues import is_of_something_else, is_of_time
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily
from arc_runtime.redaction._lettered import lettered, spaced_iban
from arc_runtime.redaction._national import BY_LENGTH, NAMED_BY_LENGTH
from arc_runtime.redaction._network import is_quad
from arc_runtime.redaction._phones import extended, phone_points
from arc_runtime.redaction._place import (
    ASCII_ALNUM,
    COUNTRY,
    ENOUGH,
    ESCAPED,
    MOST_OF_A_PERSON,
    WORDLIKE,
    Place,
    emphasized,
)

__all__ = ["numbers"]

_SHAPED: Final = 8.0
_COMMON_SHAPES: Final = {
    (3, 3, 3): 4.0, (3, 3, 4): 4.0, (4, 4, 4): 4.0, (6, 4): 4.0, (2, 3, 3): 4.0, (9, 1): 4.0, (8, 1): 4.0, (7, 1): 4.0,
    (3, 3, 3, 1): 5.0, (6, 3): 4.0, (3, 3, 2): 3.0, (5, 5): 2.0, (6, 5): 5.0, (1, 3, 3): 2.0, (8, 4): 4.0, (6, 7): 6.0,
    (3, 2, 5): 5.0, (3, 2, 4): 11.0, (2, 2, 6, 2): 8.0, (4, 4, 1): 6.0, (4, 2, 3): 5.0, (2, 8, 1): 7.0,
}  # fmt: skip
_MOST_WORDS: Final = 8
_TABLE: Final = 48
_MOST_OF_A_TABLE: Final = 4
"""How many groups may be one number where there are more than `_TABLE` of them in a row."""
_LONGEST_HEAD: Final = 12
"""An IBAN has up to ten characters before a run of six digits (Kazakhstan), a tax code six."""
_LONGEST: Final = 20
_SHORTEST: Final = 6
_LONG_PREFIX: Final = 5
_LONG_BARE: Final = 14
"""From so many digits on a number proves more than the word in front of it says."""
_LONGEST_TIME: Final = 12
"""Nothing that is written behind a digit and a colon, a time or a port, has more."""
_CLOSE: Final = 9.8
"""What a clue within some words says; a number without any check needs one."""
_WORD: Final = lazily(r"[0-9]+(?:[.\-/]+[0-9]+)*")
_GROUP: Final = lazily(r"[0-9]+")
_DATE: Final = lazily(r"(?:19|20)[0-9]{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:[0-2]?[0-9]|3[01])(?![0-9])")
_YEARS: Final = lazily(r"(?:19|20)[0-9]{2}(?:-| - |/)(?:19|20)[0-9]{2}(?![0-9])")
_LABELLED: Final = lazily(r"-(?:office|fax|mobile|home|work|cell|tel|phone)(?![a-z])", re.IGNORECASE)
_UNQUOTED: Final = frozenset(" :")
_DATE_MARKS: Final = frozenset("-/.")
_EPOCHS: Final = frozenset({10, 13, 16, 19})
"""Digits of the seconds, milli-, micro- and nanoseconds since 1970, which begin with 1 until 2033."""
_MONEY: Final = frozenset("$€£¥₹%^")


def numbers(text: str, hits: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """What of the runs at `hits` is a number of a person: cards, accounts, phones, and what states give out."""
    done = 0
    for hit_start, end in hits:
        if hit_start < done:
            continue
        start = hit_start
        size = end - start
        before_char = text[start - 1] if start else ""
        run = text[start:end]
        bare = run.isdigit()
        if bare:
            if (
                size < _LONG_BARE
                and before_char in _UNQUOTED
                and text[end : end + 1] not in ASCII_ALNUM
                and is_of_something_else(text, start)
            ):
                continue
        elif "," in run or run.replace(".", "", 1).isdigit():
            continue  # decimals
        elif size < _LONG_BARE and ((run[4] in _DATE_MARKS and _DATE.match(text, start)) or _YEARS.match(text, start)):
            continue
        after_char = text[end] if end < len(text) else ""
        if before_char in ASCII_ALNUM and _in_a_blob(text, start):
            continue
        if before_char and before_char in " -" and text[start - 2 : start - 1].isalpha():
            iban = spaced_iban(text, start, end)
            if iban is not None:
                yield iban
                done = iban.end
                continue
        if (
            before_char in ASCII_ALNUM
            or after_char in ASCII_ALNUM
            or (not bare and run[:5].lower() != run[:5].upper())
            or (after_char and after_char in "-/" and text[end + 1 : end + 2] in ASCII_ALNUM)
            or (before_char and before_char in " -." and _may_be_prefixed(text, start))
            or (after_char == " " and text[end + 1 : end + 2].isalpha() and not text[end + 1 : end + 5].islower())
        ):
            mixed = lettered(text, start, end)
            if mixed is not None:
                yield mixed
                done = mixed.end
                continue
        if bare:
            found = _judged(text, start, end)
            if found is not None:
                yield found[1]
                done = found[1].end
            continue
        for finding in _runs(text, start, end):
            yield finding
            done = finding.end


def _in_a_blob(text: str, start: int) -> bool:
    """Whether what stands round `start` is longer than any number: a hash, a key, an image in base 64."""
    left = text[max(0, start - _LONGEST_HEAD) : start]
    if len(left) == _LONGEST_HEAD and left.isalnum() and left.isascii():
        return True
    right = text[start : start + 36]
    return len(right) == 36 and right.isalnum() and right.isascii()


def _may_be_prefixed(text: str, start: int) -> bool:
    """Whether one to four letters stand before the separator in front of `start`."""
    if start < 2 or not text[start - 2].isalpha():
        return False
    left = text[max(0, start - 6) : start - 1]
    return len(left) < _LONG_PREFIX or not left.isalnum()


# --- digits only -----------------------------------------------------------------------------------------------------


def _runs(text: str, start: int, end: int) -> Iterator[Finding]:
    words = [(match.start(), match.end()) for match in _WORD.finditer(text, start, end)]
    if len(words) == 1:
        found = _judged(text, *words[0])
        if found is not None:
            yield found[1]
        return
    most = _MOST_WORDS if len(words) <= _TABLE else _MOST_OF_A_TABLE
    at = 0
    while at < len(words):
        best: tuple[float, Finding] | None = None
        last = at
        size = 0
        for to in range(at, min(at + most, len(words))):
            size += words[to][1] - words[to][0]
            if size > _LONGEST + 8:
                break
            if size < _SHORTEST or size < 2 * (to - at):
                continue
            found = _judged(text, words[at][0], words[to][1], crowded=_crowded(words, at, to))
            if found is not None and (best is None or found[0] >= best[0]):
                best, last = found, to
        if best is not None:
            yield best[1]
            at = last
        at += 1


def _crowded(words: Sequence[tuple[int, int]], at: int, to: int) -> bool:
    """Whether the groups go on in the same size beside those from `at` to `to`, as in a card's four by four."""
    sizes = [end - start for start, end in words[max(0, at - 1) : to + 2]]
    first = 1 if at else 0
    own = sizes[first : first + to - at + 1]
    if len(own) < 2 or len(set(own)) > 1:
        return False
    return (at > 0 and sizes[0] == own[0]) or (to + 1 < len(words) and sizes[-1] == own[0])


def _judged(text: str, start: int, end: int, *, crowded: bool = False) -> tuple[float, Finding] | None:
    """The best that the digits from `start` to `end` can be, and its points; None when that is not enough."""
    if end - start < _SHORTEST or not _bounded(text, start, end):
        return None
    groups = _GROUP.findall(text, start, end)
    digits = groups[0] if len(groups) == 1 else "".join(groups)
    size = len(digits)
    if not _SHORTEST <= size <= _LONGEST:
        return None
    place = Place(text, start, end)
    if len(groups) == 1 and size < _LONG_BARE and not place.alone and is_of_something_else(text, start):
        return None
    if len(groups) == 1 and size in _EPOCHS and digits[0] == "1" and is_of_time(text, start):
        return None
    if (len(groups) == 2 and text[start + len(groups[0])] == ".") or (groups[1:] and _DATE.match(text, start)):
        return None
    if len(groups) == 4 and size <= 12 and is_quad(text, start):
        return None
    shape = tuple(map(len, groups))
    bare = len(shape) == 1
    best, name, rule = (0.0, "", "") if crowded else _best_number(digits, shape, place)
    if size in CARD_LENGTHS:
        points = card_points(digits, shape)
        if points:
            # In a place of its own a card of a main brand is one, whatever the key is called.
            points += place.points("CARD", points + place.alone / 5)
            if points > best:
                best, name, rule = points, "CARD", "card"
    phone_start, points = (start, 0.0) if crowded else phone_points(text, start, digits, groups)
    if points:
        points += (place if phone_start == start else Place(text, phone_start, end)).points("PHONE")
        if points > best and points >= ENOUGH:
            best, name, rule, start = points, "PHONE", "phone-national", phone_start
            end = extended(text, end)
    if size == 9 and place.named("PASSPORT") > max(ENOUGH - 2, best - 4) and bare:
        best, name, rule = 20, "US_PASSPORT", "passport"
    licence = place.named("US_DRIVER_LICENSE")
    if licence > 8 and licence > best - 4:
        best, name, rule = 20, "US_DRIVER_LICENSE", "driver-license"
    if best < ENOUGH:
        return None
    return best, Finding(start, end, name, rule)


def _best_number(digits: str, shape: tuple[int, ...], place: Place) -> tuple[float, str, str]:
    """The number of a state that `digits` most likely are: its points, type and rule."""
    best, name = 0.0, ""
    bare, size = len(shape) == 1, len(digits)
    clues = place.clues
    # What surroundings can add at most; most numbers are told by that not to be enough, before they are checked.
    room = place.alone + (MOST_OF_A_PERSON if "PERSON" in clues else 0.0)
    for number in BY_LENGTH.get(size, ()):
        if bare:
            points = number.bits
        elif shape in number.shapes:
            points = number.bits + _COMMON_SHAPES.get(shape, _SHAPED)
        elif len(shape) <= 4:
            points = number.bits - 4
        else:
            continue
        most = points + room
        if clues:
            most += clues.get(number.type, 0.0) + (COUNTRY if number.type[:2] in clues else 0.0)
        if most >= ENOUGH and most > best and number.check(digits):
            points += place.points(number.type, points)
            if points > best:
                best, name = points, number.type
    if clues:
        for number in NAMED_BY_LENGTH.get(size, ()):
            if (
                clues.get(number.type, 0.0) >= _CLOSE
                and (bare or shape in number.shapes)
                and place.named(number.type) >= _CLOSE
                and number.check(digits)
            ):
                points = place.points(number.type) + (0.0 if bare else _COMMON_SHAPES.get(shape, _SHAPED))
                if points > best:
                    best, name = points, number.type
    return best, name, name.lower().replace("_", "-")


def _bounded(text: str, start: int, end: int) -> bool:
    """Whether the digits are no part of a longer word, decimal, amount or time."""
    if start:
        left = text[start - 1]
        if left in WORDLIKE:
            escaped = left in ESCAPED and start > 1 and text[start - 2] == "\\"
            emphasis = left == "_" and (start == 1 or text[start - 2] not in WORDLIKE)
            if not (escaped or emphasis):
                return False
        elif (
            left in ".-,:@"
            and start > 1
            and text[start - 2] in WORDLIKE
            and not (left == ":" and (end - start > _LONGEST_TIME or not text[start - 2].isdigit()))
        ) or left in _MONEY:
            return False
    if end < len(text):
        right = text[end]
        if right in WORDLIKE and right != "x" and not emphasized(text, end):
            return False
        if right == "-" and _LABELLED.match(text, end):
            return True
        if (
            right in ".-,:/"
            and end + 1 < len(text)
            and text[end + 1] in WORDLIKE
            and not (right == "," and not text[end + 1].isdigit())
        ):
            return False
        if right in _MONEY:
            return False
    return True
