"""The body of a request, read and inflated within bounds."""

import asyncio
import zlib
from collections.abc import Awaitable
from typing import Final, TypeVar

from starlette.requests import Request

from arc_core.errors import MalformedError, SlowBodyError, TooLargeError, UnsupportedError
from arc_core.ingest._capacity import Held

T = TypeVar("T")

BODY_SECONDS: Final = 60.0
"""Longest time a body may take to arrive."""

CLOSING_SECONDS: Final = 1.0
"""The same once Arc Core stops."""

_GZIP_WINDOW: Final = 31
"""zlib's number for a gzip header and the largest window (zlib manual, inflateInit2)."""


class Bodies:
    """Reads bodies, and does not let one that never ends hold up the end of Arc Core."""

    def __init__(self) -> None:
        self._seconds = BODY_SECONDS
        self._reading: set[asyncio.Timeout] = set()

    async def read(self, request: Request, held: Held, max_bytes: int) -> bytes:
        """Return the inflated body of `request`.

        Raise UnsupportedError for an encoding other than gzip, MalformedError when it does not inflate, TooLargeError
        above `max_bytes` (before or after inflating), SlowBodyError when it does not arrive in time, and what `held`
        raises.
        """
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise UnsupportedError(f"Content-Encoding {encoding!r} is not read here; send gzip or none")
        body = await self.arrived(_read(request, held, max_bytes))
        return await asyncio.to_thread(inflate, body, held, max_bytes) if encoding == "gzip" else body

    async def arrived(self, reading: Awaitable[T]) -> T:
        """Return what `reading` does; raise SlowBodyError when it takes too long."""
        timeout = asyncio.timeout(self._seconds)
        try:
            async with timeout:
                self._reading.add(timeout)
                return await reading
        except TimeoutError:
            raise SlowBodyError(f"the body did not arrive within {self._seconds:.0f} seconds") from None
        finally:
            self._reading.discard(timeout)

    def close(self) -> None:
        """Give what is still arriving, and what comes from now on, a second more."""
        self._seconds = CLOSING_SECONDS
        last = asyncio.get_running_loop().time() + CLOSING_SECONDS
        for timeout in self._reading:
            timeout.reschedule(last)


async def _read(request: Request, held: Held, max_bytes: int) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > max_bytes:
        raise _too_large(max_bytes)
    chunks = []
    async for chunk in request.stream():
        held.grow(len(chunk))
        if held.size_bytes > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def inflate(body: bytes, held: Held, max_bytes: int) -> bytes:
    """`body` without gzip, all its members; never more than `max_bytes` is inflated. Errors as in `Bodies.read`."""
    parts = []
    size = 0
    while body:
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = inflater.decompress(body, max_bytes + 1 - size)
        except zlib.error as error:
            raise MalformedError(f"the body is not gzip, although Content-Encoding says so: {error}") from None
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if not inflater.eof:
            raise MalformedError("the gzip body ends too early")
        held.grow(len(part))
        parts.append(part)
        body = inflater.unused_data
    return b"".join(parts)


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(f"the request is larger than {max_bytes} bytes; send fewer spans at a time")
