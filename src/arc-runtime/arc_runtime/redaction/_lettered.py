"""Numbers with letters in them, found at the digits: identity cards, licences, tax numbers, IBANs; in groups too."""

import re
from typing import Final

from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily
from arc_runtime.redaction._mixed import GROUPED, IBAN_LENGTHS, MIXED, OMOCODIA, iban_end, is_german_document, signature
from arc_runtime.redaction._national import BY_LENGTH
from arc_runtime.redaction._place import ASCII_ALNUM, ENOUGH, ESCAPED, WORDLIKE, Place, emphasized

__all__ = ["lettered", "spaced_iban"]

_PASSPORTS: Final = frozenset("CFGHJK")
"""First letters of German passports (Microsoft Purview, "Germany passport number"); identity cards have the others.

Both numbers are four characters for the authority and five more (PAuswG § 2 (8), PassV annex 11)."""
_ID_CARDS: Final = ("DE_ID_CARD", "NL_ID_CARD", "IT_IDENTITY_CARD", "FR_CNI", "PL_ID_CARD")
"""Cards with serial numbers of nine letters and digits; which, says only the word beside them."""
_SPACED_LEFT: Final = lazily(r"(?:[A-Za-z]{2}|[A-Za-z])[ .-]\Z")
_IBAN_LEFT: Final = lazily(r"[A-Za-z]{2}[0-9]{2}[ -]?(?:[A-Za-z0-9][ -]?){0,12}\Z")
_GROUPS_LEFT: Final = lazily(r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,8}[ .\-/]){1,3}\Z")
_GROUPS_RIGHT: Final = lazily(r"(?:[ .\-/][A-Za-z0-9]{1,8}(?![A-Za-z0-9])){1,6}")
_ALNUM_GROUP: Final = lazily(r"[A-Za-z0-9]+")
_CONTINUES: Final = frozenset("_@$")
_DASHED_HETU: Final = lazily(r"[0-9]{6}[-+][0-9]{3}[0-9A-Za-z]\Z")
_WORDS: Final = frozenset(
    {
        "AM", "AN", "AS", "AT", "BE", "BY", "DO", "ET", "HE", "ID", "IF", "IN", "IS", "IT",
        "MY", "NO", "NR", "OF", "ON", "OR", "SO", "TO", "UP", "US", "WE",
    }
)  # fmt: skip
"""Words of two letters that stand before numbers and are no part of them."""
_SPACED_NINO: Final = lazily(r"[A-Za-z]{2} ?(?:[0-9]{2} ?){3}[A-Da-d]")
_LICENSE: Final = lazily(
    r"[A-Z][0-9]{3}-(?:[0-9]{4}-[0-9]{4}(?:-[0-9]{2})?|[0-9]{3}-[0-9]{2}-[0-9]{3}-[0-9])(?![0-9A-Za-z]|-[0-9A-Za-z])"
)
_PREFIXED: Final = lazily(r"(?<![A-Za-z0-9_-])[A-Za-z]{1,3}-\Z")
_UUID_RIGHT: Final = lazily(r"-[0-9A-Fa-f]{4}-")
_JOINED_RIGHT: Final = lazily(r"(?:[-+./]?[0-9A-Za-z]){0,26}")
_ALNUM_RIGHT: Final = lazily(r"[0-9A-Za-z]*")


def lettered(text: str, start: int, end: int) -> Finding | None:
    """The number with letters round the digits from `start` to `end`; None when there is none."""
    left = start
    while left and text[left - 1] in ASCII_ALNUM and start - left < 24:
        left -= 1
    if left < start and text[left] in ESCAPED and left and text[left - 1] == "\\":
        left += 1
    for head in (left, start - 2):
        if head >= 0 and text[head : head + 2].upper() in IBAN_LENGTHS and text[head + 2 : head + 4].isdigit():
            iban = _iban_at(text, head, start, end)
            if iban is not None:
                return iban
    if 0 < left < start and text[left - 1] in " -" and text[left].isalnum():
        iban = spaced_iban(text, start, end)
        if iban is not None:
            return iban
    right = _end(_ALNUM_RIGHT, text, start)
    licence = _LICENSE.match(text, left)
    if licence is not None and text[left - 1 : left] not in ("-", "_", "."):
        return Finding(left, licence.end(), "US_DRIVER_LICENSE", "driver-license")
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
        prefix = _PREFIXED.search(text, max(0, left - 5), left)
        if prefix is not None:
            labelled = text[prefix.start() : left].upper() == "DL-"
            if labelled or Place(text, prefix.start(), to).named("US_DRIVER_LICENSE") > 9:
                return Finding(prefix.start(), to, "US_DRIVER_LICENSE", "driver-license")
        raw = text[left:to]
        if _DASHED_HETU.match(raw):
            found = _form(text, left, to, raw, "999999A999A" if raw[10].isalpha() else "999999A9999")
        if found is None:
            found = _form(text, left, to, raw.replace("-", "").replace(".", "").replace("/", ""))
        if found is not None:
            return found
    grouped = _grouped(text, left, right)
    if grouped is not None:
        return grouped
    spaced = _SPACED_LEFT.search(text, max(0, start - 3), start)
    if spaced is not None and (spaced.start() == 0 or text[spaced.start() - 1] not in ASCII_ALNUM):
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
    prefix = text[left:start].rstrip(" .-")
    if prefix.upper() in _WORDS:
        return None
    prefix = prefix.upper()
    if len(prefix) == 2:
        digits = re.sub("[^0-9]", "", text[start:end])
        for number in BY_LENGTH.get(len(digits), ()):
            if number.type.startswith(prefix) and number.bits > 3 and number.check(digits):
                return Finding(left, end, number.type, number.type.lower().replace("_", "-"))
    token = prefix + re.sub("[^0-9]", "", text[start:end])
    return _form(text, left, end, token) if len(prefix) == 2 else None


def _form(text: str, start: int, end: int, token: str, form: str = "") -> Finding | None:
    if not 7 <= len(token) <= 18 or (
        start and text[start - 1] in "_-./\\+$" and text[start - 2 : start - 1] in WORDLIKE
    ):
        return None
    token = token.upper()
    if not token.isascii() or token.isdigit():
        return None
    kinds = MIXED.get(form or signature(token), ())
    if not kinds and len(token) == 16:
        kinds = (OMOCODIA,)
    if end < len(text) and text[end] in WORDLIKE and not emphasized(text, end):
        return None
    place = Place(text, start, end)
    if not kinds and (len(token) > 17 or sum(map(str.isdigit, token)) < 4):
        return None
    best, name = 0.0, ""
    for kind in kinds:
        if kind.check(token):
            points = kind.bits + _mixed_points(place, kind.type, kind.bits)
            if points > best:
                best, name = points, kind.type
    unsaid = best < ENOUGH or (name.endswith("PASSPORT") and "DE" in place.clues)
    if unsaid and len(token) == 9 and is_german_document(token):
        best, name = (
            4.5 + _mixed_points(place, "DE_ID_CARD", 0.0),
            _german(token, place),
        )
    if best < ENOUGH and 7 <= len(token) <= 17 and sum(map(str.isdigit, token)) >= 4:
        if place.named("PASSPORT") > 9 and len(token) <= 9:
            best, name = 12, _passport(token, place)
        elif place.named("US_DRIVER_LICENSE") > 9:
            best, name = 12, "ZA_DRIVER_LICENSE" if "ZA" in place.clues else "US_DRIVER_LICENSE"
        elif len(token) == 9 and (cards := [kind for kind in _ID_CARDS if place.named(kind) > 9]):
            best, name = 12, cards[0]
    if best < ENOUGH:
        return None
    return Finding(start, end, name, name.lower().replace("_", "-"))


def _german(token: str, place: Place) -> str:
    """Which of the two German documents with one form: by the words beside it, else by its first letter."""
    if place.named("PASSPORT"):
        return "DE_PASSPORT"
    return "DE_PASSPORT" if token[0] in _PASSPORTS and not place.named("DE_ID_CARD") else "DE_ID_CARD"


def _mixed_points(place: Place, type_: str, bits: float) -> float:
    points = place.points(type_, bits)
    if type_.endswith("PASSPORT"):
        points = max(points, place.named("PASSPORT"))
    elif type_ == "MEDICAL_LICENSE":
        points = max(points, place.named("DEA"))
    return points


def _passport(token: str, place: Place) -> str:
    """What a passport's number is called: of the country that is spoken of, else of one that writes it so."""
    kinds = [kind for kind in MIXED.get(signature(token), ()) if kind.type.endswith("PASSPORT") and kind.check(token)]
    for kind in kinds:
        if kind.type[:2] in place.clues:
            return kind.type
    return kinds[0].type if kinds else "US_PASSPORT"


def spaced_iban(text: str, start: int, end: int) -> Finding | None:
    """The IBAN in groups whose digits go on from `start` to `end`."""
    match = _IBAN_LEFT.search(text, max(0, start - 24), start)
    return _iban_at(text, match.start(), start, end) if match is not None else None


def _iban_at(text: str, head: int, start: int, end: int) -> Finding | None:
    left = text[head - 1 : head]
    if left and left in WORDLIKE and not (left in ESCAPED and text[head - 2 : head - 1] == "\\"):
        return None
    to = iban_end(text, head)
    if to <= start or (to < len(text) and text[to] in WORDLIKE):
        return None
    return Finding(head, max(to, end) if text[end - 1 : end] == text[to - 1 : to] and to >= end else to, "IBAN", "iban")
