"""Numbers, weighed: what its check digits prove, how it is written, where it stands, and which words stand by.

Each candidate gets points (about bits of evidence). What reaches `_ENOUGH` is a finding; of several kinds that a
number may be, the one with the most points is what it is called.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from arc_runtime.redaction._cards import CARD_LENGTHS, card_points
from arc_runtime.redaction._clues import Clues, after, before, is_of_something_else
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily
from arc_runtime.redaction._mixed import GROUPED, IBAN_LENGTHS, MIXED, OMOCODIA, iban_end, is_german_document, signature
from arc_runtime.redaction._national import BY_LENGTH, NAMED_BY_LENGTH
from arc_runtime.redaction._network import is_quad
from arc_runtime.redaction._phones import extended, phone_points

__all__ = ["numbers"]

_ENOUGH: Final = 10.0
_WHOLE: Final = 7.0
_ALONE: Final = 5.0
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
_PERSON: Final = 5.0
_MOST_OF_A_PERSON: Final = 7.0
_COUNTRY: Final = 4.0
# Of companies and professions, or of anybody: "customer" says nothing for them.
_OF_NO_PERSON: Final = frozenset(
    {
        "PHONE",
        "US_NPI",
        "PL_NIP",
        "KR_BRN",
        "AU_ABN",
        "AU_ACN",
        "SE_ORGANISATIONSNUMMER",
        "IT_VAT_CODE",
        "ABA_ROUTING_NUMBER",
        "DE_LANR",
        "DE_BSNR",
    }
)
_LONG_BARE: Final = 14
"""From so many digits on a number proves more than the word in front of it says."""
_RIGHT_IN_FRONT: Final = 6
_LONGEST_TIME: Final = 12
"""Nothing that is written behind a digit and a colon, a time or a port, has more."""
_STRONG: Final = 10.9
"""What a form of its own and check digits come to."""
_PASSPORTS: Final = frozenset("CFGHJK")
"""First letters of the numbers of German passports; identity cards have L to Y (PassV and PAuswV, serial numbers)."""
_CLOSE: Final = 9.8
"""What a clue within some words says; a number without any check needs one."""
_ID_CARDS: Final = ("DE_ID_CARD", "NL_ID_CARD", "IT_IDENTITY_CARD", "FR_CNI", "PL_ID_CARD")
"""Cards with serial numbers of nine letters and digits; which, says only the word beside them."""
_WORD: Final = lazily(r"[0-9]+(?:[.\-/]+[0-9]+)*")
_GROUP: Final = lazily(r"[0-9]+")
_DATE: Final = lazily(r"(?:19|20)[0-9]{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:[0-2]?[0-9]|3[01])(?![0-9])")
_ESCAPED: Final = frozenset("nrtbf")
_ASCII_ALNUM: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_WORDLIKE: Final = _ASCII_ALNUM | {"_"}
_OPENING: Final = frozenset("\"'=\n\t>*`|(:[ \\")
_CLOSING: Final = frozenset("\"'&\n\t<*`|)\\")
_SPACED_LEFT: Final = lazily(r"(?:[A-Za-z]{2}|[A-Za-z])[ .-]\Z")
_IBAN_LEFT: Final = lazily(r"[A-Za-z]{2}[0-9]{2}[ -]?(?:[A-Za-z0-9][ -]?){0,12}\Z")
_GROUPS_LEFT: Final = lazily(r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,8}[ .\-/]){1,3}\Z")
_GROUPS_RIGHT: Final = lazily(r"(?:[ .\-/][A-Za-z0-9]{1,8}(?![A-Za-z0-9])){1,6}")
_ALNUM_GROUP: Final = lazily(r"[A-Za-z0-9]+")
_CONTINUES: Final = frozenset("_@$")
_SPACED_NINO: Final = lazily(r"[A-Za-z]{2} ?(?:[0-9]{2} ?){3}[A-Da-d]")
_LABELLED: Final = lazily(r"-(?:office|fax|mobile|home|work|cell|tel|phone)(?![a-z])", re.IGNORECASE)
_LICENSE: Final = lazily(
    r"[A-Z][0-9]{3}-(?:[0-9]{4}-[0-9]{4}(?:-[0-9]{2})?|[0-9]{3}-[0-9]{2}-[0-9]{3}-[0-9])(?![0-9A-Za-z])"
)
_PREFIXED: Final = lazily(r"(?<![A-Za-z0-9_-])[A-Za-z]{1,3}-\Z")
_DOTTED: Final = lazily(r"\.[0-9]")
_UNQUOTED: Final = frozenset(" :")
_DATE_MARKS: Final = frozenset("-/.")
_UUID_RIGHT: Final = lazily(r"-[0-9A-Fa-f]{4}-")
_JOINED_RIGHT: Final = lazily(r"(?:[-+./]?[0-9A-Za-z]){0,26}")
_ALNUM_RIGHT: Final = lazily(r"[0-9A-Za-z]*")
_MONEY: Final = frozenset("$€£¥₹%^")


class Candidate(NamedTuple):
    """A part of a run of digits that may be one number."""

    start: int
    end: int
    digits: str
    shape: tuple[int, ...]
    """How many digits each group has."""


class _Place:
    """What stands round a candidate, looked at when first asked for."""

    __slots__ = ("_alone", "_clues", "end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.start, self.end = text, start, end
        self._clues: Clues | None = None
        self._alone: float | None = None

    @property
    def clues(self) -> Clues:
        if self._clues is None:
            self._clues = before(self.text, self.start)
            for type_, points in after(self.text, self.end).items():
                if points > self._clues.get(type_, 0):
                    self._clues[type_] = points
        return self._clues

    @property
    def alone(self) -> float:
        """Points for a place of its own: the whole text, a quoted string, a line, the value of a URL's parameter."""
        if self._alone is None:
            self._alone = _alone(self.text, self.start, self.end)
        return self._alone

    def points(self, type_: str, form: float = 0.0) -> float:
        """What the surroundings say for `type_`; nothing against it where its `form` proves much already."""
        clues = self.clues
        named = self.named(type_)
        person = 0.0 if type_ in _OF_NO_PERSON or "PERSON" not in clues else _PERSON
        if person and clues["PERSON"] > 11.7:
            person += 2
        country = (
            2.0
            if type_ == "PHONE" and any(len(word) == 2 for word in clues)
            else _COUNTRY
            if type_[:2] in clues
            else 0.0
        )
        return named + country + person + self.alone + (0.0 if named or form >= _STRONG else self.other)

    @property
    def other(self) -> float:
        """Points against: the word right in front says that the number is something else."""
        return -9.0 if self.clues.get("OTHER", 99) < _RIGHT_IN_FRONT else 0.0

    def named(self, type_: str) -> float:
        """What the words say for `type_`, less where another word stands nearer."""
        points = self.clues.get(type_, 0.0)
        if type_ == "PHONE" and not points and "PHONE_WEAK" in self.clues:
            points = self.clues["PHONE_WEAK"] / 2
        return max(points + self.other, 0.0)


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
            if size < _LONG_BARE and before_char in _UNQUOTED and is_of_something_else(text, start):
                continue
        elif "," in run or run.replace(".", "", 1).isdigit():
            continue  # decimals
        elif size < _LONG_BARE and run[4] in _DATE_MARKS and _DATE.match(text, start):
            continue
        after_char = text[end] if end < len(text) else ""
        if before_char in _ASCII_ALNUM and _in_a_blob(text, start):
            continue
        if before_char == " " and text[start - 2 : start - 1].isupper():
            iban = _iban(text, start, end)
            if iban is not None:
                yield iban
                done = iban.end
                continue
        if (
            before_char in _ASCII_ALNUM
            or after_char in _ASCII_ALNUM
            or (not bare and run[:5].lower() != run[:5].upper())
            or (after_char and after_char in "-/" and text[end + 1 : end + 2] in _ASCII_ALNUM)
            or (before_char and before_char in " -." and _may_be_prefixed(text, start))
            or (after_char == " " and text[end + 1 : end + 2].isalpha() and not text[end + 1 : end + 5].islower())
        ):
            mixed = _mixed(text, start, end)
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
    """Whether one or two letters stand before the separator in front of `start`."""
    if start < 2 or not text[start - 2].isalpha():
        return False
    return start < 4 or not text[start - 4].isalnum() or not text[start - 3].isalnum()


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
    place = _Place(text, start, end)
    if len(groups) == 1 and size < _LONG_BARE and not place.alone and is_of_something_else(text, start):
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
        points += (place if phone_start == start else _Place(text, phone_start, end)).points("PHONE")
        if points > best and points >= _ENOUGH:
            best, name, rule, start = points, "PHONE", "phone-national", phone_start
            end = extended(text, end)
    if size == 9 and place.named("PASSPORT") > max(_ENOUGH - 2, best - 4) and bare:
        best, name, rule = 20, "US_PASSPORT", "passport"
    licence = place.named("US_DRIVER_LICENSE")
    if licence > 8 and licence > best - 4:
        best, name, rule = 20, "US_DRIVER_LICENSE", "driver-license"
    if best < _ENOUGH:
        return None
    return best, Finding(start, end, name, rule)


def _best_number(digits: str, shape: tuple[int, ...], place: _Place) -> tuple[float, str, str]:
    """The number of a state that `digits` most likely are: its points, type and rule."""
    best, name = 0.0, ""
    bare, size = len(shape) == 1, len(digits)
    clues = place.clues
    # What surroundings can add at most; most numbers are told by that not to be enough, before they are checked.
    room = place.alone + (_MOST_OF_A_PERSON if "PERSON" in clues else 0.0)
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
            most += clues.get(number.type, 0.0) + (_COUNTRY if number.type[:2] in clues else 0.0)
        if most >= _ENOUGH and most > best and number.check(digits):
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
        if left in _WORDLIKE:
            escaped = left in _ESCAPED and start > 1 and text[start - 2] == "\\"
            emphasis = left == "_" and (start == 1 or text[start - 2] not in _WORDLIKE)
            if not (escaped or emphasis):
                return False
        elif (
            left in ".-,:@"
            and start > 1
            and text[start - 2] in _WORDLIKE
            and not (left == ":" and (end - start > _LONGEST_TIME or not text[start - 2].isdigit()))
        ) or left in _MONEY:
            return False
    if end < len(text):
        right = text[end]
        if right in _WORDLIKE and right != "x" and not _emphasized(text, end):
            return False
        if right == "-" and _LABELLED.match(text, end):
            return True
        if (
            right in ".-,:/"
            and end + 1 < len(text)
            and text[end + 1] in _WORDLIKE
            and not (right == "," and not text[end + 1].isdigit())
        ):
            return False
        if right in _MONEY:
            return False
    return True


def _emphasized(text: str, end: int) -> bool:
    """Whether the `_` at `end` closes emphasis in Markdown."""
    return text[end] == "_" and text[end + 1 : end + 2] not in _WORDLIKE


def _alone(text: str, start: int, end: int) -> float:
    left, right = text[:start].rstrip(" ") if start < 4 else text[start - 1], text[end : end + 1]
    if not left and not text[end : end + 4].strip():
        return _WHOLE
    opened = not left or left in "\"'=\n\t>*`|" or (left in _ESCAPED and text[start - 2 : start - 1] == "\\")
    if not opened:
        return 0.0
    if not right or right in "\"'&\n\t<*`|\\":
        return _ALONE
    return 3.0 if right in " ;," and left == "=" else 0.0


# --- letters and digits ----------------------------------------------------------------------------------------------


def _mixed(text: str, start: int, end: int) -> Finding | None:
    left = start
    while left and text[left - 1] in _ASCII_ALNUM and start - left < 24:
        left -= 1
    if left < start and text[left] in _ESCAPED and left and text[left - 1] == "\\":
        left += 1
    for head in (left, start - 2):
        if head >= 0 and text[head : head + 2].upper() in IBAN_LENGTHS and text[head + 2 : head + 4].isdigit():
            iban = _iban_at(text, head, start, end)
            if iban is not None:
                return iban
    if left < start and text[left - 1 : left] == " " and text[left].isupper() | text[left].isdigit():
        iban = _iban(text, start, end)
        if iban is not None:
            return iban
    right = _end(_ALNUM_RIGHT, text, start)
    if right - left > 24 or _UUID_RIGHT.match(text, right):
        return None
    found = _form(text, left, right, text[left:right])
    if found is None and text[right : right + 1] == "(" and text[right + 2 : right + 3] == ")":
        found = _form(text, left, right + 3, text[left:right] + text[right + 1])  # A123456(3)
    if found is not None:
        return found
    # With separators: `131052-308T`, `Y8063915-Z`, `HR 33392005961`, `hh 01 02 03 d`.
    to = _end(_JOINED_RIGHT, text, right)
    if to - left > 24:
        return None
    if to > right:
        licence = _LICENSE.match(text, left)
        if licence is not None and text[left - 1 : left] not in ("-", "_", "."):
            return Finding(left, licence.end(), "US_DRIVER_LICENSE", "driver-license")
        prefix = _PREFIXED.search(text, max(0, left - 5), left)
        if prefix is not None:
            labelled = text[prefix.start() : left].upper() == "DL-"
            if labelled or _Place(text, prefix.start(), to).named("US_DRIVER_LICENSE") > 9:
                return Finding(prefix.start(), to, "US_DRIVER_LICENSE", "driver-license")
        raw = text[left:to]
        found = _form(text, left, to, raw.replace("-", "").replace(".", "").replace("/", ""))
        if found is None and len(raw) == 11 and raw[6] in "-+" and raw[10].isalpha():
            found = _form(text, left, to, raw, "999999A999A")
        if found is not None:
            return found
    grouped = _grouped(text, left, right)
    if grouped is not None:
        return grouped
    spaced = _SPACED_LEFT.search(text, max(0, start - 3), start)
    if spaced is not None and (spaced.start() == 0 or text[spaced.start() - 1] not in _ASCII_ALNUM):
        return _spaced(text, spaced.start(), start, end)
    return None


def _grouped(text: str, left: int, right: int) -> Finding | None:
    """The number in groups, as `GODE 561231 GR8`, of which the word from `left` to `right` is one."""
    begin = _GROUPS_LEFT.search(text, max(0, left - 14), left)
    at = left if begin is None else begin.start()
    end = _end(_GROUPS_RIGHT, text, right)
    if end - at == right - left:
        return None
    groups = [match.span() for match in _ALNUM_GROUP.finditer(text, at, end)]
    sizes = tuple(to - start for start, to in groups)
    best: Finding | None = None
    for first, (start, _) in enumerate(groups):
        if start > left or text[start - 1 : start] in _CONTINUES:
            break
        for last in range(first + 1, len(groups)):
            to = groups[last][1]
            if to < right or sizes[first : last + 1] not in GROUPED:
                continue
            found = _form(text, start, to, "".join(text[one:two] for one, two in groups[first : last + 1]))
            if found is not None and (best is None or found.end - found.start > best.end - best.start):
                best = found
    return best


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the match of `pattern` at `at` ends; `at` itself when there is none."""
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _spaced(text: str, left: int, start: int, end: int) -> Finding | None:
    nino = _SPACED_NINO.match(text, left)
    if nino is not None:
        return _form(text, left, nino.end(), nino.group().replace(" ", ""))
    prefix = text[left:start].rstrip(" .-").upper()
    if len(prefix) == 2:
        digits = re.sub("[^0-9]", "", text[start:end])
        for number in BY_LENGTH.get(len(digits), ()):
            if number.type.startswith(prefix) and number.bits > 3 and number.check(digits):
                return Finding(left, end, number.type, number.type.lower().replace("_", "-"))
    token = prefix + re.sub("[^0-9]", "", text[start:end])
    return _form(text, left, end, token) if len(prefix) == 2 else None


def _form(text: str, start: int, end: int, token: str, form: str = "") -> Finding | None:
    if not 7 <= len(token) <= 18 or (
        start and text[start - 1] in "_-./\\+$" and text[start - 2 : start - 1] in _WORDLIKE
    ):
        return None
    token = token.upper()
    if not token.isascii() or token.isdigit():
        return None
    kinds = MIXED.get(form or signature(token), ())
    if not kinds and len(token) == 16:
        kinds = (OMOCODIA,)
    if end < len(text) and text[end] in _WORDLIKE and not _emphasized(text, end):
        return None
    place = _Place(text, start, end)
    if not kinds and (len(token) > 17 or sum(map(str.isdigit, token)) < 4):
        return None
    best, name = 0.0, ""
    for kind in kinds:
        if kind.check(token):
            points = kind.bits + _mixed_points(place, kind.type, kind.bits)
            if points > best:
                best, name = points, kind.type
    if best < _ENOUGH and len(token) == 9 and is_german_document(token):
        best, name = (
            4.5 + _mixed_points(place, "DE_ID_CARD", 0.0),
            _german(token, place),
        )
    if best < _ENOUGH and 7 <= len(token) <= 17 and sum(map(str.isdigit, token)) >= 4:
        if place.named("PASSPORT") > 9 and len(token) <= 9:
            best, name = 12, _passport(token, place)
        elif place.named("US_DRIVER_LICENSE") > 9:
            best, name = 12, "ZA_DRIVER_LICENSE" if "ZA" in place.clues else "US_DRIVER_LICENSE"
        elif len(token) == 9 and (cards := [kind for kind in _ID_CARDS if place.named(kind) > 9]):
            best, name = 12, cards[0]
    if best < _ENOUGH:
        return None
    return Finding(start, end, name, name.lower().replace("_", "-"))


def _german(token: str, place: _Place) -> str:
    """Which of the two German documents with one form: by the words beside it, else by its first letter."""
    if place.named("PASSPORT"):
        return "DE_PASSPORT"
    return "DE_PASSPORT" if token[0] in _PASSPORTS and not place.named("DE_ID_CARD") else "DE_ID_CARD"


def _mixed_points(place: _Place, type_: str, bits: float) -> float:
    points = place.points(type_, bits)
    if type_.endswith("PASSPORT"):
        points = max(points, place.named("PASSPORT"))
    elif type_ == "MEDICAL_LICENSE":
        points = max(points, place.named("DEA"))
    return points


def _passport(token: str, place: _Place) -> str:
    """What a passport's number is called: of the country that is spoken of, else of one that writes it so."""
    kinds = [kind for kind in MIXED.get(signature(token), ()) if kind.type.endswith("PASSPORT") and kind.check(token)]
    for kind in kinds:
        if kind.type[:2] in place.clues:
            return kind.type
    return kinds[0].type if kinds else "US_PASSPORT"


def _iban(text: str, start: int, end: int) -> Finding | None:
    match = _IBAN_LEFT.search(text, max(0, start - 24), start)
    return _iban_at(text, match.start(), start, end) if match is not None else None


def _iban_at(text: str, head: int, start: int, end: int) -> Finding | None:
    left = text[head - 1 : head]
    if left and left in _WORDLIKE and not (left in _ESCAPED and text[head - 2 : head - 1] == "\\"):
        return None
    to = iban_end(text, head)
    if to <= start or (to < len(text) and text[to] in _WORDLIKE):
        return None
    return Finding(head, max(to, end) if text[end - 1 : end] == text[to - 1 : to] and to >= end else to, "IBAN", "iban")
