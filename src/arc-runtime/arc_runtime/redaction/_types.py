"""Every type that there is, by which policies are checked."""

from functools import cache
from typing import Final

from arc_runtime.redaction._clues import TYPES_WITH_WORDS
from arc_runtime.redaction._mixed import MIXED, OMOCODIA
from arc_runtime.redaction._names import NAMES
from arc_runtime.redaction._national import NUMBERS, WEAK
from arc_runtime.redaction._registers import REGISTERS

__all__ = ["known_types"]

_OTHERS: Final = {
    "SECRET", "EMAIL", "PHONE", "CARD", "IBAN", "ABA_ROUTING_NUMBER", "US_BANK_NUMBER", "IP_ADDRESS", "MAC_ADDRESS",
    "CRYPTO", "DATE_OF_BIRTH", "DE_PASSPORT", "ZA_DRIVER_LICENSE", "NUMBER", "DENIED",
}  # fmt: skip


@cache
def known_types() -> frozenset[str]:
    """What placeholders may say, but for rules of the user's own."""
    numbers = {number.type for number in (*NUMBERS, *WEAK, *REGISTERS)}
    mixed = {kind.type for kinds in MIXED.values() for kind in kinds}
    return frozenset({*_OTHERS, *NAMES.values(), *TYPES_WITH_WORDS, *numbers, *mixed, OMOCODIA.type})
