"""The body of an HTTP request, read and inflated within bounds."""

import asyncio
import zlib
from typing import Final

from starlette.requests import Request

from arc_core.errors import MalformedError, SlowBodyError, TooLargeError, UnsupportedError
from arc_core.ingest._capacity import Held

BODY_SECONDS: Final = 60.0
"""Longest time a body may take to arrive."""

_GZIP_WINDOW: Final = 31
"""zlib's number for a gzip header and the largest window (zlib manual, inflateInit2)."""


async def read_body(request: Request, held: Held, max_bytes: int) -> bytes:
    """Return the inflated body of `request`.

    Raise UnsupportedError for an encoding other than gzip, MalformedError when it does not inflate, TooLargeError above
    `max_bytes` (before or after inflating), SlowBodyError when it does not arrive in time, and what `held` raises.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise UnsupportedError(f"Content-Encoding {encoding!r} is not read here; send gzip or none")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read(request, held, max_bytes)
    except TimeoutError:
        raise SlowBodyError(f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from None
    return await asyncio.to_thread(inflate, body, held, max_bytes) if encoding == "gzip" else body


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
    """`body` without gzip, all its members; never more than `max_bytes` is inflated. Errors as in `read_body`."""
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
