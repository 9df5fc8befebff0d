"""The end of an Arc Core that nobody uses: one that a command started must not stay for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from arc_core.model import Batch


class Idle:
    """When Arc Core was last used."""

    def __init__(self, longest_seconds: float) -> None:
        """With the seconds without use after which to stop; 0 never does."""
        self._longest = longest_seconds
        self._last = time.monotonic()

    def note_use(self) -> None:
        """Count from now on."""
        self._last = time.monotonic()

    def noting(self, write: Callable[[Batch], Awaitable[None]]) -> Callable[[Batch], Awaitable[None]]:
        """`write`, each call of which is use: what comes over gRPC passes no HTTP middleware."""

        async def noted(batch: Batch) -> None:
            self.note_use()
            await write(batch)

        return noted

    async def stop_when_unused(self, stop: asyncio.Event) -> None:
        """Set `stop` once the time without use is over; return at once when there is no such time."""
        while self._longest:
            left = self._last + self._longest - time.monotonic()
            if left <= 0:
                stop.set()
                return
            await asyncio.sleep(left)


class NotingUse:
    """ASGI middleware: each request is use when it comes, and when it is answered."""

    def __init__(self, app: ASGIApp, idle: Idle) -> None:
        self._app = app
        self._idle = idle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on to the application."""
        self._idle.note_use()
        await self._app(scope, receive, send)
        self._idle.note_use()
