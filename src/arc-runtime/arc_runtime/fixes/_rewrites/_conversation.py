"""The conversation in a request, whatever the API calls it: read, and put together anew."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._mend import Asked, Lesson, Mend

__all__ = ["TEXT_KIND", "conversation", "get", "mended", "text_of", "with_text"]

_FIELDS: Final = {"chat.completions": "messages", "messages": "messages", "responses": "input"}
TEXT_KIND: Final = {"chat.completions": "text", "messages": "text", "responses": "input_text"}
"""What a part of text is called, by API."""


def conversation(asked: Asked) -> tuple[str, Sequence[Any]]:
    """The field of the conversation, and its messages; none where it is a bare text."""
    field = _FIELDS.get(asked.api, "")
    items = asked.body.get(field)
    return field, items if isinstance(items, list | tuple) else ()


def get(item: object, name: str) -> Any:
    """What `item` has under `name`; None where it is no mapping, or has nothing there."""
    return item.get(name) if isinstance(item, Mapping) else None


def mended(asked: Asked, field: str, before: Sequence[Any], after: list[Any], lesson: Lesson | None) -> Mend | None:
    """The request with the messages `after` in the place of `before`; None where they are the very same."""
    if len(after) == len(before) and all(new is old for new, old in zip(after, before, strict=True)):
        return None
    was, stays = {id(item) for item in before}, {id(item) for item in after}
    gone = [Change(f"{field}.{place}", "rewrite", item) for place, item in enumerate(before) if id(item) not in stays]
    new = [Change(f"{field}.{place}", "rewrite", new=item) for place, item in enumerate(after) if id(item) not in was]
    return Mend({**asked.body, field: after}, tuple(gone + new), lesson)


def text_of(message: object) -> str:
    """All that `message` says in words."""
    content = get(message, "content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    return "\n\n".join(text for part in parts if isinstance(text := get(part, "text"), str))


def with_text(message: Mapping[str, Any], text: str, kind: str = "text") -> dict[str, Any]:
    """`message` with `text` after what it says."""
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": f"{content}\n\n{text}" if content else text}
    parts = list(content) if isinstance(content, list | tuple) else []
    return {**message, "content": [*parts, {"type": kind, "text": text}]}
