"""The entry points `arc` of `opentelemetry_distro`, `opentelemetry_configurator` and `opentelemetry_pre_instrument`."""

from arc_runtime.distro._beside import before_plugins
from arc_runtime.distro._choice import CONFIGURATOR, DISTRO, is_plain, loaded
from arc_runtime.distro._coexistence import rival_of
from arc_runtime.distro._distro import ArcConfigurator, ArcDistro
from arc_runtime.distro._redaction import redact_providers_that_are_there

__all__ = [
    "CONFIGURATOR",
    "DISTRO",
    "ArcConfigurator",
    "ArcDistro",
    "before_plugins",
    "is_plain",
    "loaded",
    "redact_providers_that_are_there",
    "rival_of",
]
