"""Deleting what a tenant does not want kept longer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from arc_core.access import Keyring, Tenant
from arc_core.errors import StoreError
from arc_core.operations._copy import TABLES
from arc_core.store import Database

_EVERY_SECONDS: Final = 3600
_HOUR_S: Final = 3600
_DAY_MS: Final = 24 * 3600 * 1000

_TIMES: Final = {
    **{table: "TimeUnix" for table in TABLES if table.startswith("otel_metrics_")},
    "spans": "Timestamp",
    "otel_logs": "Timestamp",
    "traces": "Hour",
}
"""The column of each table by which a row is old."""

_log = logging.getLogger("arc_core.retention")


class _Count(msgspec.Struct):
    rows: int


async def expire_for_ever(database: Database, ring: Callable[[], Keyring], now_ms: Callable[[], int]) -> None:
    """Every hour, delete what is older than its tenant keeps; until cancelled."""
    while True:
        for tenant in ring().tenants.values():
            try:
                await expire(database, tenant, now_ms())
            except StoreError as error:
                _log.warning("what tenant %s keeps no longer is not deleted yet: %s", tenant.id, error)
        await asyncio.sleep(_EVERY_SECONDS)


async def expire(database: Database, tenant: Tenant, now_ms: int) -> None:
    """Delete what began over `tenant.retention_days` ago, by whole hours; raise StoreError when ClickHouse refuses."""
    if tenant.retention_days is None:
        return
    before_s = max(0, now_ms - tenant.retention_days * _DAY_MS) // 1000
    # `traces` knows hours alone: within one, the spans that are left would be in no list.
    before_s -= before_s % _HOUR_S
    for table, column in _TIMES.items():
        where = f"TenantId = {{tenant:String}} AND {column} < toDateTime({{before_s:UInt32}}, 'UTC')"
        counted = await database.query(
            f"SELECT count() AS rows FROM {table} WHERE {where}",  # noqa: S608 - constants
            tenant=tenant.id,
            before_s=before_s,
        )
        # A deletion writes parts anew, so there is none where nothing is old.
        if msgspec.json.decode(counted, type=_Count).rows:
            await database.command(f"DELETE FROM {table} WHERE {where}", tenant=tenant.id, before_s=before_s)  # noqa: S608
