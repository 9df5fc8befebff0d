"""The entry points `arc` of `opentelemetry_distro` and `opentelemetry_configurator`."""

from arc_runtime.distro._distro import ArcConfigurator, ArcDistro

__all__ = ["ArcConfigurator", "ArcDistro"]
