"""Addresses of crypto wallets, with the checksum that each chain publishes."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from arc_runtime.redaction._checks import base58check, bech32
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._lazily import lazily

__all__ = ["CASH_ADDRESS", "SEGWIT_PREFIXES", "WALLET_WORDS", "bitcoin", "cash", "ethereum", "named_wallets", "segwit"]

SEGWIT_PREFIXES: Final = (
    "bc1", "ltc1", "tb1", "addr1", "stake1", "cosmos1", "osmo1", "celestia1", "inj1", "terra1", "sei1", "bnb1", "erd1", "zs1",
)  # fmt: skip
"""Human-readable parts of addresses with their separator: SLIP 173 (Bitcoin and its test nets, Litecoin, chains of Cosmos), CIP 19."""
CASH_ADDRESS: Final = "bitcoincash:"
"""What addresses of Bitcoin Cash begin with (its CashAddr specification)."""
WALLET_WORDS: Final = (
    "wallet", "coin", "btc", "ltc", "ripple", "xrp", "tron", "trx", "usdt", "solana", "monero", "xmr", "crypto", "deposit", "send to", "zcash",
    "stellar", "xlm", "doge", "tezos", "address", "адрес", "indirizzo", "dirección", "endereço", "地址", "アドレス",
)  # fmt: skip
"""What says that an address of a chain follows."""
_EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_BITCOIN: Final = lazily(_EDGE + r"[13][1-9A-HJ-NP-Za-km-z]{25,34}(?![0-9A-Za-z])")
_ETHEREUM: Final = lazily(r"0x[0-9a-fA-F]{40}(?![0-9A-Za-z])")
_SEGWIT: Final = lazily(rf"(?:{'|'.join(SEGWIT_PREFIXES)})[02-9ac-hj-np-z]{{25,110}}(?![0-9A-Za-z])", re.IGNORECASE)
_CASH: Final = lazily(r"bitcoincash:[qp][02-9ac-hj-np-z]{41}(?![0-9A-Za-z])", re.IGNORECASE)
_NAMED: Final = lazily(
    _EDGE
    + r"(?:(?P<v25>[LMDATXrnm2][1-9A-HJ-NP-Za-km-z]{25,34})|(?P<zec>t[13][1-9A-HJ-NP-Za-km-z]{33})|(?P<xtz>(?:tz[1-4]|KT1)[1-9A-HJ-NP-Za-km-z]{33})|"
    r"(?P<xmr>[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93})|(?P<xlm>G[A-Z2-7]{55})|(?P<sol>[1-9A-HJ-NP-Za-km-z]{43,44}))(?![0-9A-Za-z])"
)
_ADDRESS: Final = frozenset({"addr", "адре", "indi", "dire", "ende", "地址"})
"""How words for an address begin, of anything: they tell only of what has check digits."""
_RIPPLE: Final = str.maketrans(
    "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz",
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
)
_WINDOW: Final = 170

_VARIED: Final = 20
"""How many characters of a Base58 key of 40 to 100 differ, at least."""


def bitcoin(text: str, hits: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """Bitcoin addresses of BIP 13 and before: Base58Check."""
    for start, _ in hits:
        left = text[start - 1 : start]
        if left.isascii() and (left.isalnum() or left == "_"):
            continue
        match = _BITCOIN.match(text, start)
        if match is not None and base58check(match.group()):
            yield Finding(start, match.end(), "CRYPTO", "bitcoin")


def ethereum(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """`0x` and forty hex digits (EIP 55); the form is long enough to prove itself."""
    for start in anchors:
        match = _ETHEREUM.match(text, start)
        left = text[start - 1 : start]
        if match is not None and (not (left.isalnum() or left == "_") or text[start - 2 : start - 1] == "\\"):
            yield Finding(start, match.end(), "CRYPTO", "ethereum")


def segwit(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """Addresses in bech32 and bech32m, with their checksum."""
    for start in anchors:
        match = _SEGWIT.match(text, start)
        left = text[start - 1 : start]
        if match is None or (left.isalnum() and text[start - 2 : start - 1] != "\\"):
            continue
        if bech32(match.group()):
            yield Finding(start, match.end(), "CRYPTO", "bech32")


def cash(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """Addresses of Bitcoin Cash; the form is long enough to prove itself."""
    for start in anchors:
        match = _CASH.match(text, start)
        if match is not None and not text[start - 1 : start].isalnum():
            yield Finding(start, match.end(), "CRYPTO", "cashaddr")


def named_wallets(text: str, anchors: Sequence[int]) -> Iterator[Finding]:
    """Addresses of chains whose form says less, behind a word that names them."""
    done = 0
    for anchor in anchors:
        if anchor < done:
            continue
        done = anchor + _WINDOW // 4
        for match in _NAMED.finditer(text, anchor, min(len(text), anchor + _WINDOW)):
            value = match.group()
            kind = match.lastgroup
            ripple = value[0] == "r" and base58check(value.translate(_RIPPLE))
            if kind in ("v25", "zec", "xtz"):
                fits = ripple or any(base58check(value, size) for size in (25, 26, 27))
            elif text[anchor : anchor + 4].lower() in _ADDRESS:
                fits = False
            else:
                fits = len(set(value)) > _VARIED
            if fits:
                yield Finding(match.start(), match.end(), "CRYPTO", "wallet")
