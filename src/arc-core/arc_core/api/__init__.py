"""The JSON API under `/api/v1`."""

from arc_core.api._admin import Admin
from arc_core.api._backups import Backups
from arc_core.api._export import Exports
from arc_core.api._gateway import gateway_route
from arc_core.api._import import Imports, Taken
from arc_core.api._openapi import document
from arc_core.api._operation import Call, Operation
from arc_core.api._problems import STATUSES, failed, problem, refusal, refused
from arc_core.api._reads import Reads
from arc_core.api._routes import as_json, refusing, routes_of
from arc_core.api._tail import Tails

__all__ = [
    "STATUSES",
    "Admin",
    "Backups",
    "Call",
    "Exports",
    "Imports",
    "Operation",
    "Reads",
    "Tails",
    "Taken",
    "as_json",
    "document",
    "failed",
    "gateway_route",
    "problem",
    "refusal",
    "refused",
    "refusing",
    "routes_of",
]
