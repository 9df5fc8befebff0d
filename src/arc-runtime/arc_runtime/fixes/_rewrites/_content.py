"""What is said in a request: roles, empty parts, media, and how much of a conversation is sent."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Asked, Lesson, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal

__all__ = [
    "drop_empty_content",
    "is_developer_unknown",
    "is_empty_content",
    "is_json_word_missing",
    "is_larger_than_limit",
    "is_media_refused",
    "is_prompt_too_long",
    "is_role_refused",
    "is_tool_use_failed",
    "merge_system_role",
    "name_system_role",
    "replace_media",
    "retry_tool_call",
    "say_json",
    "truncate_history",
]

_ASK_FOR_JSON: Final = "Answer with one JSON object."
_NOTHING: Final = "(no content)"
_FIELDS: Final = {"chat.completions": "messages", "messages": "messages", "responses": "input"}


def _items(asked: Asked) -> tuple[str, Sequence[Any]]:
    """The field of the conversation, and its messages; none where it is a bare text."""
    field = _FIELDS.get(asked.api, "")
    items = asked.body.get(field)
    return field, items if isinstance(items, list | tuple) else ()


def _get(item: object, name: str) -> Any:
    return item.get(name) if isinstance(item, Mapping) else None


def _mended(asked: Asked, field: str, before: Sequence[Any], after: list[Any], lesson: Lesson | None) -> Mend | None:
    if len(after) == len(before) and all(new is old for new, old in zip(after, before, strict=True)):
        return None
    was, stays = {id(item) for item in before}, {id(item) for item in after}
    gone = [Change(f"{field}.{place}", "rewrite", item) for place, item in enumerate(before) if id(item) not in stays]
    new = [Change(f"{field}.{place}", "rewrite", new=item) for place, item in enumerate(after) if id(item) not in was]
    return Mend({**asked.body, field: after}, tuple(gone + new), lesson)


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
    field, items = _items(asked)
    if asked.api != "chat.completions" or _get(asked.body.get("response_format"), "type") != "json_object":
        return None
    if not items or _mentions_json(items):
        return None
    lesson = Lesson({"response_format.type": "json_object"}, {"$rewrite": "say_json"})
    first = items[0]
    if _get(first, "role") in ("system", "developer"):
        return _mended(asked, field, items, [_with_text(first, _ASK_FOR_JSON), *items[1:]], lesson)
    return _mended(asked, field, items, [{"role": "system", "content": _ASK_FOR_JSON}, *items], lesson)


def _say_json_in_input(asked: Asked) -> Mend | None:
    given = asked.body.get("input")
    if _get(_get(asked.body.get("text"), "format"), "type") != "json_object" or _mentions_json(given):
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


def _with_text(message: Mapping[str, Any], text: str, kind: str = "text") -> dict[str, Any]:
    """`message` with `text` after what it says."""
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": f"{content}\n\n{text}" if content else text}
    parts = list(content) if isinstance(content, list | tuple) else []
    return {**message, "content": [*parts, {"type": kind, "text": text}]}


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
    field, items = _items(asked)
    if asked.api == "messages":
        return _system_on_top(asked, items)
    if asked.api != "chat.completions":
        return None
    merged: list[Any] = []
    said_before: list[str] = []
    for item in items:
        if _get(item, "role") in ("system", "developer"):
            text = _text_of(item)
            said_before += [text] if text else []
        elif said_before and _get(item, "role") == "user":
            merged.append(_after_text(item, "\n\n".join(said_before)))
            said_before = []
        else:
            merged.append(item)
    if said_before:
        merged.append({"role": "user", "content": "\n\n".join(said_before)})
    return _mended(asked, field, items, merged, Lesson({}, {"$rewrite": "merge_system_role"}))


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
    field, items = _items(asked)
    if asked.api != "chat.completions":
        return None
    named = [{**item, "role": "system"} if _get(item, "role") == "developer" else item for item in items]
    return _mended(asked, field, items, named, Lesson({}, {"$rewrite": "name_system_role"}))


def _system_on_top(asked: Asked, items: Sequence[Any]) -> Mend | None:
    system = [item for item in items if _get(item, "role") == "system"]
    if not system:
        return None
    texts = [text for item in system if (text := _text_of(item))]
    given = asked.body.get("system")
    if isinstance(given, list | tuple):
        on_top: Any = [*given, *({"type": "text", "text": text} for text in texts)]
    else:
        on_top = "\n\n".join([given, *texts] if isinstance(given, str) and given else texts)
    body = {**asked.body, "messages": [item for item in items if _get(item, "role") != "system"], "system": on_top}
    changes = (Change("messages", "rewrite", items), Change("system", "rewrite", new=on_top))
    return Mend(body, changes, Lesson({}, {"$rewrite": "merge_system_role"}))


def _text_of(message: object) -> str:
    content = _get(message, "content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    return "\n\n".join(text for part in parts if isinstance(text := _get(part, "text"), str))


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
    field, items = _items(asked)
    if asked.api not in ("messages", "chat.completions"):
        return None
    kept: list[Any] = [_filled(item, last=place == len(items) - 1) for place, item in enumerate(items)]
    mend = _mended(asked, field, items, kept, Lesson({}, {"$rewrite": "drop_empty_content"}))
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
    return _get(part, "type") == "text" and isinstance(text := _get(part, "text"), str) and not text.strip()


def _filled(message: Any, *, last: bool) -> Any:
    content = _get(message, "content")
    if _get(message, "tool_calls"):  # a call of a tool needs no words beside it
        return message
    prefill = last and _get(message, "role") == "assistant"
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


# --- media ---

_MEDIA: Final = whole(
    r"(?:Error|Timeout) while downloading \S+",
    r"Invalid content type\.\s*image_url is only supported by certain models",
    r"messages\.\d+\.content\.\d+\.(?:image|document)\.source(?:\.\w+)*\.media_type: Input should be .{1,200}",
    r"(?:messages\.\d+\.content\.\d+(?:\.\w+)*: )?(?:Could not process (?:image|PDF|document)|Unable to download the file)",
    r"You uploaded an unsupported (?:image|file).{0,200}",
    r"The image data you provided does not represent a valid image.{0,200}",
    r"(?:Failed to download|Unable to download|Could not download) (?:image|file|the (?:image|file))(?: from)? \S+",
    r"Invalid ['\"`][\w.\[\]]+['\"`]\.\s*Content blocks are expected to be either .{1,120}? type",
    r"(?:The )?file type you uploaded is not supported.{0,120}",
    r"Invalid file data: ['\"`][\w.\[\]]+['\"`]\.\s*Expected a base64-encoded data URL with a valid file MIME type .{0,160}?, "
    r"but got unsupported MIME type ['\"`][\w./+-]+['\"`]",
    r"(?:This model does not support|Model does not support) (?:image|audio|file|video|pdf) (?:input|content)s?.{0,60}",
)
_MEDIA_CODES: Final = frozenset(
    {"invalid_image_url", "invalid_value", "invalid_request_error", "unsupported_file", "invalid_image_format"}
)
_MEDIA_KINDS: Final = frozenset(
    {"audio", "document", "file", "image", "image_url", "input_audio", "input_file", "input_image", "video_url"}
)
_TEXT_KIND: Final = {"chat.completions": "text", "messages": "text", "responses": "input_text"}


def is_media_refused(refusal: Refusal) -> bool:
    """Whether the error says that a picture, sound or file can't be had or is not taken."""
    return is_request_fault(refusal, _MEDIA_CODES) and said(refusal, _MEDIA) is not None


def replace_media(asked: Asked) -> Mend | None:
    """Put a note in the place of the picture, sound or file that the error is about; of all where it does not say."""
    if asked.refusal is None:
        return None
    field, items = _items(asked)
    concerns = _concerned(asked.refusal)
    after = [_noted(item, place, concerns, _TEXT_KIND.get(asked.api, "text")) for place, item in enumerate(items)]
    return _mended(asked, field, items, after, None)


def _concerned(refusal: Refusal) -> Callable[[int, int, Any], bool]:
    """(message, part, part itself) -> whether the error is about it."""
    words = refusal.message.split()
    url = next((word.rstrip(".,") for word in words if word.startswith(("http://", "https://"))), None)
    place = refusal.param or ""
    if not place and (told := re.match(r"messages\.\d+\.content\.\d+", refusal.message)):
        place = told[0]
    numbers = [int(number) for number in "".join(c if c.isdigit() else " " for c in place).split()]
    if " while downloading" in refusal.message and url:
        return lambda _message, _part, one: url in json.dumps(one, default=str)
    if len(numbers) > 1:
        return lambda message, part, _one: [message, part] == numbers[:2]
    if numbers:
        return lambda message, _part, one: (
            message == numbers[0] and _get(one, "type") not in ("image_url", "input_image")
        )
    return lambda _message, _part, _one: True


def _noted(message: Any, place: int, concerns: Callable[[int, int, Any], bool], text_kind: str) -> Any:
    content = _get(message, "content")
    if not isinstance(content, list | tuple):
        return message
    parts = [
        {"type": text_kind, "text": _note(part)}
        if _get(part, "type") in _MEDIA_KINDS and concerns(place, number, part)
        else part
        for number, part in enumerate(content)
    ]
    return (
        message if all(new is old for new, old in zip(parts, content, strict=True)) else {**message, "content": parts}
    )


def _note(part: Mapping[str, Any]) -> str:
    kind = str(part.get("type")).removeprefix("input_").replace("_url", "")
    inner = part.get(str(part.get("type")))
    name = (
        _get(inner, "filename")
        or part.get("filename")
        or _get(inner, "format")
        or _get(part.get("source"), "media_type")
    )
    return (
        f"[{kind}{f' {name}' if isinstance(name, str) else ''} left out: the model does not take it or it can't be had]"
    )


# --- too long ---

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
    field, items = _items(asked)
    if found is None or len(items) <= _LAST_TURNS + 1 or not any(_get(item, "role") == "user" for item in items):
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
    if not left_out or any(_LEFT_OUT in _text_of(item) for item in items):
        return None
    first_user = next(
        place for place in range(len(items)) if _stays(items, place) and _get(items[place], "role") == "user"
    )
    after = [
        _with_text(item, f"[{left_out} {_LEFT_OUT}]", _TEXT_KIND.get(asked.api, "text"))
        if place == first_user
        else item
        for place, item in enumerate(items)
        if keep[place]
    ]
    return _mended(asked, field, items, after, None)


def _stays(items: Sequence[Any], place: int) -> bool:
    roles = [_get(item, "role") for item in items]
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
    kind = str(_get(item, "type"))
    return kind == "reasoning" or kind.endswith("_call")


def _is_result(item: object) -> bool:
    if _get(item, "role") == "tool" or str(_get(item, "type")).endswith("_output"):
        return True
    content = _get(item, "content")
    parts = content if isinstance(content, list | tuple) else ()
    return any(_get(part, "type") == "tool_result" for part in parts)


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
    field, items = _items(asked)
    if found is None or asked.api != "chat.completions" or not items:
        return None
    errors = found.groupdict().get("errors") or "it could not be read"
    text = f"Your last tool call was rejected: {errors} Call the tool again with arguments that fit its schema."
    told = {"role": "user", "content": text}
    mend = None if items[-1] == told else _mended(asked, field, items, [*items, told], None)
    if mend is None:
        return None
    old = asked.body.get("temperature")
    change = Change("temperature", "set", new=0) if old is None else Change("temperature", "set", old, 0)
    return Mend({**mend.body, "temperature": 0}, (*mend.changes, change))
