"""What the distro and the configurator, which OpenTelemetry creates apart from each other, share in one process."""

import os
from functools import cache

from arc_runtime._stderr import LOGGER, quieten
from arc_runtime.distro._choice import as_the_user_set_it
from arc_runtime.instrumentation import Runtime, untested_sdk
from arc_runtime.settings import Settings

__all__ = ["wired"]


@cache
def wired() -> Runtime:
    """The runtime of this process: settings from the environment, their warnings said, one fix engine."""
    settings, warnings = Settings.from_env(as_the_user_set_it(os.environ))
    quieten(settings.level)
    for warning in warnings:
        LOGGER.warning("%s", warning, extra={"cause": warning})
    for found in untested_sdk() if settings.active else ():
        LOGGER.warning("%s; what still fits works", found, extra={"cause": str(found)})
    return Runtime.of(settings)
