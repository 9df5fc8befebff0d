r"""Text without its escapes, and the way back: `%40`, `\u0040` and full-width signs hide what rules look for.

A view is as long as what it shows, so rules work on it as on any text; `original` turns its indices into those of the
text that it was made of. Escapes of letters such as `\\n` stay: the rules know them.
"""

import re
from bisect import bisect_right
from typing import Final

__all__ = ["View", "view"]

_PERCENTS: Final = re.compile(
    r"%(?:25)*(?:([2-7][0-9A-Fa-f])|(?:[Cc][2-9A-Fa-f]|[DdEe][0-9A-Fa-f]|[Ff][0-4])(?:%(?:25)*[89ABab][0-9A-Fa-f]){1,3})"
)
_UNICODE: Final = re.compile(r"\\{1,16}u([0-9A-Fa-f]{4})")
_ENTITIES: Final = re.compile(r"&(?:#(?:64|x40|0?64)|amp);")
# Not for the sake of quotes and dashes (\\u2019) alone, which models write all the time.
_TELLING: Final = re.compile(r"\\u(?:00[2-7c-fC-F]|0[1-9a-fA-F]|[13-9a-fA-F])")
_PERCENT: Final = re.compile(r"%(?:25)*[2-7C-Fc-f][0-9A-Fa-f]")
_OCTET: Final = re.compile(r"%(?:25)*([89A-Fa-f][0-9A-Fa-f])")
_QUERY: Final = re.compile(r"\?[\w.%\[\]-]{1,64}=[^\s\"'<>#\\]{1,4096}")
_FORM: Final = re.compile(r"[?&][\w.%\[\]-]{1,64}=[^\s&\"'<>#\\/+=]{1,64}(?:\+[^\s&\"'<>#\\/+=]{0,64})+(?![+/=])")
"""A value of a form: words joined by plus signs (WHATWG URL, application/x-www-form-urlencoded); not base 64."""
_FOLDED: Final = {
    **dict.fromkeys((0xA0, 0x2002, 0x2003, 0x2007, 0x2008, 0x2009, 0x200A, 0x202F, 0x3000), " "),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE63, 0xFF0D), "-"),
    # signs and digits of full width (Unicode block Halfwidth and Fullwidth Forms)
    **{0xFF01 + index: chr(0x21 + index) for index in range(94)},
    # digits of Arabic, Persian, Devanagari, Bengali and Thai
    **{base + digit: str(digit) for base in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for digit in range(10)},
}
# Halves of surrogate pairs, as file names bring them, have no form in UTF-8.
_FOLDABLE: Final = re.compile("[\ud800-\udfff" + "".join(map(chr, _FOLDED)) + "]")


class View:
    """`text` as rules see it; `original(index)` is where that is in what it was made of."""

    __slots__ = ("_from", "_to", "text")

    def __init__(self, text: str, starts: list[int], offsets: list[int]) -> None:
        self.text = text
        self._from = starts
        self._to = offsets

    def original(self, index: int) -> int:
        """Where the character at `index` begins in the text that this is a view of."""
        if not self._from:
            return index
        at = bisect_right(self._from, index) - 1
        return index if at < 0 else index + self._to[at]


def view(text: str) -> View:
    """`text` without escapes; the very same text when it has none."""
    starts: list[int] = []
    offsets: list[int] = []
    if "+" in text and "?" in text and "=" in text:
        text = _QUERY.sub(_of_form, text)
    percents = "%" in text and _PERCENT.search(text) is not None
    entities = "&" in text and "&#" in text
    if percents or entities or ("\\" in text and "\\u" in text and _TELLING.search(text)):
        text = _unescaped(text, starts, offsets)
    if not text.isascii():
        text = _FOLDABLE.sub(lambda match: _FOLDED.get(ord(match.group()), "\ufffd"), text)
    return View(text, starts, offsets)


def _of_form(query: re.Match[str]) -> str:
    found = query.group()
    return _FORM.sub(lambda match: match.group().replace("+", " "), found) if "+" in found else found


def _unescaped(text: str, starts: list[int], offsets: list[int]) -> str:
    pieces: list[str] = []
    at = size = 0
    for match in _escapes(text):
        sign, code = match.group()[0], match.group(1) if match.re.groups else None
        if code:
            char = chr(int(code, 16))
        elif sign == "%":
            char = _of_octets(match.group())
        else:
            char = "@" if match.group()[1] == "#" else "&"
        if "\ud800" <= char <= "\udfff" or char == "\x00":
            char = "\ufffd"
        pieces.append(text[at : match.start()])
        pieces.append(char)
        size += match.start() - at + len(char)
        at = match.end()
        starts.append(size)
        offsets.append(at - size)
    pieces.append(text[at:])
    return "".join(pieces)


def _escapes(text: str) -> list[re.Match[str]]:
    """All escapes in order; a search for each sign by itself is much faster than one for any of them."""
    kinds = [kind for kind, sign in ((_PERCENTS, "%"), (_UNICODE, "\\u"), (_ENTITIES, "&")) if sign in text]
    found = [match for kind in kinds for match in kind.finditer(text)]
    if len(kinds) > 1:
        found.sort(key=re.Match.start)
    return found


def _of_octets(escapes: str) -> str:
    """The character whose UTF-8 is written as `escapes`; the replacement character when it is none, or not just one."""
    char = bytes(int(octet, 16) for octet in _OCTET.findall(escapes)).decode("utf-8", "replace")
    return char if len(char) == 1 else "\ufffd"
