"""Phone numbers: international ones by their country code, national ones by how they are written.

ITU-T E.164 (length, country codes) and E.123 (how they are written); NANP by ATIS-0300051.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily

__all__ = ["extended", "international", "phone_points"]

_CODE_LIST: Final = """
1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86
90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237
238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266
267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379
380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596
597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852
853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977
979 992 993 994 995 996 998
"""
_SHORT: Final = frozenset({"290", "683", "690"})
"""Countries with numbers of four digits: St Helena, Niue, Tokelau (ITU-T national plans)."""
_CODES: Final = frozenset(_CODE_LIST.split())
_EXTENSION_FORM: Final = r"(?:[ ]?[xX#][ ]?|,?[ ]?(?:[eE]xt(?:\.|ension)?|extn\.?|poste|Durchwahl|DW|int\.|anexo|ramal|доб\.)[ :]{0,2}|;ext=)"
"""What stands before an extension: ITU-T E.123, 2.5; RFC 3966, 5.3."""
_NUMBER: Final = lazily(
    r"\(?[1-9][0-9]{0,2}\)?(?:(?:[ .\-/()]|%20){0,3}[0-9]){5,14}(?![0-9])(?:"
    + _EXTENSION_FORM
    + "[0-9]{1,6}(?![0-9A-Za-z]))?"
)
_SHORTEST: Final = 7
_NANP: Final = 11
_EXTENSION: Final = lazily(_EXTENSION_FORM + r"[0-9]+\Z")
_AREA: Final = lazily(r"(?:\+?1[ .-]?|(?<![0-9A-Za-z])0[ ]?)?\(0?[0-9]{1,5}\)[ -]?\Z|(?<![0-9A-Za-z])1[ .-]\Z")
_EXTENDED: Final = lazily(_EXTENSION_FORM + "[0-9]{1,6}(?![0-9A-Za-z_])")
_CHINESE: Final = lazily(r"1[3-9][0-9]{9}\Z")  # mobile numbers of mainland China, MIIT numbering plan
_TRUNK: Final = lazily(r"0[0-9]{6,11}\Z")
_ISO_DATE: Final = lazily(
    r"(?:19|20)[0-9]{2}[-/.][01]?[0-9][-/.][0-3]?[0-9]|[0-3]?[0-9][-/.][0-3]?[0-9][-/.](?:19|20)[0-9]{2}"
)


def international(text: str) -> Iterator[Finding]:
    """Numbers behind a `+`: a country code, 7 to 15 digits in all, behind +1 exactly eleven."""
    at = text.find("+")
    last = -1
    while at >= 0:
        end = at + 1
        match = _NUMBER.match(text, end)
        if match is not None and (at == last or not _joined(text, at)):
            number = _EXTENSION.sub("", match.group())
            digits = re.sub("[^0-9]", "", number)
            if _plausible(digits):
                yield Finding(at, match.end(), "PHONE", "phone-international")
                end = last = match.end()
        at = text.find("+", end)


def _joined(text: str, at: int) -> bool:
    """Whether the `+` adds up or joins two words."""
    if at == 0:
        return False
    left = text[at - 1]
    if not left.isascii() or not (left.isalnum() or left in "_+"):
        return False
    return not (left in "nrt" and text[at - 2 : at - 1] == "\\")


def _plausible(digits: str) -> bool:
    if digits[0] == "1":
        return len(digits) == _NANP and digits[1] not in "01"
    if not (_SHORTEST + (digits[:3] not in _SHORT)) <= len(digits) <= 15:
        return False
    return digits[:2] in _CODES or digits[:3] in _CODES or digits[0] == "7"


def extended(text: str, end: int) -> int:
    """Where the extension behind a number that ends at `end` ends."""
    match = _EXTENDED.match(text, end)
    return match.end() if match is not None else end


def phone_points(text: str, start: int, digits: str, groups: Sequence[str]) -> tuple[int, float]:
    """Where a national number whose digits begin at `start` begins, and how much its writing speaks for a phone."""
    size = len(digits)
    area = _AREA.search(text, max(0, start - 11), start)
    begin = start
    points = 0.0
    if (area is not None and text[max(0, area.start() - 1) : area.start()] not in ("+", "")) or area is not None:
        begin = area.start()
    if begin != start:
        inside = "".join(filter(str.isdigit, text[begin:start]))
        whole = inside + digits
        if not _SHORTEST <= len(whole) <= 12:
            return start, 0.0
        nanp = len(whole) in (10, 11) and size == 7 and inside[-3:-2] not in "01"
        return begin, 10.0 if nanp and len(groups) == 2 else 5.0
    if not _SHORTEST <= size <= 14 or len(groups) > 6:
        return start, 0.0
    if len(groups) == 1:
        if digits[:2] == "00" and size > 10:
            points = 4.0 if digits[2:4] in _CODES or digits[2:5] in _CODES else 0.0
        elif (_TRUNK.match(digits) and size in (10, 11)) or _CHINESE.match(digits):
            points = 3.2
        elif size in (7, 8, 9, 10, 11, 12):
            points = 0.1
        return start, points
    if _ISO_DATE.match(text, start):
        return start, 0.0
    if digits[:2] == "00":
        code = digits[2:4] in _CODES or digits[2:5] in _CODES or digits[2] in "17"
        return start, 10.5 if code and 10 <= size <= 15 and digits[2] != "0" else 0.0
    shape = tuple(map(len, groups))
    if shape in ((3, 3, 4), (1, 3, 3, 4)):
        national = digits[-10:]
        if national[0] in "23456789" and national[3] in "23456789" and (size == 10 or digits[0] == "1"):
            dashed = text[start + len(groups[0])] in "-."
            return start, 10.0 if dashed else 7.0
    if max(shape) <= 5 and min(shape) >= 1:
        points = 5.5 if digits[0] == "0" and 9 <= size <= 11 else 3.1 if len(shape) > 2 and 9 <= size <= 11 else 0.5
    elif max(shape) <= 8:
        points = 5.0 if digits[0] == "0" and shape[0] <= 6 and 9 <= size <= 12 else 0.3
    elif max(shape) <= 10 and digits[0] == "0" and shape[0] <= 5:
        points = 0.3
    return start, points
