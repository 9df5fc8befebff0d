"""What of a message is recorded, and how: redacted here, before a span holds it, then cut to a bounded size.

Content is a JSON value (GenAI messages: `role` and `parts`); recorded is its text as `Clean`, which the processor
does not scan a second time.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from arc_runtime.redaction import Clean, Tally, is_clean, scrub
from arc_runtime.settings import Capture

__all__ = ["Recorder"]

_DEEPEST: Final = 32
_SLACK: Final = 4_096
_BLOB: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,100};base64,")
_BASE64_FIELDS: Final = frozenset({"data", "b64_json", "file_data"})
_BLOB_LENGTH: Final = 512
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Recorder:
    """Turns content into bounded, redacted text."""

    def __init__(self, mode: Capture, limit: int) -> None:
        self.on_spans = mode in ("SPAN_ONLY", "SPAN_AND_EVENT")
        self.on_events = mode in ("EVENT_ONLY", "SPAN_AND_EVENT")
        self._limit = limit

    @property
    def wanted(self) -> bool:
        """Whether content is recorded at all."""
        return self.on_spans or self.on_events

    def text(self, value: object) -> Clean:
        """`value` as text (strings as they are, the rest as JSON), redacted, at most the limit long."""
        tally = Tally()
        clean = _clean(value, self._limit, tally)
        return Clean.of(clean if isinstance(clean, str) else _cut(_json(clean), self._limit), tally)

    def messages(self, messages: Sequence[object]) -> Clean:
        """`messages` as one JSON array, redacted; past the limit the oldest but the first are left out, and said so."""
        tally = Tally()
        texts = [_json(_clean(message, max(self._limit // 2, 64), tally)) for message in messages]
        return Clean.of(f"[{','.join(_fitting(texts, self._limit))}]", tally)


def _clean(value: object, limit: int, tally: Tally, depth: int = 0) -> object:
    """A redacted copy of `value` as JSON: blobs are named instead of kept, strings are cut to `limit`."""
    if isinstance(value, str):
        return _named_blob(value) or _clean_text(value, limit, tally)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _DEEPEST:
        return "<too deep>"
    if isinstance(value, dict | Mapping):  # a dict is told at once, the abstract class takes its time
        return {
            _clean_key(key, tally): _named_base64(key, item) or _clean(item, limit, tally, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(item, limit, tally, depth + 1) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<blob {len(value)} bytes>"
    return _clean_text(str(value), limit, tally)


def _clean_key(key: object, tally: Tally) -> object:
    return key if isinstance(key, str) and is_clean(key) else scrub(str(key), tally)


def _clean_text(text: str, limit: int, tally: Tally) -> str:
    """`text` redacted, then cut; a long one is only read some way past the cut, so that its cost is bounded."""
    if is_clean(text) and len(text) <= limit:
        return text
    read = text[: limit + _SLACK]
    clean = str(scrub(read, tally))
    if len(read) < len(text):
        # A value that the end of what was read cut in two could not be recognised: that end is not kept.
        clean = clean[: max(0, min(limit, len(clean) - _SLACK))]
        return f"{clean}…[{len(text) - len(clean)} more]"
    return _cut(clean, limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…[{len(text) - limit} more]"


def _named_blob(text: str) -> str | None:
    if not text.startswith("data:") or (head := _BLOB.match(text)) is None:
        return None
    return f"<blob {head.group(1) or 'text/plain'} {(len(text) - head.end()) * 3 // 4} bytes>"


def _named_base64(key: object, item: object) -> str | None:
    if key in _BASE64_FIELDS and isinstance(item, str) and len(item) > _BLOB_LENGTH and not item.startswith("data:"):
        return f"<blob {len(item) * 3 // 4} bytes>"
    return None


def _fitting(texts: list[str], limit: int) -> list[str]:
    """The first and the last of `texts` that fit into `limit`, with a note of how many are left out."""
    if sum(map(len, texts)) + len(texts) <= limit:
        return texts
    kept: list[str] = []
    room = limit - len(texts[0])
    for text in reversed(texts[1:]):
        room -= len(text) + 1
        if room < 0 and kept:
            break
        kept.append(text)
    left_out = len(texts) - 1 - len(kept)
    fitting = [texts[0], *([_note(f"[{left_out} messages left out]")] if left_out else []), *reversed(kept)]
    if sum(map(len, fitting)) > 2 * limit:  # one message alone is that long, in many parts
        return [_note(_cut(",".join(fitting), limit))]
    return fitting


def _note(text: str) -> str:
    return _json({"role": "system", "parts": [{"type": "text", "content": text}]})
