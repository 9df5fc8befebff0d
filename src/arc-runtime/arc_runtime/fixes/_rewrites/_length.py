"""A conversation that is longer than the model, or the account, takes: its oldest turns are left out."""

import json
from collections.abc import Sequence
from typing import Any, Final

from arc_runtime.fixes._mend import Asked, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal
from arc_runtime.fixes._rewrites._conversation import TEXT_KIND, conversation, get, mended, text_of, with_text

__all__ = ["is_larger_than_limit", "is_prompt_too_long", "truncate_history"]

_TOO_LONG: Final = whole(
    r"prompt is too long: (?P<asked>\d+) tokens > (?P<limit>\d+) maximum",
    r"This model's maximum context length is (?P<limit>\d+) tokens\.\s*However,? (?:your messages resulted in|you requested) "
    r"(?P<asked>\d+) tokens.{0,300}",
    r"This model's maximum context length is (?P<limit>\d+) tokens\.\s*However,? your request has (?P<asked>\d+) input tokens.{0,300}",
    r"Input tokens exceed the configured limit of (?P<limit>\d+) tokens\.\s*Your messages resulted in (?P<asked>\d+) tokens",
    r"Prompt contains (?P<asked>\d+) tokens(?: and \d+ draft tokens)?, too large for model with (?P<limit>\d+) maximum context length",
    r"The input token count(?: \((?P<asked>\d+)\))? exceeds the maximum number of tokens allowed \(?(?P<limit>\d+)\)?",
    r"The prompt is too long: (?P<asked>\d+), model maximum context length: (?P<limit>\d+)",
    r"Input is too long for requested model",
    r"the request exceeds the available context size(?:[,.] try increasing (?:it|the context size).{0,80})?",
    r"Please reduce the length of the messages or completion",
    r"Your input exceeds the context window of this model",
)
_TOO_LARGE: Final = whole(
    r"Request too large for .{1,240}?: Limit (?P<limit>\d+), Requested (?P<asked>\d+)[.,]?.{0,300}"
)
_TOO_LONG_CODES: Final = frozenset(
    {
        "context_length_exceeded",
        "invalid_argument",
        "invalid_parameter_error",
        "invalid_request_error",
        "rate_limit_exceeded",
        "string_above_max_length",
    }
)
_SHARE: Final = 0.8
_LAST_TURNS: Final = 4
_LEFT_OUT: Final = "messages of this conversation were left out here: they were too long"


def is_prompt_too_long(refusal: Refusal) -> bool:
    """Whether the error says that the prompt is longer than the model, or the account, takes."""
    return is_request_fault(refusal, _TOO_LONG_CODES) and said(refusal, _TOO_LONG) is not None


def is_larger_than_limit(refusal: Refusal) -> bool:
    """Whether the error says that this one request is more than the account may ask in a minute."""
    return refusal.is_unprocessed and said(refusal, _TOO_LARGE) is not None


def truncate_history(asked: Asked) -> Mend | None:
    """Leave out the oldest turns: the system, the first user turn, the last four and whole tool calls with results stay."""
    found = (said(asked.refusal, _TOO_LONG) or said(asked.refusal, _TOO_LARGE)) if asked.refusal else None
    field, items = conversation(asked)
    if found is None or len(items) <= _LAST_TURNS + 1 or not any(get(item, "role") == "user" for item in items):
        return None
    parts = found.groupdict()
    sizes = [len(json.dumps(item, default=str)) for item in items]
    share = int(parts["limit"]) * _SHARE / int(parts["asked"]) if parts.get("asked") else 0.5
    keep = [_stays(items, place) for place in range(len(items))]
    room = sum(sizes) * share - sum(size for size, kept in zip(sizes, keep, strict=True) if kept)
    for group in reversed(_groups(items)):
        size = sum(sizes[place] for place in group if not keep[place])
        if any(keep[place] for place in group) or size <= room:
            for place in group:
                keep[place] = True
            room -= size
        else:
            break
    left_out = keep.count(False)
    if not left_out or any(_LEFT_OUT in text_of(item) for item in items):
        return None
    first_user = next(
        place for place in range(len(items)) if _stays(items, place) and get(items[place], "role") == "user"
    )
    after = [
        with_text(item, f"[{left_out} {_LEFT_OUT}]", TEXT_KIND.get(asked.api, "text")) if place == first_user else item
        for place, item in enumerate(items)
        if keep[place]
    ]
    return mended(asked, field, items, after, None)


def _stays(items: Sequence[Any], place: int) -> bool:
    roles = [get(item, "role") for item in items]
    first_user = roles.index("user") if "user" in roles else 0
    return roles[place] in ("system", "developer") or place == first_user or place >= len(items) - _LAST_TURNS


def _groups(items: Sequence[Any]) -> list[list[int]]:
    """Places of messages that go together: what was reasoned, calls of tools, and the results behind them."""
    groups: list[list[int]] = []
    for place, item in enumerate(items):
        if groups and (_is_result(item) or _leads_on(items[place - 1])):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _leads_on(item: object) -> bool:
    kind = str(get(item, "type"))
    return kind == "reasoning" or kind.endswith("_call")


def _is_result(item: object) -> bool:
    if get(item, "role") == "tool" or str(get(item, "type")).endswith("_output"):
        return True
    content = get(item, "content")
    parts = content if isinstance(content, list | tuple) else ()
    return any(get(part, "type") == "tool_result" for part in parts)
