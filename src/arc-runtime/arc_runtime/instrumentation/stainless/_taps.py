"""Bodies that the program reads itself: followed as bytes, whichever way it reads them.

`read`, `json`, `iter_lines`, `iter_raw` and all the others of a response end at its byte stream; that is where it is
followed. The program gets the same bytes, and no byte is read before it reads it.
"""

import json
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from arc_runtime.instrumentation._streams import Watcher

__all__ = ["Body", "ReadBody", "tap"]

_LARGEST: Final = 8 * 1024 * 1024
"""Bytes of one body that are kept at most: a longer one is not read for usage."""


class ReadBody(NamedTuple):
    """A JSON body that was read whole."""

    headers: Mapping[str, str]
    raw: bytes
    response: type[Any]
    """Class of the response it came with."""

    def json(self) -> object:
        """What it says."""
        # A response of the library's own undoes what `content-encoding` names.
        return json.loads(self.response(200, headers=self.headers, content=self.raw).content)


class Body:
    """What is known of one open body; tells `watcher` once it is over."""

    def __init__(self, response: Any, watcher: Watcher) -> None:
        self.watcher = watcher
        self.guard = watcher.guard
        self._headers = response.headers
        self._kind = type(response)
        self._pieces: list[bytes] = []
        self._size = 0
        self._data: list[bytes] = []
        self._inflated: Callable[[bytes], bytes] | None = None
        self._complete = False
        self._left = False
        self.take: Callable[[bytes], None] = self._reader(response.headers)
        """Called with each piece as it passes."""

    def _reader(self, headers: Mapping[str, str]) -> Callable[[bytes], None]:
        content = headers.get("content-type", "")
        if "json" in content:
            return self._gather
        coding = headers.get("content-encoding", "identity")
        if "event-stream" in content and coding in ("identity", "gzip"):
            if coding == "gzip":
                self._inflated = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress
            return self._events
        return _ignore

    def leave(self) -> None:
        """Somebody else follows this body from now on: a stream of the client."""
        self._left = True
        self.take = _ignore

    def exhausted(self) -> None:
        """The program read the last byte."""
        if self._left:
            return
        if self._pieces and self.take == self._gather:
            self.watcher.answered(ReadBody(self._headers, b"".join(self._pieces), self._kind))
        else:
            self._line(b"")
            self.watcher.finished()

    def broke(self, error: BaseException) -> None:
        """Reading raised `error`."""
        if not self._left:
            self.watcher.broke(error)

    def dropped(self) -> None:
        """The byte stream was closed or dropped."""
        if not self._left:
            self.closed()

    def closed(self) -> None:
        """The program closed the response."""
        if self._complete:
            self.watcher.finished()
        else:
            self.watcher.closed()

    def _gather(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _LARGEST:
            self._pieces = []
            self.take = _ignore
        else:
            self._pieces.append(piece)

    def _events(self, piece: bytes) -> None:
        if self._inflated is not None:
            piece = self._inflated(piece)
        if not (b"\n" in piece or b"\r" in piece or self._held_return()):
            self._gather(piece)
            return
        # A line ends with a line feed, a carriage return, or both; which of them a return at the end is, is not known.
        lines = b"".join((*self._pieces, piece)).splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        self._pieces, self._size = [rest], len(rest)
        for line in lines:
            self._line(line.rstrip(b"\r\n"))

    def _held_return(self) -> bool:
        return bool(self._pieces) and self._pieces[-1].endswith(b"\r")

    def _line(self, line: bytes) -> None:
        """Take in one line; an empty one ends the event that those before it make up."""
        if line.startswith(b"data:"):
            data = line[5:].strip()
            self._complete = self._complete or data == b"[DONE]"
            self._data.append(data)
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            self._event(data)

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        self.watcher.chunk(event)


def _ignore(_piece: bytes) -> None:
    """Not a body that says anything Arc records."""


class _Tap:
    """What the two kinds of tapped byte stream share."""

    def __init__(self, inner: Any, body: Body) -> None:
        self._inner = inner
        self._body = body

    def __getattr__(self, name: str) -> Any:
        if name in ("_inner", "_body"):  # not there yet, as while it is copied
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __del__(self) -> None:
        if "_body" in self.__dict__:
            self._tell(self._body.dropped)

    def _tell(self, what: Callable[..., None], *news: object) -> None:
        self._body.guard.attempt("following the body", what, *news)


class _SyncTap(_Tap):
    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._inner:
                self._tell(self._body.take, piece)
                yield piece
        except GeneratorExit:
            raise
        except BaseException as error:
            self._tell(self._body.broke, error)
            raise
        self._tell(self._body.exhausted)

    def close(self) -> None:
        self._tell(self._body.dropped)
        self._inner.close()


class _AsyncTap(_Tap):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        inner = self._inner.__aiter__()
        try:
            async for piece in inner:
                self._tell(self._body.take, piece)
                yield piece
        except GeneratorExit:
            raise
        except BaseException as error:
            self._tell(self._body.broke, error)
            raise
        finally:
            # An async generator that is merely dropped is closed some time later, by the event loop.
            if isinstance(inner, AsyncGenerator):
                await inner.aclose()
        self._tell(self._body.exhausted)

    async def aclose(self) -> None:
        self._tell(self._body.dropped)
        await self._inner.aclose()


def tap(response: Any, watcher: Watcher) -> Body:
    """Follow the open body of `response` from now on."""
    body = Body(response, watcher)
    stream: Any = response.stream
    response.stream = _kind_for(stream.__class__)(stream, body)
    return body


@lru_cache(maxsize=16)
def _kind_for(stream: Any) -> Callable[[Any, Body], Any]:
    """The class that stands in for `stream`: responses only read what is a byte stream of their own library."""
    for base in stream.__mro__:
        if base.__name__ == "SyncByteStream":
            return type("TappedByteStream", (_SyncTap, base), {})
        if base.__name__ == "AsyncByteStream":
            return type("AsyncTappedByteStream", (_AsyncTap, base), {})
    raise TypeError(f"{stream} is no byte stream that Arc knows")
