"""The only place that builds objects and hands them to each other."""

from arc_core.app._app import Endpoints, serve

__all__ = ["Endpoints", "serve"]
