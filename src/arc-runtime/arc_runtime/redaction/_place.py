"""Where a number stands: which words are beside it, and whether it is by itself; in points, as `_numbers` adds them."""

from typing import Final

from arc_runtime.redaction._clues import Clues, after, before

__all__ = ["ASCII_ALNUM", "COUNTRY", "ENOUGH", "ESCAPED", "MOST_OF_A_PERSON", "WORDLIKE", "Place", "emphasized"]

ENOUGH: Final = 10.0
_WHOLE: Final = 7.0
_ALONE: Final = 5.0
_PERSON: Final = 5.0
MOST_OF_A_PERSON: Final = 9.5
COUNTRY: Final = 4.0
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
_RIGHT_IN_FRONT: Final = 6
_RIGHT_BESIDE: Final = 11.7
"""What a clue within five characters says."""
_STRONG: Final = 10.9
"""What a form of its own and check digits come to."""
ESCAPED: Final = frozenset("nrtbf")
ASCII_ALNUM: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
WORDLIKE: Final = ASCII_ALNUM | {"_"}


class Place:
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
        if person and not self.alone and _is_member(self.text, self.start):
            person += 2.5
        country = (
            2.0
            if type_ == "PHONE" and any(len(word) == 2 for word in clues)
            else COUNTRY
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
        elif type_ == "US_DRIVER_LICENSE" and not points and self.clues.get("LICENSE", 0.0) > _RIGHT_BESIDE:
            points = self.clues["LICENSE"]  # farther away it is that of a program
        return max(points + self.other, 0.0)


def emphasized(text: str, end: int) -> bool:
    """Whether the `_` at `end` closes emphasis in Markdown."""
    return text[end] == "_" and text[end + 1 : end + 2] not in WORDLIKE


def _is_member(text: str, start: int) -> bool:
    """Whether a number of JSON stands at `start` as the value of a name, in JSON inside JSON too."""
    return text[start - 2 : start] == ": " and text[start - 3 : start - 2] in ("'", '"')


def _alone(text: str, start: int, end: int) -> float:
    left, right = text[:start].rstrip(" ") if start < 4 else text[start - 1], text[end : end + 1]
    if not left and not text[end : end + 4].strip():
        return _WHOLE
    opened = not left or left in "\"'=\n\t>*`|" or (left in ESCAPED and text[start - 2 : start - 1] == "\\")
    if not opened:
        return 0.0
    if not right or right in "\"'&\n\t<*`|\\":
        return _ALONE
    return 3.0 if right in " ;," and left == "=" else 0.0
