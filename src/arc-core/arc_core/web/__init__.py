"""The JSON API under `/api/v1`, and the workbench."""

from arc_core.web._api import api_routes
from arc_core.web._guard import Guard
from arc_core.web._problems import failed, refused
from arc_core.web._workbench import workbench_routes

__all__ = ["Guard", "api_routes", "failed", "refused", "workbench_routes"]
