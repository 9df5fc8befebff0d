"""The entry points `arc` of `opentelemetry_distro`, `opentelemetry_configurator` and `opentelemetry_pre_instrument`."""

from arc_runtime.distro._beside import before_plugins
from arc_runtime.distro._by_code import PLUGINS, configure_sdk, plugin_of, plugins, switch_on
from arc_runtime.distro._choice import CONFIGURATOR, DISTRO, is_plain, loaded
from arc_runtime.distro._coexistence import is_on, rival_of
from arc_runtime.distro._distro import ArcConfigurator, ArcDistro
from arc_runtime.distro._redaction import redact_providers_that_are_there
from arc_runtime.distro._wiring import by_code, requests, wired, wired_by_code

__all__ = [
    "CONFIGURATOR",
    "DISTRO",
    "PLUGINS",
    "ArcConfigurator",
    "ArcDistro",
    "before_plugins",
    "by_code",
    "configure_sdk",
    "is_on",
    "is_plain",
    "loaded",
    "plugin_of",
    "plugins",
    "redact_providers_that_are_there",
    "requests",
    "rival_of",
    "switch_on",
    "wired",
    "wired_by_code",
]
