"""What is said in a request: the word JSON, roles, empty parts, and a call of a tool that did not fit."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Asked, Lesson, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal
from arc_runtime.fixes._rewrites._conversation import conversation, get, mended, text_of, with_text

__all__ = [
    "drop_empty_content",
    "is_developer_unknown",
    "is_empty_content",
    "is_json_word_missing",
    "is_role_refused",
    "is_tool_use_failed",
    "merge_system_role",
    "name_system_role",
    "retry_tool_call",
    "say_json",
]

_ASK_FOR_JSON: Final = "Answer with one JSON object."
_NOTHING: Final = "(no content)"


# --- the word JSON ---

_JSON_WORD: Final = whole(
    r"['\"`]?(?:messages|input|Response input messages|The prompt|Prompt)['\"`]? must contain the word ['\"`]json['\"`] in some form,? "
    r"to use ['\"`](?:response_format|text\.format)['\"`] of type ['\"`]json_object['\"`]"
)


def is_json_word_missing(refusal: Refusal) -> bool:
    """Whether the error says that an answer in JSON is asked for without a word of it in the messages."""
    return is_request_fault(refusal) and said(refusal, _JSON_WORD) is not None


def say_json(asked: Asked) -> Mend | None:
    """Ask for JSON in words too, in the first system message, where an answer in JSON is asked for."""
    if asked.api == "responses":
        return _say_json_in_input(asked)
    field, items = conversation(asked)
    if asked.api != "chat.completions" or get(asked.body.get("response_format"), "type") != "json_object":
        return None
    if not items or _mentions_json(items):
        return None
    lesson = Lesson({"response_format.type": "json_object"}, {"$rewrite": "say_json"})
    first = items[0]
    if get(first, "role") in ("system", "developer"):
        return mended(asked, field, items, [with_text(first, _ASK_FOR_JSON), *items[1:]], lesson)
    return mended(asked, field, items, [{"role": "system", "content": _ASK_FOR_JSON}, *items], lesson)


def _say_json_in_input(asked: Asked) -> Mend | None:
    given = asked.body.get("input")
    if get(get(asked.body.get("text"), "format"), "type") != "json_object" or _mentions_json(given):
        return None
    if isinstance(given, str):
        items: list[Any] = [{"role": "developer", "content": _ASK_FOR_JSON}, {"role": "user", "content": given}]
    elif isinstance(given, list | tuple):
        items = [{"role": "developer", "content": _ASK_FOR_JSON}, *given]
    else:
        return None
    lesson = Lesson({"text.format.type": "json_object"}, {"$rewrite": "say_json"})
    return Mend({**asked.body, "input": items}, (Change("input.0", "rewrite", new=items[0]),), lesson)


def _mentions_json(items: object) -> bool:
    try:
        return "json" in json.dumps(items, default=str).lower()
    except (ValueError, RecursionError):
        return True


# --- roles ---

_ROLE: Final = whole(
    r"System role (?:is )?not supported(?: (?:by|for|with|in) .{1,80})?",
    r"Unsupported value: ['\"`]messages\[\d+\]\.role['\"`] does not support ['\"`](?:system|developer)['\"`] with this model",
    r"(?:Developer instruction|System (?:role|messages?|instruction)) (?:is|are) not (?:enabled|supported).{0,80}",
    r"messages: Unexpected role ['\"`]system['\"`]\.\s*The Messages API accepts a top-level `system` parameter, not "
    r"[\"'`]?system[\"'`]? as an input message role",
)


def is_role_refused(refusal: Refusal) -> bool:
    """Whether the error says that the model takes no system message, or not there."""
    return is_request_fault(refusal) and said(refusal, _ROLE) is not None


def merge_system_role(asked: Asked) -> Mend | None:
    """Say what system messages say in the next message of the user, or for Anthropic in `system`."""
    field, items = conversation(asked)
    if asked.api == "messages":
        return _system_on_top(asked, items)
    if asked.api != "chat.completions":
        return None
    merged: list[Any] = []
    said_before: list[str] = []
    for item in items:
        if get(item, "role") in ("system", "developer"):
            text = text_of(item)
            said_before += [text] if text else []
        elif said_before and get(item, "role") == "user":
            merged.append(_after_text(item, "\n\n".join(said_before)))
            said_before = []
        else:
            merged.append(item)
    if said_before:
        merged.append({"role": "user", "content": "\n\n".join(said_before)})
    return mended(asked, field, items, merged, Lesson({}, {"$rewrite": "merge_system_role"}))


_NO_DEVELOPER: Final = whole(
    r"Invalid value: ['\"`]developer['\"`]\.\s*Supported values are: (?=.*['\"`]system['\"`])['\"`\w, ]+",
    r"Failed to deserialize the JSON body into the target type: messages\[\d+\]\.role: unknown variant ['\"`]developer['\"`], "
    r"expected one of (?=.*['\"`]system['\"`])['\"`\w, ]+(?: at line \d+ column \d+)?",
    r"['\"`]developer['\"`] is not one of (?=.*['\"`]system['\"`])[\[(]['\"`\w, ]+[\])] - ['\"`]messages\.(?:\d+\.role|\['role'\])['\"`]",
    r"['\"`]messages\.\d+['\"`] : discriminator property ['\"`]role['\"`] has invalid value",
    r"messages\.\d+(?:\.\w+)*\.role: Input should be (?=.*['\"`]system['\"`])['\"`\w, ]+",
    r"Unexpected role ['\"`]?developer['\"`]?(?: .{1,80})?",
)


def is_developer_unknown(refusal: Refusal) -> bool:
    """Whether the error says that there is no role of a developer, and one of the system."""
    return is_request_fault(refusal) and said(refusal, _NO_DEVELOPER) is not None


def name_system_role(asked: Asked) -> Mend | None:
    """Give messages of the developer's the role `system`, which is the older name of it."""
    field, items = conversation(asked)
    if asked.api != "chat.completions":
        return None
    named = [{**item, "role": "system"} if get(item, "role") == "developer" else item for item in items]
    return mended(asked, field, items, named, Lesson({}, {"$rewrite": "name_system_role"}))


def _system_on_top(asked: Asked, items: Sequence[Any]) -> Mend | None:
    system = [item for item in items if get(item, "role") == "system"]
    if not system:
        return None
    texts = [text for item in system if (text := text_of(item))]
    given = asked.body.get("system")
    if isinstance(given, list | tuple):
        on_top: Any = [*given, *({"type": "text", "text": text} for text in texts)]
    else:
        on_top = "\n\n".join([given, *texts] if isinstance(given, str) and given else texts)
    body = {**asked.body, "messages": [item for item in items if get(item, "role") != "system"], "system": on_top}
    changes = (Change("messages", "rewrite", items), Change("system", "rewrite", new=on_top))
    return Mend(body, changes, Lesson({}, {"$rewrite": "merge_system_role"}))


def _after_text(message: Mapping[str, Any], text: str) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, list | tuple):
        return {**message, "content": [{"type": "text", "text": text}, *content]}
    return {**message, "content": f"{text}\n\n{content}" if isinstance(content, str) and content else text}


# --- empty content ---

_EMPTY: Final = whole(
    r"(?:messages(?:\.\d+)?: )?(?:all|user|assistant) messages must have non-empty content(?: except for the optional final assistant message)?",
    r"(?:messages\.\d+\.content\.\d+|system\.\d+)(?:\.text)?: cache_control cannot be set for empty text blocks",
    r"The text field in the ContentBlock object at messages\.\d+\.content\.\d+ is (?:blank|empty)\.\s*Add text to the text field, and "
    r"try again",
    r"(?:Invalid request: )?(?:the )?message at position \d+ with role ['\"`]\w+['\"`] must not be empty",
    r"(?:messages\.\d+(?:\.content(?:\.\d+)?)?(?:\.text)?: |messages: )?text content blocks must (?:be non-empty|contain non-whitespace text)",
    r"(?:system(?:\.\d+)?: )text content blocks must (?:be non-empty|contain non-whitespace text)",
    r"messages(?:\.\d+)?: final assistant content cannot end with trailing whitespace",
)


def is_empty_content(refusal: Refusal) -> bool:
    """Whether the error says that a message, or a part of one, says nothing."""
    return is_request_fault(refusal) and said(refusal, _EMPTY) is not None


def drop_empty_content(asked: Asked) -> Mend | None:
    """Leave out parts that say nothing; a message of nothing else says so, as to leave it out would join its neighbours."""
    field, items = conversation(asked)
    if asked.api not in ("messages", "chat.completions"):
        return None
    kept: list[Any] = [_filled(item, last=place == len(items) - 1) for place, item in enumerate(items)]
    mend = mended(asked, field, items, kept, Lesson({}, {"$rewrite": "drop_empty_content"}))
    system = asked.body.get("system")
    if isinstance(system, list | tuple) and any(_is_blank(part) for part in system):
        parts = [part for part in system if not _is_blank(part)]
        body: dict[str, Any] = dict(mend.body if mend else asked.body)
        if parts:
            body["system"] = parts
        else:
            del body["system"]
        changes = (*(mend.changes if mend else ()), Change("system", "rewrite", system, parts))
        return Mend(body, changes, Lesson({}, {"$rewrite": "drop_empty_content"}))
    return mend


def _is_blank(part: object) -> bool:
    return get(part, "type") == "text" and isinstance(text := get(part, "text"), str) and not text.strip()


def _filled(message: Any, *, last: bool) -> Any:
    content = get(message, "content")
    if get(message, "tool_calls"):  # a call of a tool needs no words beside it
        return message
    prefill = last and get(message, "role") == "assistant"
    if isinstance(content, str):
        if prefill:
            return {**message, "content": content.rstrip()} if content != content.rstrip() else message
        return message if content.strip() else {**message, "content": _NOTHING}
    if (
        not isinstance(content, list | tuple)
        or not (any(map(_is_blank, content)) or not content)
        or (prefill and not content)
    ):
        return message
    parts = [part for part in content if not _is_blank(part)]
    return {**message, "content": parts or [{"type": "text", "text": _NOTHING}]}


# --- a call of a tool that the provider itself refused ---

_FAILED_CALL: Final = whole(
    r"Tool call validation failed: (?P<errors>.{1,2000})",
    r"Failed to call a function\.\s*Please adjust your prompt.{0,80}?(?:See 'failed_generation' for more details)?",
)
_FAILED_CODES: Final = frozenset({"tool_use_failed"})


def is_tool_use_failed(refusal: Refusal) -> bool:
    """Whether the model called a tool with arguments that do not fit, so that the provider answered with an error."""
    return is_request_fault(refusal, _FAILED_CODES) and said(refusal, _FAILED_CALL) is not None


def retry_tool_call(asked: Asked) -> Mend | None:
    """Tell the model what was wrong with its call, and ask again at temperature 0."""
    found = said(asked.refusal, _FAILED_CALL) if asked.refusal else None
    field, items = conversation(asked)
    if found is None or asked.api != "chat.completions" or not items:
        return None
    errors = found.groupdict().get("errors") or "it could not be read"
    text = f"Your last tool call was rejected: {errors} Call the tool again with arguments that fit its schema."
    told = {"role": "user", "content": text}
    mend = None if items[-1] == told else mended(asked, field, items, [*items, told], None)
    if mend is None:
        return None
    old = asked.body.get("temperature")
    change = Change("temperature", "set", new=0) if old is None else Change("temperature", "set", old, 0)
    return Mend({**mend.body, "temperature": 0}, (*mend.changes, change))
