"""What the distro and the configurator, which OpenTelemetry creates apart from each other, share in one process."""

import os
from functools import cache

from arc_runtime._stderr import LOGGER, quieten
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings

__all__ = ["wired"]


@cache
def wired() -> Runtime:
    """The runtime of this process: settings from the environment, their warnings said, one fix engine."""
    settings, warnings = Settings.from_env(os.environ)
    quieten(settings.level)
    for warning in warnings:
        LOGGER.warning("%s", warning, extra={"cause": warning})
    return Runtime.of(settings)
