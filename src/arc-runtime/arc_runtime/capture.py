"""What of a message is recorded, and how: redacted here, before a span holds it, then cut to a bounded size.

Content is a JSON value (GenAI messages: `role` and `parts`); recorded is its text as `Clean`, which the processor
does not scan a second time. Work is bounded like the result: what there is no room for is not looked at.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from arc_runtime.redaction import Clean, Tally, is_clean, scrub, scrub_item
from arc_runtime.settings import Capture

__all__ = ["Recorder"]

T = TypeVar("T")

_DEEPEST: Final = 32
_SLACK: Final = 4_096
_MOST_COPIED: Final = 20_000
"""Items of content that are copied of one call at most; what is beyond them is read as it is later."""
_NODE: Final = 4
"""Characters that a value takes at the least, with its comma and quotes."""
_BLOB: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,100};base64,")
_BYTES: Final = (bytes, bytearray, memoryview)
_MAPPINGS: Final = (dict, Mapping)
_CONTAINERS: Final = (dict, list, tuple, Mapping)
_BASE64_FIELDS: Final = frozenset({"data", "b64_json", "file_data"})
_BLOB_LENGTH: Final = 512
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Recorder:
    """Turns content into bounded, redacted text."""

    def __init__(self, mode: Capture, limit: int) -> None:
        self.on_spans: bool = mode in ("SPAN_ONLY", "SPAN_AND_EVENT")
        self.on_events: bool = mode in ("EVENT_ONLY", "SPAN_AND_EVENT")
        self._limit = limit

    @property
    def wanted(self) -> bool:
        """Whether content is recorded at all."""
        return self.on_spans or self.on_events

    def hold(self, value: T) -> T:
        """A copy of `value`, JSON in dicts and lists, which the program can't change any more; long text is cut short.

        It costs a fraction of the recording, which can then be done later and elsewhere.
        """
        held: T = _Copier(self._limit + _SLACK).copy(value)
        return held

    def text(self, value: object) -> Clean:
        """`value` as text (strings as they are, the rest as JSON), redacted, at most the limit long."""
        tally = Tally()
        clean = _Cleaner(self._limit, tally).clean(value)
        return Clean.of(clean if isinstance(clean, str) else _cut(_json(clean), self._limit), tally)

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
            if seen:
                tally.update(seen)
            kept.append(text)
        return kept[::-1], 0


class _Cut(str):
    """The beginning of a text that is `whole` characters long."""

    __slots__ = ("whole",)
    whole: int


class _Copier:
    """Copies containers, models of Pydantic too; of text longer than `longest` only the beginning, or a blob's name."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._room = _MOST_COPIED

    def copy(self, value: Any, depth: int = 0) -> Any:
        """The copy of `value`; what is neither container nor text stays what it is, and what is beyond all bounds."""
        kind: Any = type(value)
        if kind is str:
            return value if len(value) <= self._longest else _named_blob(value) or self._cut(value)
        if kind is dict:
            return self._mapping(value, depth + 1) if self._roomy(len(value), depth) else value
        if kind is list or kind is tuple:
            return [self.copy(item, depth + 1) for item in value] if self._roomy(len(value), depth) else value
        if _is_model(kind):
            fields = {**value.__dict__, **(value.__pydantic_extra__ or {})}
            return self._mapping(fields, depth + 1) if self._roomy(len(fields), depth) else value
        return value

    def _mapping(self, value: dict[Any, object], depth: int) -> dict[object, object]:
        longest = self._longest
        copied: dict[object, object] = {}
        for key, item in value.items():
            if item is None:
                copied[key] = None
            elif type(item) is not str:
                copied[key] = self.copy(item, depth)
            elif len(item) <= longest:
                copied[key] = item
            else:
                copied[key] = _named_base64(str(key), item) or self.copy(item)
        return copied

    def _roomy(self, items: int, depth: int) -> bool:
        self._room -= items + 1
        return self._room >= 0 and depth < _DEEPEST

    def _cut(self, text: str) -> str:
        cut = _Cut(text[: self._longest])
        cut.whole = len(text)
        return cut


@lru_cache(maxsize=256)
def _is_model(kind: Any) -> bool:
    return hasattr(kind, "model_fields") and hasattr(kind, "__pydantic_extra__")


class _Cleaner:
    """Makes a redacted copy of one value as JSON; blobs are named instead of kept, strings are cut to `limit`."""

    def __init__(self, limit: int, tally: Tally) -> None:
        self.tally = tally
        self._limit = limit
        self._room = 2 * limit + _SLACK
        self._path: set[int] = set()

    def clean(self, value: object, key: str = "") -> object:
        """The copy of `value`, which stands under `key`."""
        self._room -= _NODE
        kind = type(value)
        if kind is str or isinstance(value, str):
            return _named_blob(value) or self._text(value, key)  # type: ignore[arg-type]
        if value is None or kind is bool or kind is float:
            return value
        if kind is dict or kind is list:
            return self._container(value)  # type: ignore[arg-type]
        if isinstance(value, int):
            return scrub_item(key, value, self.tally)
        if isinstance(value, _BYTES):
            return f"<blob {len(value)} bytes>"
        if isinstance(value, _CONTAINERS):
            return self._container(value)
        return value if isinstance(value, float) else self._text(str(value), key)

    def _container(self, value: Mapping[object, object] | Sequence[object]) -> object:
        if id(value) in self._path:
            return "<cycle>"
        if len(self._path) >= _DEEPEST:
            return "<too deep>"
        self._path.add(id(value))
        try:
            return self._mapping(value) if isinstance(value, _MAPPINGS) else self._list(value)
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
        whole = text.whole if isinstance(text, _Cut) else len(text)
        read = str(text[: limit + _SLACK])
        clean = str(scrub_item(key, read, self.tally))
        if len(read) < whole:
            # A value that the end of what was read cut in two could not be recognised: that end is not kept.
            clean = clean[: max(0, min(limit, len(clean) - _SLACK))]
            clean = f"{clean}…[{whole - len(clean)} more]"
        else:
            clean = _cut(clean, limit)
        self._room -= len(clean)
        return clean


def _message(message: object, limit: int, tally: Tally) -> str:
    return _json(_Cleaner(limit, tally).clean(message))


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
