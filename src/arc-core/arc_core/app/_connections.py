"""HTTP connections: so many, and none that never asks for anything."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BACKLOG: Final = 128
"""Connections that are accepted at once, before any of them is looked at."""

_FIRST_REQUEST_SECONDS: Final = 60
"""How long a new connection may take until the headers of its first request are there."""


def connections_of(most: int) -> type[asyncio.Protocol]:
    """Return the protocol of connections of which there are at most `most`; one more is closed, and may come again."""

    class Connection(HttpToolsProtocol):
        cycle: Any
        """The request that came last; None before the first."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
            else:
                self.loop.call_later(_FIRST_REQUEST_SECONDS, self._close_unused)

        def _close_unused(self) -> None:
            if self.cycle is None:
                self.transport.close()

    return Connection
