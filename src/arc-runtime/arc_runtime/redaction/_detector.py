"""One pass over a text: the scanner's hits are handed to the rules that they are for."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Final

from arc_runtime.redaction._credentials import CREDENTIALS, Credential
from arc_runtime.redaction._dates import BIRTH_WORDS, dates_of_birth
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._network import emails, ipv4, ipv6, macs
from arc_runtime.redaction._numbers import numbers
from arc_runtime.redaction._phones import international
from arc_runtime.redaction._scanners import scanner
from arc_runtime.redaction._secrets import (
    KEY_WORDS,
    basic_users,
    cookies,
    credential,
    discord_tokens,
    headers,
    in_urls,
    kubernetes_secrets,
    named,
    numbered_tokens,
)
from arc_runtime.redaction._views import View, view
from arc_runtime.redaction._wallets import (
    CASH_ADDRESS,
    SEGWIT_PREFIXES,
    WALLET_WORDS,
    bitcoin,
    cash,
    ethereum,
    named_wallets,
    segwit,
)

__all__ = ["detect"]

_AT, _URL, _COLONS, _HEX = "@", "://", "::", "0x"
_KUBERNETES: Final = ("kind: secret", "kind: 'secret", 'kind: "secret', 'kind: \\"secret', '"kind":"secret')
_HEADERS: Final = ("bearer", "basic", "authorization")


def _words() -> tuple[tuple[str, ...], dict[str, list[Credential]]]:
    forms: dict[str, list[Credential]] = {}
    for kind in CREDENTIALS:
        for literal in kind.literals:
            forms.setdefault(literal, []).append(kind)
    others = (
        _AT,
        _URL,
        _COLONS,
        _HEX,
        *_HEADERS,
        "cookie",
        "curl",
        *_KUBERNETES,
        *BIRTH_WORDS,
        *SEGWIT_PREFIXES,
        CASH_ADDRESS,
        *WALLET_WORDS,
        *KEY_WORDS,
    )
    return tuple(dict.fromkeys((*forms, *others))), forms


_WORDS, _FORMS = _words()
_KINDS: Final = {
    **dict.fromkeys(BIRTH_WORDS, "birth"),
    **dict.fromkeys(WALLET_WORDS, "wallet"),
    **dict.fromkeys(SEGWIT_PREFIXES, "segwit"),
    **dict.fromkeys(KEY_WORDS, "key"),
    **dict.fromkeys(_HEADERS, "header"),
    **dict.fromkeys(_KUBERNETES, "kubernetes"),
    CASH_ADDRESS: "cash", _AT: "at", _URL: "url", _COLONS: "colons", _HEX: "hex", "cookie": "cookie", "curl": "curl",
}  # fmt: skip
_BY_SPANS: Final = {"key": named, "birth": dates_of_birth}
_BY_STARTS: Final = {
    "at": emails, "url": in_urls, "colons": ipv6, "header": headers, "hex": ethereum, "segwit": segwit, "cash": cash,
    "wallet": named_wallets, "kubernetes": kubernetes_secrets, "cookie": cookies, "curl": basic_users,
}  # fmt: skip
"""The rules for each kind of word: given where the words are, or only where they begin."""
_BY_INDEX: Final = tuple((_KINDS.get(word), tuple(_FORMS.get(word, ()))) for word in _WORDS)
_by_start: Final = itemgetter(1, 2)
_CAPITAL_I: Final = "\u0130"


def detect(text: str, engine: str = "") -> list[Finding]:
    """Every finding of every rule in `text`, in no order, overlapping ones too."""
    seen = view(text)
    found = list(_found(seen.text, engine))
    if not found or seen.text is text:
        return found
    return [_moved(finding, seen) for finding in found]


def _moved(finding: Finding, seen: View) -> Finding:
    # What ends before an escape ends where the escape begins: the end is taken from the last character.
    start, last = seen.original(finding.start), finding.end - 1
    end = seen.original(finding.end)
    return finding._replace(start=_start_of(seen, finding.start, start), end=max(end, seen.original(last) + 1))


def _start_of(seen: View, index: int, original: int) -> int:
    """Where an escape that shows as the character at `index` begins: right behind the character before it."""
    return original if index == 0 else min(original, seen.original(index - 1) + 1)


def _found(text: str, engine: str) -> Iterator[Finding]:
    low = text.lower()
    if len(low) != len(text):
        low = text.replace(_CAPITAL_I, "I").lower()
    scan = scanner(_WORDS, engine)
    words = scan.words(low)
    digits, long, marks, discord = scan.patterns(text)
    if words:
        yield from _at_words(text, words)
    if "+" in text:
        yield from international(text)
    if digits:
        yield from numbers(text, digits)
        yield from ipv4(text, digits)
        yield from numbered_tokens(text, digits)
    if long:
        yield from bitcoin(text, long)
    if marks:
        yield from macs(text, [start for start, _ in marks])
        yield from ipv6(text, [start for start, _ in marks])
    if discord:
        yield from discord_tokens(text, discord)


def _at_words(text: str, words: list[tuple[int, int, int]]) -> Iterator[Finding]:
    by_kind: dict[str, list[tuple[int, int]]] = {}
    words.sort(key=_by_start)
    done = 0
    for index, start, end in words:
        kind, forms = _BY_INDEX[index]
        if kind is not None:
            by_kind.setdefault(kind, []).append((start, end))
        for form in forms if start >= done else ():
            found = credential(text, start, form)
            if found is not None:
                yield found
                done = found.end
    for kind, spans in by_kind.items():
        if kind in _BY_SPANS:
            yield from _BY_SPANS[kind](text, spans)
        else:
            yield from _BY_STARTS[kind](text, [start for start, _ in spans])
