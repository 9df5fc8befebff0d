"""Answers that come piece by piece, so many at a time for each tenant."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from arc_core.errors import OverQuotaError

_RETRY_SECONDS: Final = 10

Pieces = AsyncGenerator[bytes, None]


class Streams:
    """What of one sort goes out now; more than `most` of one tenant are put off, and its neighbours are not."""

    def __init__(self, most: int, refusal: str) -> None:
        self._most = most
        self._refusal = refusal
        self._running: dict[str, int] = {}

    async def answer(
        self, tenant: str, begin: Callable[[], Awaitable[Pieces]], media_type: str, headers: Mapping[str, str]
    ) -> Response:
        """Return the answer that `begin` begins, which counts until its last piece is sent or nobody listens.

        Raise OverQuotaError when too many run, and what `begin` raises: that shows in the answer's status.
        """
        if self._running.get(tenant, 0) >= self._most:
            raise OverQuotaError(self._refusal, _RETRY_SECONDS)
        self._running[tenant] = self._running.get(tenant, 0) + 1
        try:
            pieces = await begin()
        except BaseException:
            self._end(tenant)
            raise
        told = {"Cache-Control": "no-store", **headers}
        return _Counted(pieces, lambda: self._end(tenant), headers=told, media_type=media_type)

    def _end(self, tenant: str) -> None:
        self._running[tenant] -= 1
        if not self._running[tenant]:
            del self._running[tenant]


async def begun(pieces: Pieces) -> Pieces:
    """`pieces`, whose first is there: what the database refuses is raised before an answer begins."""
    first = await anext(pieces, b"")
    return _after(first, pieces)


async def _after(first: bytes, pieces: Pieces) -> Pieces:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece


class _Counted(StreamingResponse):
    """One answer; a listener who leaves before the first piece ends it too."""

    def __init__(self, pieces: Pieces, end: Callable[[], None], *, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._pieces = pieces
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()
            await self._pieces.aclose()
