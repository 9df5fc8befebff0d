"""Check digits and dates that public formats of numbers ask for; digits in, truth out, about a microsecond each."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

__all__ = [
    "aba_routing",
    "base58check",
    "bech32",
    "ean13",
    "is_date",
    "is_month_and_day",
    "iso7064_mod11_2",
    "iso7064_mod11_10",
    "luhn",
    "mod97",
    "verhoeff",
    "weighted",
]

_DOUBLED: Final = bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9))
_DAYS: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BASE58: Final = {
    char: value for value, char in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}
_BECH32: Final = {char: value for value, char in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_ENDS: Final = frozenset({1, 0x2BC830A3})
_DIHEDRAL: Final = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_PERMUTED: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def luhn(digits: str) -> bool:
    """Whether the last of `digits` is the check digit that ISO/IEC 7812-1, annex B, asks for."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (odd + even) % 10 == 0


def verhoeff(digits: str) -> bool:
    """Whether `digits` pass Verhoeff's check (Mathematical Centre Tracts 29, 1969)."""
    check = 0
    for index, digit in enumerate(reversed(digits)):
        check = int(_DIHEDRAL[check][int(_PERMUTED[index % 8][int(digit)])])
    return check == 0


def mod97(text: str) -> bool:
    """Whether letters and digits, the first four moved to the end, leave 1 of 97 (ISO 13616, ISO/IEC 7064)."""
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def iso7064_mod11_10(digits: str) -> bool:
    """Whether `digits` pass the hybrid system MOD 11,10 of ISO/IEC 7064."""
    rest = 10
    for digit in digits[:-1]:
        rest = ((rest + int(digit)) % 10 or 10) * 2 % 11
    return (11 - rest) % 10 == int(digits[-1])


def iso7064_mod11_2(text: str) -> bool:
    """Whether digits with a last one of 0 to 9 or X pass MOD 11-2 of ISO/IEC 7064."""
    check = 0
    for char in text[:-1]:
        check = (check + int(char)) * 2 % 11
    return (check + (10 if text[-1] in "Xx" else int(text[-1]))) % 11 == 1


def ean13(digits: str) -> bool:
    """Whether the last of thirteen digits is the check digit of GS1."""
    return (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0


def aba_routing(digits: str) -> bool:
    """Whether nine digits have the weights 3-7-1 and a prefix of the ABA's routing number policy."""
    first = int(digits[:2])
    in_range = first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80
    return in_range and digits != "000000000" and weighted(digits, (3, 7, 1) * 3) % 10 == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of `digits` times `weights`, as far as both go."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    if not (1 <= month <= 12 and 1 <= day <= _DAYS[month]):
        return False
    if month == 2 and day == 29:
        try:
            date(year, month, day)
        except ValueError:
            return False
    return True


def is_month_and_day(month: int, day: int) -> bool:
    """Whether some year has such a day."""
    return 1 <= month <= 12 and 1 <= day <= _DAYS[month]


def base58check(text: str, size: int = 25, alphabet: Callable[[str], str] | None = None) -> bool:
    """Whether `text` is `size` bytes in base 58 that end in four of their double SHA-256 (Bitcoin, Base58Check)."""
    number = 0
    for char in alphabet(text) if alphabet else text:
        value = _BASE58.get(char)
        if value is None:
            return False
        number = number * 58 + value
    try:
        raw = number.to_bytes(size, "big")
    except OverflowError:
        return False
    # S324: the coin decides on the hash
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def bech32(text: str) -> bool:
    """Whether `text` has the checksum of BIP 173 (bech32) or BIP 350 (bech32m)."""
    if text != text.lower() and text != text.upper():
        return False
    prefix, _, data = text.lower().rpartition("1")
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    for char in data:
        value = _BECH32.get(char)
        if value is None:
            return False
        values.append(value)
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for index, generator in enumerate(_BECH32_GENERATORS):
            if top >> index & 1:
                check ^= generator
    return check in _BECH32_ENDS
