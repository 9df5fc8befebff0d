"""A database that shows the rows of one tenant."""

import re
from collections.abc import AsyncIterator
from typing import Final

from arc_core.access import is_tenant_id
from arc_core.store import Database, Settings, Value

_TABLES: Final = (
    "spans",
    "traces",
    "otel_logs",
    "otel_metrics_gauge",
    "otel_metrics_sum",
    "otel_metrics_histogram",
    "otel_metrics_exponential_histogram",
    "otel_metrics_summary",
)
"""Every table that holds rows of tenants."""

_READ: Final = re.compile(rf"\b(?:FROM|JOIN)\s+(?:{'|'.join(_TABLES)})\b")
_PREDICATE: Final = "TenantId = {tenant:String}"


class TenantDatabase:
    """Reads of one tenant, each held twice: by the predicate that its SQL has for each table, and by the engine.

    Were a predicate forgotten, or undone by what stands beside it, the engine's `additional_table_filters` still let no
    row of others through.
    """

    def __init__(self, database: Database, tenant: str) -> None:
        if not is_tenant_id(tenant):  # it becomes part of a setting, which cannot be bound
            raise ValueError(f"{tenant!r} is no id of a tenant")
        self._database = database
        self._tenant = tenant
        filters = ", ".join(f"'{table}': 'TenantId = \\'{tenant}\\''" for table in _TABLES)
        self._settings: Settings = {"additional_table_filters": f"{{{filters}}}"}

    async def query(self, sql: str, settings: Settings | None = None, /, **parameters: Value) -> bytes:
        """Rows as JSONEachRow lines; raise StoreError when the engine refuses. `settings` say how, never whose."""
        _check(sql)
        told = {**(settings or {}), **self._settings}
        return await self._database.query(sql, told, **parameters, tenant=self._tenant)

    def stream(self, sql: str, /, form: str = "JSONEachRow", **parameters: Value) -> AsyncIterator[bytes]:
        """Rows in the output format `form`, piece by piece; raise StoreError when the engine refuses."""
        _check(sql)
        return self._database.stream(sql, form, self._settings, **parameters, tenant=self._tenant)


def _check(sql: str) -> None:
    if len(_READ.findall(sql)) > sql.count(_PREDICATE):
        raise ValueError(f"a statement reads a table without {_PREDICATE}")
