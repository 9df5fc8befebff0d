"""What gateways lay round a provider's own error: taken off, where the form of the envelope is known as a whole.

Sources: LiteLLM, exception mapping; OpenRouter API reference, errors; AWS Bedrock, InvokeModel; Qwen, error codes;
vLLM and pydantic, validation errors in Python's notation.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["detail_in", "unwrapped"]

_PREFIXES: Final = re.compile(
    r"litellm\.[A-Za-z]+: (?!\s)|[A-Z][A-Za-z_]*Exception(?: [A-Z][A-Za-z]*Error)? - |Error code: [45]\d\d - "
    r"|<[45]\d\d> [A-Z][\w.]+: |The model returned the following errors: "
    r"|An error occurred \(\w+\) when calling the \w+ operation: "
)
_TAIL: Final = re.compile(r"\s*\.?\s*(?:No fallback model group found|Received Model Group=).*\Z", re.DOTALL)
_RELAYED: Final = "Provider returned error"
_VALIDATION: Final = re.compile(
    r"(?:\d+ validation errors?:\s*)?\[?\{'type': '(?P<kind>\w+)', 'loc': \((?P<place>[^)]*)\), "
    r"'msg': (?P<quote>['\"])(?P<said>.*?)(?P=quote)(?:, '(?:input|ctx|url)'|\})",
    re.DOTALL,
)
_DEEPEST: Final = 4


def unwrapped(error: Mapping[Any, Any], message: str) -> object | None:
    """What is inside the envelope `error` with its `message`: the body of another error, or its message alone.

    None where there is no envelope that is known.
    """
    metadata = error.get("metadata")
    if message == _RELAYED and isinstance(metadata, Mapping):
        return _body(metadata.get("raw"))
    text = message
    for _ in range(_DEEPEST):
        prefix = _PREFIXES.match(text)
        if prefix is None:
            break
        text = _TAIL.sub("", text[prefix.end() :])
    if found := detail_in(text):
        return {"detail": [found]}
    if text == message:
        return None
    inner = _body(text)
    return text if inner is None else inner


def detail_in(text: str) -> dict[str, object] | None:
    """The first fault of a validation error that is told in Python's notation; None where `text` is none."""
    found = _VALIDATION.match(text)
    if found is None:
        return None
    place = [step for step in re.split(r"[,\s'\"]+", found["place"]) if step]
    return {"type": found["kind"], "loc": place, "msg": found["said"]}


def _body(text: object) -> object | None:
    """The body of an error that `text` is, in JSON or in Python's notation."""
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[", "b'{", 'b"{')):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text.strip())
            found = json.loads(found) if isinstance(found, bytes) else found
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, Mapping | list) else None
    return None
