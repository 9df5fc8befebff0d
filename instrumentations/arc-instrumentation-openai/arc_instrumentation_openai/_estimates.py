"""Token counts where the provider sends none: about four characters a token, marked as an estimate.

Four characters a token is OpenAI's own rule of thumb for English text ("What are tokens and how to count them?"). It
is low for code and for scripts other than Latin, and knows nothing of hidden reasoning. A tokenizer would be closer,
at the price of a dependency and of vocabularies fetched over the network.
"""

from collections.abc import Mapping
from typing import Final

from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

__all__ = ["estimated_usage", "text_length"]

_CHARACTERS_A_TOKEN: Final = 4
_DEEPEST: Final = 16
_NO_TEXT: Final = frozenset({"id", "type", "role", "call_id", "tool_call_id", "status", "strict"})
"""Fields that hold no words of the content."""
_OPAQUE: Final = frozenset({
    "image_url", "input_audio", "file", "file_id", "file_data", "file_url", "audio", "encrypted_content", "data",
})  # fmt: skip
"""Fields whose size in tokens does not follow from their length."""


def text_length(value: object, depth: int = 0) -> int | None:
    """Characters of text in `value`, JSON values at any depth; None where something in it cannot be counted."""
    if isinstance(value, str):
        return len(value)
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        if any(value.get(field) is not None for field in _OPAQUE):
            return None
        return _sum([text_length(item, depth + 1) for key, item in value.items() if key not in _NO_TEXT])
    if isinstance(value, list | tuple):
        return _sum([text_length(item, depth + 1) for item in value])
    return 0 if value is None or isinstance(value, bool | int | float) else None


def _sum(lengths: list[int | None]) -> int | None:
    known = [length for length in lengths if length is not None]
    return sum(known) if len(known) == len(lengths) else None


def estimated_usage(sent: int | None, received: int) -> dict[str, AttributeValue]:
    """Usage for that many characters `sent` (None: not known) and `received`, and the mark that it is an estimate."""
    attributes: dict[str, AttributeValue] = {
        semconv.USAGE_ESTIMATED: True,
        semconv.USAGE_OUTPUT_TOKENS: _tokens(received),
    }
    if sent is not None:
        attributes[semconv.USAGE_INPUT_TOKENS] = _tokens(sent)
    return attributes


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_A_TOKEN)
