"""The JSON API under `/api/v1`."""

from arc_core.api._operation import Call, Operation
from arc_core.api._problems import failed, problem, refusal, refused
from arc_core.api._reads import Reads
from arc_core.api._routes import as_json, routes_of

__all__ = ["Call", "Operation", "Reads", "as_json", "failed", "problem", "refusal", "refused", "routes_of"]
