"""Tenants, API keys, limits, usage and the audit log: SQLite beside the telemetry, or PostgreSQL.

The database's library is loaded when a registry is opened, not before.
"""

from arc_core.registry._limiter import Limiter
from arc_core.registry._model import (
    DAY_MS,
    AuditEntry,
    AuditHead,
    NewKey,
    Usage,
    broken_link,
    duration_ms,
    scopes_of,
    state_of,
)
from arc_core.registry._service import Registry, open_registry
from arc_core.registry._watch import LiveRing

__all__ = [
    "DAY_MS",
    "AuditEntry",
    "AuditHead",
    "Limiter",
    "LiveRing",
    "NewKey",
    "Registry",
    "Usage",
    "broken_link",
    "duration_ms",
    "open_registry",
    "scopes_of",
    "state_of",
]
