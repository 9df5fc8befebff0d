"""The only place that builds objects and hands them to each other."""

from arc_core.app._app import serve
from arc_core.app._endpoints import Endpoints

__all__ = ["Endpoints", "serve"]
