"""Sums over many spans: by agent, model, failure, key and time."""

from typing import Final, Literal, TypeVar

import msgspec

from arc_core.filters import Statement
from arc_core.reading._rows import AgentRow, CostRow, FailureRow, ModelRow, StatPoint
from arc_core.reading._scoped import TenantDatabase
from arc_core.reading._statements import AGENTS, COSTS, FAILURES, MODELS, STATS

T = TypeVar("T")

Grouping = Literal["none", "service", "agent", "model", "provider", "kind", "status", "environment", "user", "session"]
"""What sums are kept apart by."""

_KEYS: Final[dict[Grouping, str]] = {
    "none": "''",
    "service": "ServiceName",
    "agent": "AgentName",
    "model": "Model",
    "provider": "Provider",
    "kind": "Kind",
    "status": "StatusCode",
    "environment": "Environment",
    "user": "UserId",
    "session": "ConversationId",
}
_HOUR_S: Final = 3600


class Rollups:
    """What one tenant's spans add up to; every method raises StoreError when ClickHouse refuses.

    Each takes a condition on spans (`arc_core.filters.span_condition`) and returns at most `limit` rows.
    """

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def agents(self, condition: Statement, limit: int) -> list[AgentRow]:
        """The agents, most runs first."""
        return await self._rows(AGENTS.format(condition=condition.sql), condition, AgentRow, limit)

    async def models(self, condition: Statement, limit: int) -> list[ModelRow]:
        """The models, most calls first."""
        return await self._rows(MODELS.format(condition=condition.sql), condition, ModelRow, limit)

    async def failures(self, condition: Statement, limit: int) -> list[FailureRow]:
        """The sorts of failures, most frequent first."""
        return await self._rows(FAILURES.format(condition=condition.sql), condition, FailureRow, limit)

    async def costs(self, condition: Statement, by: Grouping, interval_s: int | None, limit: int) -> list[CostRow]:
        """What calls cost by `by`, in buckets of `interval_s` seconds, or in one without."""
        sql = COSTS.format(condition=condition.sql, key=_KEYS[by], bucket=_bucket(interval_s))
        return await self._rows(sql, condition, CostRow, limit)

    async def stats(self, condition: Statement, by: Grouping, interval_s: int, limit: int) -> list[StatPoint]:
        """What happened in buckets of `interval_s` seconds, by `by`."""
        sql = STATS.format(condition=condition.sql, key=_KEYS[by], bucket=_bucket(interval_s))
        return await self._rows(sql, condition, StatPoint, limit)

    async def _rows(self, sql: str, condition: Statement, kind: type[T], limit: int) -> list[T]:
        lines = await self._database.query(sql, **condition.parameters, limit=limit)
        return msgspec.json.Decoder(kind).decode_lines(lines)


def _bucket(interval_s: int | None) -> str:
    if interval_s is None:
        return "0"
    # Rollups know hours alone.
    column = "Timestamp" if interval_s % _HOUR_S else "toStartOfHour(Timestamp)"
    return f"toStartOfInterval({column}, INTERVAL {int(interval_s)} SECOND)"
