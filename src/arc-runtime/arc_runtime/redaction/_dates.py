"""Dates of birth: a date, as ISO 8601, RFC 5322 and people write it, right behind a word that says so."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily

__all__ = ["BIRTH_WORDS", "dates_of_birth"]

BIRTH_WORDS: Final = (
    "dob", "d.o.b", "birth", "born", "bday", "geburt", "geboren", "geb.", "naissance", "née", "né le", "nací", "nacimiento", "nacid", "nació", "fecha_nac", "nasci", "nasceu", "nato il", "nata il", "nato a ", "nata a ", "nacque", "geboorte",
    "födelse", "född", "fødsel", "født", "synty", "urodz", "narozen", "narodil", "rojstva", "rođen", "rojen",
    "рожден", "рождён", "родил", "народжен", "народил", "раждане", "роден", "出生", "生年月日", "誕生日", "生まれ", "생년월일", "생일", "γέννησης", "γεννήθηκ",
    "doğum", "doğdu", "تاريخ الميلاد", "مواليد", "תאריך לידה", "วันเกิด", "जन्म", "szület", "naştere", "naștere", "nasterii", "născut",
    "tanggal lahir", "tgl lahir", "ngày sinh", "sinh ngày", "fæðing", "gimimo", "dzimšanas", "sünniaeg", "sündinud", "datelindja", "kuzaliwa",
)  # fmt: skip
"""What says, in lower case, that a date of birth follows."""
# The months as Unicode's CLDR has them ("dates/calendars/gregorian/months", wide and abbreviated), up to where they differ.
_MONTHS: Final = (
    "jan|ene|gen|feb|fev|fév|helmi|tammi|mar|mär|maa|mrt|apr|abr|avr|huhti|may|mai|maj|mag|mei|mayo|touko|jun|jui|giu|kesä|jul|lug|heinä|"
    "aug|ago|aoû|aou|elo|sep|set|syys|oct|okt|out|ott|loka|nov|marras|dec|déc|dez|dic|des|joulu|"
    "sty|lut|kwi|cze|lip|sie|wrz|paź|lis|gru|led|úno|bře|dub|kvě|čer|srp|zář|říj|pro|oca|şub|nis|haz|tem|ağu|eyl|eki|kas|ara|"
    "янв|фев|мар|апр|мая|май|июн|июл|авг|сен|окт|ноя|дек|січ|лют|берез|кві|тра|чер|лип|серп|вер|жов|лис|груд|ιανουαρί|ιανουά|φεβ|μαρ|απρ|μαΐ|μαι|ιουνί|ιούν|ιουλί|ιούλ|αυγού|αύγ|σεπ|οκτ|νοε|δεκ|"
    "ian|iun|iul|noi|velj|ožuj|trav|svib|lip|srp|kolov|ruj|listop|stud|pros|sij"
)
_MONTH: Final = rf"(?:{_MONTHS})[^\W\d_]{{0,9}}\.?"
_YEAR: Final = r"(?:(?:19|20)[0-9]{2}|'?[0-9]{2})(?![0-9])"
_DATE: Final = lazily(
    r"(?:19|20)[0-9]{2}(?:[-/.][01]?[0-9][-/.][0-3]?[0-9]|\\/[01]?[0-9]\\/[0-3]?[0-9]|[01][0-9][0-3][0-9]|[ ]?[年년][ ]?[01]?[0-9][ ]?[月월][ ]?[0-3]?[0-9][ ]?[日일])(?![0-9])|"
    rf"[0-3]?[0-9](?:\\?/|[-.] ?| )[0-3]?[0-9](?:\\?/|[-.] ?| ){_YEAR}|"
    rf"[0-3]?[0-9](?:st|nd|rd|th|er|\.|º|°|ª)?[ -]?(?:de |of |day of )?{_MONTH}(?:[ ,-]{{1,2}})(?:de |del |of )?{_YEAR}|"
    rf"{_MONTH}[ -]?(?:the )?[0-3]?[0-9](?:st|nd|rd|th|\.)?(?:,[ ]?|[ -])(?:(?:19|20)[0-9]{{2}})(?![0-9])|"
    rf"(?:19|20)[0-9]{{2}}[ -.]{{1,2}}{_MONTH}[ -][0-3]?[0-9](?![0-9])",
    re.IGNORECASE,
)
_WINDOW: Final = 48
_START: Final = lazily(r"(?<![0-9A-Za-z])|(?<=\\[nrt])")
_BETWEEN: Final = lazily(r"[0-9]{4}|<DATE_OF_BIRTH")


def dates_of_birth(text: str, anchors: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """The first date within some words behind each of `anchors` (start and end of the word)."""
    for start, end in anchors:
        left = text[start - 1 : start]
        if left == "_" and text[end : end + 1] == ">":
            continue  # <DATE_OF_BIRTH>
        if left.isalpha() and text[start : start + 1].islower() and left.islower():
            continue
        match = _DATE.search(text, end, min(len(text), end + _WINDOW))
        while match is not None and not _START.match(text, match.start()):
            match = _DATE.search(text, match.start() + 1, min(len(text), end + _WINDOW))
        if match is not None and not _BETWEEN.search(text, end, match.start()):
            yield Finding(match.start(), match.end(), "DATE_OF_BIRTH", "date-of-birth")
