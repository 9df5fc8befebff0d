"""Dates of birth: a date, as ISO 8601, RFC 5322 and people write it, right behind a word that says so."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily

__all__ = ["BIRTH_WORDS", "dates_of_birth"]

BIRTH_WORDS: Final = (
    "dob", "d.o.b", "birth", "born", "bday", "geburt", "geboren", "geb.", "naissance", "née le", "né le", "nacimiento", "nacido",
    "nacida", "fecha_nac", "nascita", "nascimento", "nascido", "nato il", "nata il", "nacque", "geboorte", "födelse", "född", "fødsel", "født", "syntym",
    "urodzen", "urodzon", "narozen", "рожден", "родил", "народжен", "出生", "生年月日", "생년월일", "γέννησης", "doğum", "تاريخ الميلاد", "szület", "naştere", "nasterii",
)  # fmt: skip
"""What says, in lower case, that a date of birth follows."""
_MONTHS: Final = (
    "jan(?:uar[yi]?|vier|\\.)?|ene(?:ro)?|gennaio|feb(?:ruar[yi]?|rero|braio|\\.)?|f[ée]vrier|mar(?:ch|zo|s|\\.)?|m[äa]rz|maart|apr(?:il|ile|\\.)?|avril|"
    "abr(?:il)?|may|mai|mayo|maggio|jun[ei]?|juin|junio|giugno|jul[yi]?|juillet|julio|luglio|aug(?:ust|\\.)?|ao[ûu]t|agosto|"
    "sep(?:t|tember|tembre|tiembre|\\.)?|settembre|oct(?:ober|obre|ubre|\\.)?|okt(?:ober)?|ottobre|nov(?:ember|embre|iembre|\\.)?|"
    "dec(?:ember|\\.)?|d[ée]cembre|dez(?:ember)?|dic(?:iembre|embre)?"
)
_DATE: Final = lazily(
    r"(?:19|20)[0-9]{2}(?:[-/.][01]?[0-9][-/.][0-3]?[0-9]|[01][0-9][0-3][0-9]|年[ ]?[01]?[0-9]月[ ]?[0-3]?[0-9]日|년[ ]?[01]?[0-9]월[ ]?[0-3]?[0-9]일)(?![0-9])|"
    r"[0-3]?[0-9](?:/|\\/|[-. ])[0-3]?[0-9](?:/|\\/|[-. ])(?:(?:19|20)[0-9]{2}|[0-9]{2})(?![0-9])|"
    rf"[0-3]?[0-9](?:st|nd|rd|th|er|\.|º)?[ -]?(?:de |of )?(?:{_MONTHS})[ ,.-]{{1,2}}(?:de |del )?(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})(?![0-9])|"
    rf"(?:{_MONTHS})[ ]?[0-3]?[0-9](?:st|nd|rd|th)?[, ]{{1,2}}(?:19|20)[0-9]{{2}}(?![0-9])",
    re.IGNORECASE,
)
_WINDOW: Final = 48
_START: Final = lazily(r"(?<![0-9A-Za-z])|(?<=\\[nrt])")
_BETWEEN: Final = lazily(r"[0-9]{4}")


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
