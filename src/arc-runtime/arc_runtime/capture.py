"""What of a message is recorded, and how: redacted here, before a span holds it, then cut to a bounded size.

Content is a JSON value (GenAI messages: `role` and `parts`); recorded is its text as `Clean`, which the processor
does not scan a second time. Work is bounded like the result: what there is no room for is not looked at.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from arc_runtime.redaction import Clean, Tally, is_clean, scrub, scrub_item
from arc_runtime.settings import Capture

__all__ = ["Recorder"]

_DEEPEST: Final = 32
_SLACK: Final = 4_096
_NODE: Final = 4
"""Characters that a value takes at the least, with its comma and quotes."""
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
        cleaner = _Cleaner(self._limit)
        clean = cleaner.clean(value)
        return Clean.of(clean if isinstance(clean, str) else _cut(_json(clean), self._limit), cleaner.tally)

    def messages(self, messages: Sequence[object]) -> Clean:
        """`messages` as one JSON array, redacted; past the limit the oldest but the first are left out, and said so."""
        if not messages:
            return Clean.of("[]", Tally())
        half = max(self._limit // 2, 64)
        tally = Tally()
        opening, *rest = messages
        first = _message(opening, half, tally)
        latest, left_out = self._latest(rest, self._limit - len(first), tally)
        gap = [_note(f"[{left_out} messages left out]")] if left_out else []
        texts = [first, *gap, *latest]
        if sum(map(len, texts)) > 2 * self._limit:  # one message alone is that long, in many parts
            texts = [_note(_cut(",".join(texts), self._limit))]
        return Clean.of(f"[{','.join(texts)}]", tally)

    def _latest(self, messages: Sequence[object], room: int, tally: Tally) -> tuple[list[str], int]:
        """The last messages that fit into `room`, at least one where there is any, and how many do not."""
        kept: list[str] = []
        for index in range(len(messages) - 1, -1, -1):
            seen = Tally()
            text = _message(messages[index], max(self._limit // 2, 64), seen)
            room -= len(text) + 1
            if room < 0 and kept:
                return kept[::-1], index + 1
            tally.update(seen)
            kept.append(text)
        return kept[::-1], 0


class _Cleaner:
    """Makes a redacted copy of one value as JSON; blobs are named instead of kept, strings are cut to `limit`."""

    def __init__(self, limit: int) -> None:
        self.tally = Tally()
        self._limit = limit
        self._room = 2 * limit + _SLACK
        self._path: set[int] = set()

    def clean(self, value: object, key: str = "") -> object:
        """The copy of `value`, which stands under `key`."""
        self._room -= _NODE
        if isinstance(value, str):
            return _named_blob(value) or self._text(value, key)
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return scrub_item(key, value, self.tally)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<blob {len(value)} bytes>"
        if isinstance(value, dict | Mapping | list | tuple):
            return self._container(value)
        return self._text(str(value), key)

    def _container(self, value: Mapping[object, object] | Sequence[object]) -> object:
        if id(value) in self._path:
            return "<cycle>"
        if len(self._path) >= _DEEPEST:
            return "<too deep>"
        self._path.add(id(value))
        try:
            return self._mapping(value) if isinstance(value, dict | Mapping) else self._list(value)
        finally:
            self._path.discard(id(value))

    def _mapping(self, value: Mapping[object, object]) -> dict[object, object]:
        copy: dict[object, object] = {}
        for key, item in value.items():
            if self._room <= 0:
                copy["…"] = f"{len(value) - len(copy)} more"
                break
            name = key if isinstance(key, str) else str(key)
            self._room -= len(name)
            clean_name = name if is_clean(name) else scrub(name, self.tally)
            copy[clean_name] = _named_base64(name, item) or self.clean(item, name)
        return copy

    def _list(self, value: Sequence[object]) -> list[object]:
        copy: list[object] = []
        for item in value:
            if self._room <= 0:
                copy.append(f"…[{len(value) - len(copy)} more]")
                break
            copy.append(self.clean(item))
        return copy

    def _text(self, text: str, key: str) -> str:
        """`text` redacted, then cut; a long one is only read some way past the cut, so that its cost is bounded."""
        limit = self._limit
        read = text[: limit + _SLACK]
        clean = str(scrub_item(key, read, self.tally))
        if len(read) < len(text):
            # A value that the end of what was read cut in two could not be recognised: that end is not kept.
            clean = clean[: max(0, min(limit, len(clean) - _SLACK))]
            clean = f"{clean}…[{len(text) - len(clean)} more]"
        else:
            clean = _cut(clean, limit)
        self._room -= len(clean)
        return clean


def _message(message: object, limit: int, tally: Tally) -> str:
    cleaner = _Cleaner(limit)
    text = _json(cleaner.clean(message))
    tally.update(cleaner.tally)
    return text


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…[{len(text) - limit} more]"


def _named_blob(text: str) -> str | None:
    if not text.startswith("data:") or (head := _BLOB.match(text)) is None:
        return None
    return f"<blob {head.group(1) or 'text/plain'} {(len(text) - head.end()) * 3 // 4} bytes>"


def _named_base64(key: str, item: object) -> str | None:
    if key in _BASE64_FIELDS and isinstance(item, str) and len(item) > _BLOB_LENGTH and not item.startswith("data:"):
        return f"<blob {len(item) * 3 // 4} bytes>"
    return None


def _note(text: str) -> str:
    return _json({"role": "system", "parts": [{"type": "text", "content": text}]})
