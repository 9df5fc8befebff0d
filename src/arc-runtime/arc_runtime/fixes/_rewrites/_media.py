"""Pictures, sounds and files that the model does not take or that can't be had: a note stands in their place."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from arc_runtime.fixes._mend import Asked, Mend
from arc_runtime.fixes._messages import is_request_fault, said, whole
from arc_runtime.fixes._refusal import Refusal
from arc_runtime.fixes._rewrites._conversation import TEXT_KIND, conversation, get, mended

__all__ = ["is_media_refused", "replace_media"]

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


def is_media_refused(refusal: Refusal) -> bool:
    """Whether the error says that a picture, sound or file can't be had or is not taken."""
    return is_request_fault(refusal, _MEDIA_CODES) and said(refusal, _MEDIA) is not None


def replace_media(asked: Asked) -> Mend | None:
    """Put a note in the place of the picture, sound or file that the error is about; of all where it does not say."""
    if asked.refusal is None:
        return None
    field, items = conversation(asked)
    concerns = _concerned(asked.refusal)
    after = [_noted(item, place, concerns, TEXT_KIND.get(asked.api, "text")) for place, item in enumerate(items)]
    return mended(asked, field, items, after, None)


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
            message == numbers[0] and get(one, "type") not in ("image_url", "input_image")
        )
    return lambda _message, _part, _one: True


def _noted(message: Any, place: int, concerns: Callable[[int, int, Any], bool], text_kind: str) -> Any:
    content = get(message, "content")
    if not isinstance(content, list | tuple):
        return message
    parts = [
        {"type": text_kind, "text": _note(part)}
        if get(part, "type") in _MEDIA_KINDS and concerns(place, number, part)
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
        get(inner, "filename") or part.get("filename") or get(inner, "format") or get(part.get("source"), "media_type")
    )
    return (
        f"[{kind}{f' {name}' if isinstance(name, str) else ''} left out: the model does not take it or it can't be had]"
    )
