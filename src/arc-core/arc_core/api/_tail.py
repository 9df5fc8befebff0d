"""Spans as they arrive, as server-sent events."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from arc_core.access import Caller, Scope
from arc_core.api._operation import Call, Operation
from arc_core.api._parameters import FILTER
from arc_core.api._streams import Pieces, Streams
from arc_core.api._summaries import span_summary
from arc_core.errors import ForbiddenError, StoreError, UnauthenticatedError
from arc_core.filters import span_condition
from arc_core.reading import Arrivals, TenantDatabase
from arc_core.store import Database

_SECOND_NS: Final = 1_000_000_000
_EVERY_SECONDS: Final = 1.0
_SHARE: Final = 0.05
"""Of one session of the database: a listener of many spans, among which is searched by time alone, asks less often.

At a million spans a question takes 10 to 20 ms of CPU (an index on the time of arrival made no difference).
"""
_BEAT_SECONDS: Final = 15.0
"""Proxies end a connection that says nothing."""

_MOST: Final = 20
"""Listeners of one tenant: each asks the database every second."""

_HEADERS: Final = {"X-Accel-Buffering": "no"}
"""nginx would keep events back until there are many."""

_SOME: Final = 500
"""Spans of one turn; what is more waits for the next."""

_BEHIND_SECONDS: Final = 30
"""Of one who waits for more than so long, the rest is left out: else he would never hear of what comes now."""


Authenticate = Callable[[Mapping[str, str], Scope], Caller]
"""Says who sent these headers, and may do this; raises as `Access.authenticate` does."""


class Tails:
    """Answers that go on until the listener leaves or Arc Core stops."""

    def __init__(
        self,
        database: Database,
        stop: asyncio.Event,
        authenticate: Authenticate,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._stop = stop
        self._authenticate = authenticate
        self._now_ns = now_ns
        self._streams = Streams(_MOST, f"{_MOST} listen already; try again when one has left")

    def operations(self) -> list[Operation]:
        """The one there is."""
        return [
            Operation(
                method="GET",
                path="/api/v1/tail",
                name="tail",
                says="Spans as they arrive: events `span`, each a SpanSummary, and `gap` where some are left out",
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
        arrivals = Arrivals(database, self._now_ns() // _SECOND_NS)
        condition = span_condition(call["filter"], self._now_ns())
        await arrivals.more(condition, _SOME)  # what came this very second is no news; and errors show in the status
        return self._events(call, arrivals)

    async def _events(self, call: Call, arrivals: Arrivals) -> Pieces:
        said, pause = time.monotonic(), _EVERY_SECONDS
        yield b": listening\n\n"
        while not await self._is_stopped(pause):
            if not self._is_let_in(call):
                return
            asked = time.monotonic()
            try:
                rows = await arrivals.more(span_condition(call["filter"], self._now_ns()), _SOME)
            except StoreError:
                continue  # it may answer again; the listener would have to come back either way
            pause = max(_EVERY_SECONDS, (time.monotonic() - asked) / _SHARE)
            for row in rows:
                yield b"event: span\ndata: " + msgspec.json.encode(span_summary(row)) + b"\n\n"
            now_s = self._now_ns() // _SECOND_NS
            if len(rows) >= _SOME and (behind_s := arrivals.behind_s(now_s)) > _BEHIND_SECONDS:
                arrivals.skip_to(now_s)
                yield b'event: gap\ndata: {"seconds":%d}\n\n' % behind_s
            if rows:
                said = time.monotonic()
            elif time.monotonic() - said > _BEAT_SECONDS:
                said = time.monotonic()
                yield b": still listening\n\n"

    def _is_let_in(self, call: Call) -> bool:
        """Whether the key is in force still: it may end while its owner listens."""
        try:
            return self._authenticate(call.request.headers, "read").tenant == call.caller.tenant
        except (UnauthenticatedError, ForbiddenError):
            return False

    async def _is_stopped(self, seconds: float) -> bool:
        """Whether Arc Core stops, after a while."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True
