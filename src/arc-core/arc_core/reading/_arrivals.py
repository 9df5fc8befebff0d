"""Spans in the order in which they came."""

from typing import Final

import msgspec

from arc_core.filters import Statement
from arc_core.reading._rows import SpanLine
from arc_core.reading._scoped import TenantDatabase
from arc_core.reading._statements import TAIL

_LATE_SECONDS: Final = 10
"""Between the time that a span carries as that of its arrival, and its being on disk."""


class _Arrived(SpanLine, frozen=True, kw_only=True):
    received_s: int


class Arrivals:
    """What came for one tenant since a moment, each span once."""

    def __init__(self, database: TenantDatabase, since_s: int) -> None:
        """With the seconds since 1970 from which on."""
        self._database = database
        self._since_s = since_s
        self._seen: dict[tuple[str, str], int] = {}

    def behind_s(self, now_s: int) -> int:
        """How many seconds before `now_s` the newest came that was returned; 0 before there was one."""
        newest_s = max(self._seen.values(), default=now_s)
        return max(0, now_s - newest_s)

    def skip_to(self, since_s: int) -> None:
        """Leave out what came before `since_s`, in seconds since 1970."""
        self._since_s = since_s
        self._seen = {}

    async def more(self, condition: Statement, limit: int) -> list[SpanLine]:
        """At most about `limit` spans that were not returned before; raise StoreError when ClickHouse refuses."""
        lines = await self._database.query(
            TAIL.format(condition=condition.sql),
            **condition.parameters,
            since_s=self._since_s,
            limit=limit + len(self._seen),
        )
        rows = msgspec.json.Decoder(_Arrived).decode_lines(lines)
        fresh = [row for row in rows if (row.trace_id, row.span_id) not in self._seen]
        for row in fresh:
            self._seen[row.trace_id, row.span_id] = row.received_s
        newest_s = max(self._seen.values(), default=0)
        self._since_s = max(self._since_s, newest_s - _LATE_SECONDS)
        self._seen = {ids: at_s for ids, at_s in self._seen.items() if at_s >= self._since_s}
        return list(fresh)
