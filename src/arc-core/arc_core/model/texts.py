"""What free text is looked for in: the filter language asks for it, and an index may hold it."""

from typing import Final

TEXTS: Final = ("SpanName", "StatusMessage", "InputMessages", "OutputMessages")
"""Columns of `spans` in which free text is looked for."""


def searched(column: str) -> str:
    r"""`column` as free text is compared with it; an index is used where it holds this very expression.

    Messages are JSON: without the escapes, the `n` of `\n` would be the first letter of the word after it.
    """
    told = column
    for escape in ("n", "t", "r"):
        told = f"replaceAll({told}, '\\\\{escape}', '  ')"
    return f"lowerUTF8({told})"
