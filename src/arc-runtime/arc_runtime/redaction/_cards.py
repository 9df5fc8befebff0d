"""Payment cards: the issuer's range, its length, and the check digit (ISO/IEC 7812-1)."""

from typing import Final

from arc_runtime.redaction._checks import luhn
from arc_runtime.redaction._lazily import lazily

__all__ = ["CARD_LENGTHS", "card_points"]

CARD_LENGTHS: Final = range(12, 20)
_MAIN: Final = lazily(
    r"4[0-9]{15}\Z|"  # Visa
    r"(?:5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12})\Z|"  # Mastercard
    r"3[47][0-9]{13}\Z|"  # American Express
    r"(?:6011|65[0-9]{2}|64[4-9][0-9])[0-9]{12}\Z|"  # Discover
    r"35(?:2[89]|[3-8][0-9])[0-9]{12}\Z|"  # JCB
    r"3(?:0[0-5]|[689][0-9])[0-9]{11}\Z"  # Diners Club
)
_OTHERS: Final = lazily(
    r"4[0-9]{12}\Z|4[0-9]{18}\Z|"  # Visa of 13 and 19 digits
    r"(?:6011|65[0-9]{2}|64[4-9][0-9])[0-9]{13,15}\Z|35(?:2[89]|[3-8][0-9])[0-9]{13,15}\Z|"
    r"35[0-9]{14}\Z|(?:2131|1800)[0-9]{11}\Z|"  # JCB of 15 digits
    r"(?:62|81)[0-9]{14,17}\Z|"  # UnionPay
    r"(?:5018|5020|5038|5[6-8][0-9]{2}|6304|6759|676[1-3])[0-9]{8,15}\Z|"  # Maestro
    r"(?:60|65|81|82|508)[0-9]{13,14}\Z|"  # RuPay
    r"220[0-4][0-9]{12,15}\Z|"  # Mir
    r"9792[0-9]{12}\Z|"  # Troy
    r"(?:506[01]|507[89]|6500)[0-9]{12,15}\Z"  # Verve
)
_SHAPES: Final = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 4, 4, 3), (6, 13)})


def card_points(digits: str, shape: tuple[int, ...]) -> float:
    """How much `digits`, grouped in `shape`, speak for a card; 0 when they can be none."""
    if _MAIN.match(digits):
        points = 10.0
    elif _OTHERS.match(digits):
        points = 6.0
    else:
        return 0.0
    if len(shape) > 1:
        points += 6 if shape in _SHAPES else -3
    elif points > 9 and len(digits) == 14:
        points -= 1
    return points if luhn(digits) and len(set(digits)) > 1 else 0.0
