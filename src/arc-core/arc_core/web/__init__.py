"""The workbench, and what holds for every answer."""

from arc_core.web._guard import Guard
from arc_core.web._workbench import workbench_routes

__all__ = ["Guard", "workbench_routes"]
