"""Spans as they arrive, as server-sent events."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.responses import Response

from arc_core.api._operation import Call, Operation
from arc_core.api._parameters import FILTER
from arc_core.api._streams import Pieces, Streams
from arc_core.api._summaries import span_summary
from arc_core.errors import StoreError
from arc_core.filters import span_condition
from arc_core.reading import Arrivals, TenantDatabase
from arc_core.store import Database

_EVERY_SECONDS: Final = 1.0
_BEAT_SECONDS: Final = 15.0
"""Proxies end a connection that says nothing."""

_MOST: Final = 20
"""Listeners of one tenant: each asks the database every second."""

_HEADERS: Final = {"X-Accel-Buffering": "no"}
"""nginx would keep events back until there are many."""

_SOME: Final = 500
"""Spans of one turn; what is more waits for the next."""


class Tails:
    """Answers that go on until the listener leaves or Arc Core stops."""

    def __init__(self, database: Database, stop: asyncio.Event, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._stop = stop
        self._now_ns = now_ns
        self._streams = Streams(_MOST, f"{_MOST} listen already; try again when one has left")

    def operations(self) -> list[Operation]:
        """The one there is."""
        return [
            Operation(
                method="GET",
                path="/api/v1/tail",
                name="tail",
                says="Spans as they arrive: events named `span`, each with a SpanSummary in JSON",
                scope="read",
                handler=self.tail,
                parameters=(FILTER,),
                answer_types=("text/event-stream",),
            )
        ]

    async def tail(self, call: Call) -> Response:
        """Spans from now on."""
        return await self._streams.answer(call.caller.tenant, lambda: self._begun(call), "text/event-stream", _HEADERS)

    async def _begun(self, call: Call) -> Pieces:
        database = TenantDatabase(self._database, call.caller.tenant)
        arrivals = Arrivals(database, self._now_ns() // 1_000_000_000)
        condition = span_condition(call["filter"], self._now_ns())
        await arrivals.more(condition, _SOME)  # what came this very second is no news; and errors show in the status
        return self._events(call, arrivals)

    async def _events(self, call: Call, arrivals: Arrivals) -> Pieces:
        said = time.monotonic()
        yield b": listening\n\n"
        while not await self._is_stopped():
            condition = span_condition(call["filter"], self._now_ns())
            try:
                rows = await arrivals.more(condition, _SOME)
            except StoreError:
                continue  # it may answer again; the listener would have to come back either way
            for row in rows:
                yield b"event: span\ndata: " + msgspec.json.encode(span_summary(row)) + b"\n\n"
            if rows:
                said = time.monotonic()
            elif time.monotonic() - said > _BEAT_SECONDS:
                said = time.monotonic()
                yield b": still listening\n\n"

    async def _is_stopped(self) -> bool:
        """Whether Arc Core stops, after a while."""
        try:
            await asyncio.wait_for(self._stop.wait(), _EVERY_SECONDS)
        except TimeoutError:
            return False
        return True
