"""Calls of tools and their results, brought together in the form each API wants.

A call without a result gets one that says so; a result without a call is left out; results that stand elsewhere are moved
to where the API looks for them. What is paired already stays the very same object.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Asked, Lesson, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal

__all__ = ["drop_lone_reasoning", "is_lone_reasoning", "is_unpaired", "pair_tool_calls"]

_NO_RESULT: Final = "no result was recorded"
_PAIRED: Final = Lesson({}, {"$rewrite": "pair_tool_calls"})


def pair_tool_calls(asked: Asked) -> Mend | None:
    """Give each tool call its result, right behind it, and leave out results that nobody asked for."""
    field, pair = _FORMS.get(asked.api, ("", _unpaired))
    items = asked.body.get(field)
    if not isinstance(items, list | tuple):
        return None
    paired = pair(items)
    if len(paired) == len(items) and all(new is old for new, old in zip(paired, items, strict=True)):
        return None
    return Mend({**asked.body, field: paired}, _told(field, items, paired), _PAIRED)


def _unpaired(items: Sequence[Any]) -> list[Any]:
    return list(items)


def _told(field: str, before: Sequence[Any], after: Sequence[Any]) -> tuple[Change, ...]:
    """One change an item that was put in, one that was taken out or moved."""
    was, stays = {id(item) for item in before}, {id(item) for item in after}
    added = [Change(f"{field}.{place}", "rewrite", new=item) for place, item in enumerate(after) if id(item) not in was]
    gone = [Change(f"{field}.{place}", "rewrite", item) for place, item in enumerate(before) if id(item) not in stays]
    return tuple(gone + added) or (Change(field, "rewrite"),)


def _get(item: object, name: str) -> Any:
    return item.get(name) if isinstance(item, Mapping) else None


# --- chat completions: an assistant message with `tool_calls`, then a message of role `tool` for each ---------------------


def _chat(messages: Sequence[Any]) -> list[Any]:
    results: dict[str, list[int]] = {}
    for place, message in enumerate(messages):
        if _get(message, "role") == "tool" and isinstance(call_id := _get(message, "tool_call_id"), str):
            results.setdefault(call_id, []).append(place)
    paired: list[Any] = []
    for place, message in enumerate(messages):
        if _get(message, "role") == "tool":
            continue
        paired.append(message)
        for call_id in dict.fromkeys(_call_ids(message)):
            stub = {"role": "tool", "tool_call_id": call_id, "content": _NO_RESULT}
            found = _taken(results.get(call_id, []), place)
            paired.append(stub if found is None else messages[found])
    return paired


def _taken(places: list[int], call: int) -> int | None:
    """The first of `places` behind a call, else the first of all, taken out: some servers count their ids anew each turn."""
    if not places:
        return None
    behind = next((place for place in places if place > call), places[0])
    places.remove(behind)
    return behind


def _call_ids(message: object) -> list[str]:
    calls = _get(message, "tool_calls")
    if _get(message, "role") != "assistant" or not isinstance(calls, list | tuple):
        return []
    return [call_id for call in calls if isinstance(call_id := _get(call, "id"), str)]


# --- messages of Anthropic: a block `tool_use`, then a block `tool_result` first in the next user message -----------------


def _anthropic(messages: Sequence[Any]) -> list[Any]:
    paired: list[Any] = []
    asked: list[str] = []
    for message in messages:
        role = _get(message, "role")
        if asked and role != "user":
            paired.append({"role": "user", "content": [_stub(call_id) for call_id in asked]})
            asked = []
        if role == "user":
            answered = _answering(message, asked)
            if answered is not None:
                paired.append(answered)
            asked = []
        else:
            message = _without_orphans(message)  # noqa: PLW2901 - what follows is about what is sent
            paired.append(message)
            asked = [
                block_id
                for block in _blocks(message)
                if _is_call(block) and isinstance(block_id := _get(block, "id"), str)
            ]
    if asked:
        paired.append({"role": "user", "content": [_stub(call_id) for call_id in asked]})
    return paired


def _without_orphans(message: Any) -> Any:
    """`message` without results of the provider's own tools that it has no calls of."""
    blocks = _blocks(message)
    calls = {_get(block, "id") for block in blocks if str(_get(block, "type")).endswith("_tool_use")}
    kept = [
        block
        for block in blocks
        if not str(_get(block, "type")).endswith("_tool_result") or _get(block, "tool_use_id") in calls
    ]
    return message if len(kept) == len(blocks) or not kept else {**message, "content": kept}


def _is_call(block: object) -> bool:
    return bool(_get(block, "type") == "tool_use")


def _stub(call_id: str) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": _NO_RESULT}


def _blocks(message: object) -> Sequence[Any]:
    content = _get(message, "content")
    return content if isinstance(content, list | tuple) else ()


def _answering(message: Any, asked: list[str]) -> Any:
    """`message` with the results of the calls `asked` first, and no other; None when nothing is left of it."""
    blocks = _blocks(message)
    results: dict[str, Any] = {}
    others: list[Any] = []
    for block in blocks:
        if _get(block, "type") != "tool_result":
            others.append(block)
        elif (call_id := _get(block, "tool_use_id")) in asked:
            results.setdefault(call_id, block)
    if not asked and not any(_get(block, "type") == "tool_result" for block in blocks):
        return message
    wanted = [results.get(call_id) or _stub(call_id) for call_id in asked] + others
    if len(wanted) == len(blocks) and all(new is old for new, old in zip(wanted, blocks, strict=True)):
        return message
    content = _get(message, "content")
    if isinstance(content, str):
        if not asked:
            return message
        wanted = [*wanted, {"type": "text", "text": content}] if content.strip() else wanted
    return {**message, "content": wanted} if wanted else None


# --- responses: an item `function_call`, then an item `function_call_output` -----------------------------------------------

_OUTPUTS: Final = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
}


def _responses(items: Sequence[Any]) -> list[Any]:
    kinds = set(_OUTPUTS.values())
    results: dict[tuple[object, str], list[int]] = {}
    for place, item in enumerate(items):
        if _get(item, "type") in kinds and isinstance(call_id := _get(item, "call_id"), str):
            results.setdefault((_get(item, "type"), call_id), []).append(place)
    paired: list[Any] = []
    waiting: list[Any] = []
    for place, item in enumerate(items):
        kind = _get(item, "type")
        if kind in kinds:
            continue
        if kind not in _OUTPUTS:
            paired += waiting
            waiting = []
        paired.append(item)
        if kind in _OUTPUTS and isinstance(call_id := _get(item, "call_id"), str):
            output = _OUTPUTS[kind]
            stub = {"type": output, "call_id": call_id, "output": _NO_RESULT}
            found = _taken(results.get((output, call_id), []), place)
            waiting.append(stub if found is None else items[found])
    return paired + waiting


_FORMS: Final = {
    "chat.completions": ("messages", _chat),
    "messages": ("messages", _anthropic),
    "responses": ("input", _responses),
}

_FOLLOWS: Final = frozenset(
    {
        "apply_patch_call", "code_interpreter_call", "computer_call", "custom_tool_call", "file_search_call",
        "function_call", "image_generation_call", "local_shell_call", "mcp_approval_request", "mcp_call",
        "mcp_list_tools", "reasoning", "shell_call", "web_search_call",
    }
)  # fmt: skip
"""What a model may have said right after it reasoned, beside a message."""


def drop_lone_reasoning(asked: Asked) -> Mend | None:
    """Leave out items of type `reasoning` that what the model said after them is missing for."""
    items = asked.body.get("input")
    if asked.api != "responses" or not isinstance(items, list | tuple):
        return None
    named = said(asked.refusal, _LONE) if asked.refusal else None
    kept: list[Any] = []
    for item in reversed(items):
        lone = _get(item, "type") == "reasoning" and not (kept and _is_answer(kept[-1]))
        if lone or (named and _get(item, "id") == named["id"]):
            continue
        kept.append(item)
    if len(kept) == len(items):
        return None
    kept.reverse()
    return Mend(
        {**asked.body, "input": kept}, _told("input", items, kept), Lesson({}, {"$rewrite": "drop_lone_reasoning"})
    )


def _is_answer(item: object) -> bool:
    # A message that was written anew, as one without an id is, does not count.
    return _get(item, "type") in _FOLLOWS or (_get(item, "role") == "assistant" and _get(item, "id") is not None)


_LONE: Final = whole(
    r"Item ['\"`](?P<id>rs_\w+)['\"`] of type ['\"`]reasoning['\"`] was provided without its required following item"
)


def is_lone_reasoning(refusal: Refusal) -> bool:
    """Whether the error names a reasoning item whose answer is missing."""
    return is_request_fault(refusal) and said(refusal, _LONE) is not None


_UNPAIRED: Final = whole(
    # OpenAI chat and those that speak it
    r"An assistant message with ['\"`]tool_calls['\"`] must be followed by tool messages responding to each "
    r"['\"`]tool_call_id['\"`]\.?(?:\s*\(insufficient tool messages following tool_calls message\))?"
    r"(?:\s*The following tool_call_ids did not have response messages: [\w, .\[\]-]+)?",
    r"(?:Invalid parameter: )?messages with role ['\"`]tool['\"`] must be a response to a prece+ding message with "
    r"['\"`]tool_calls['\"`]",
    r"(?:Not the same number of function calls and responses|Expected last role User or Tool .{0,80})",
    r"Invalid parameter: ['\"`]tool_call_id['\"`] of ['\"`][\w-]+['\"`] not found in ['\"`]tool_calls['\"`] of previous message",
    # Anthropic
    r"messages\.\d+(?:\.content\.\d+)?: `tool_use` ids were found without `tool_result` blocks immediately after: [\w, -]+\.?"
    r"(?:\s*Each `tool_use` block must have a corresponding `tool_result` block in the next message)?",
    r"messages\.\d+(?:\.content\.\d+)?: unexpected `tool_use_id` found in `(?:\w+_)?tool_result` blocks: [\w, -]+\.?"
    r"(?:\s*Each `\w+` block must have a corresponding `\w+` block (?:in the previous message|before it))?",
    r"messages\.\d+(?:\.content\.\d+)?: each tool_use must have a single result\.\s*Found multiple `tool_result` blocks with id: "
    r"[\w-]+",
    # OpenAI responses and those that speak it
    r"No tool output found for (?:function|tool|custom tool) call [\w-]+",
    r"No tool call found for (?:function|tool|custom tool) call output with call_id [\w-]+",
    # Gemini behind OpenAI's protocol
    r"Please ensure that (?:function call turn comes immediately|function response turn comes immediately"
    r"|(?:that )?the number of function response parts).{0,200}",
)


def is_unpaired(refusal: Refusal) -> bool:
    """Whether the error says that calls of tools and their results do not belong together."""
    return is_request_fault(refusal) and said(refusal, _UNPAIRED) is not None
