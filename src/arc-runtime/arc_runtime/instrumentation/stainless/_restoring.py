"""Undoing in an answer what the program is not to see of a fix: other names of tools, a `stop` that was not sent."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Self

from arc_runtime.fixes import Afterwards

__all__ = ["is_raw", "restore"]

_RAW: Final = "x-stainless-raw-response"
_PLACES: Final = (
    "choices", "content", "content_block", "delta", "function", "function_call", "item", "message", "output",
    "response", "tool_calls",
)  # fmt: skip
_DEEPEST: Final = 8


def is_raw(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the caller wants the response as it is."""
    headers = getattr(kwargs["options"] if "options" in kwargs else args[1], "headers", None)
    return isinstance(headers, Mapping) and any(str(name).lower() == _RAW for name in headers)


def restore(result: Any, afterwards: Afterwards) -> None:
    """Have `result`, an answer or a stream of its pieces, say what `afterwards` demands."""
    names = dict(afterwards.names)
    if hasattr(result, "_iterator"):
        cut = _Cut(afterwards.stops)

        def edit(piece: Any) -> None:
            _rename(piece, names)
            cut.piece(piece)

        inner = result._iterator  # noqa: SLF001 - as where a stream is watched
        result._iterator = _AsyncEdited(inner, edit) if hasattr(inner, "__anext__") else _Edited(inner, edit)  # noqa: SLF001
        return
    _rename(result, names)
    _Cut(afterwards.stops).whole(result)


def _rename(part: Any, names: Mapping[str, str], depth: int = 0) -> None:
    """Give every call of a tool in `part` the name that the program knows."""
    if not names or depth > _DEEPEST or part is None or isinstance(part, str):
        return
    if isinstance(part, list):
        for one in part:
            _rename(one, names, depth + 1)
        return
    known = getattr(part, "__dict__", {})
    if isinstance(name := known.get("name"), str) and name in names:
        part.name = names[name]
    for place in _PLACES:
        if place in known:
            _rename(known[place], names, depth + 1)


class _Cut:
    """Ends the text of each choice where the first of `stops` begins."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held: dict[int, str] = {}
        """Text that is held back, as a stop may begin in it."""
        self._ended: set[int] = set()
        self._longest = max(map(len, stops), default=0)

    def whole(self, answer: Any) -> None:
        """Cut a complete answer."""
        for choice in getattr(answer, "choices", None) or () if self._stops else ():
            message = getattr(choice, "message", None)
            if message is not None and isinstance(text := getattr(message, "content", None), str):
                message.content = self._before(text)[0]
            elif isinstance(text := getattr(choice, "text", None), str):
                choice.text = self._before(text)[0]

    def piece(self, chunk: Any) -> None:
        """Cut one chunk: what may be the beginning of a stop waits for the next."""
        for choice in getattr(chunk, "choices", None) or () if self._stops else ():
            delta = getattr(choice, "delta", None)
            holder, name = (delta, "content") if delta is not None else (choice, "text")
            text = getattr(holder, name, None)
            ends = getattr(choice, "finish_reason", None) is not None
            if holder is None or not (isinstance(text, str) or ends):
                continue
            setattr(holder, name, self._next(getattr(choice, "index", 0), text or "", ends=ends))

    def _next(self, index: int, text: str, *, ends: bool) -> str:
        if index in self._ended:
            return ""
        text = self._held.pop(index, "") + text
        kept, cut = self._before(text)
        if cut:
            self._ended.add(index)
            return kept
        if ends:
            return text
        for size in range(min(self._longest - 1, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self._stops):
                self._held[index] = text[-size:]
                return text[:-size]
        return text

    def _before(self, text: str) -> tuple[str, bool]:
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        return (text[: min(places)], True) if places else (text, False)


class _Edited:
    def __init__(self, inner: Iterator[Any], edit: Callable[[Any], None]) -> None:
        self._inner = inner
        self._edit = edit

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        piece = next(self._inner)
        with suppress(Exception):  # a piece in no known shape is handed on as it is
            self._edit(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inner, name)


class _AsyncEdited:
    def __init__(self, inner: AsyncIterator[Any], edit: Callable[[Any], None]) -> None:
        self._inner = inner
        self._edit = edit

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        piece = await self._inner.__anext__()
        with suppress(Exception):  # as above
            self._edit(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inner, name)
