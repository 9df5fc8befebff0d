"""Asking once more, where a whole answer came that is not as the request demands."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from arc_semconv.fixes import Change

from arc_runtime.fixes._silent import Failure

__all__ = ["Repair", "ask_again"]

_SAID: Final = {
    "invalid_json_answer": "Your last answer was not the JSON that was asked for ({detail}). "
    "Answer once more, with nothing but JSON that fits.",
    "invalid_tool_arguments": "Your last tool call was not as its schema says ({detail}). "
    "Call the tool once more, with arguments that fit.",
}
"""What the model is told, by the type of the failure; for other failures another try is not known to help."""
_FIELDS: Final = {"chat.completions": "messages", "messages": "messages", "responses": "input"}
_OF_THE_PROGRAM: Final = frozenset({None, "function", "custom"})
_DONE_TWICE: Final = ("background", "conversation", "container", "mcp_servers")
"""Fields with which the provider does more than answer."""


class Repair(NamedTuple):
    """What to send once more."""

    body: Mapping[str, object]
    change: Change


def ask_again(body: Mapping[str, object], api: str, failure: Failure) -> Repair | None:
    """The request `body` with a message on what was wrong; None where that is not known to help, or does harm.

    It does where the provider itself calls tools or keeps the conversation: that would be done twice.
    """
    said, field = _SAID.get(failure.type), _FIELDS.get(api)
    if said is None or field is None or any(body.get(name) for name in _DONE_TWICE) or not _calls_nothing(body):
        return None
    told = {"role": "user", "content": said.format(detail=failure.detail)}
    given = body.get(field)
    if isinstance(given, str):
        items: list[object] = [{"role": "user", "content": given}]
    elif isinstance(given, list | tuple) and given:
        items = list(given)
    else:
        return None
    last = items[-1]
    if isinstance(last, Mapping) and last.get("role") == "assistant":
        return None  # the model was to go on with these words of its own
    change = Change(f"{field}.{len(items)}", "rewrite", new=told)
    return Repair({**body, field: [*items, told]}, change)


def _calls_nothing(body: Mapping[str, object]) -> bool:
    """Whether every tool is the program's to call."""
    tools = body.get("tools")
    return not isinstance(tools, list | tuple) or all(
        isinstance(tool, Mapping) and tool.get("type") in _OF_THE_PROGRAM for tool in tools
    )
