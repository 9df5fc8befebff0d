"""What whoever runs Arc Core needs: metrics, logs, readiness, backups, and the way to a server."""

from arc_core.operations._backup import archive
from arc_core.operations._health import health_routes
from arc_core.operations._logging import hush_clients, log_to_stderr
from arc_core.operations._metrics import Metrics, metrics_route
from arc_core.operations._move import Moved, move
from arc_core.operations._restore import restore
from arc_core.operations._retention import expire_for_ever

__all__ = [
    "Metrics",
    "Moved",
    "archive",
    "expire_for_ever",
    "health_routes",
    "hush_clients",
    "log_to_stderr",
    "metrics_route",
    "move",
    "restore",
]
