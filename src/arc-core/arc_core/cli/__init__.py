"""The commands that arc-core adds to `arc`: parse, call, print."""

from arc_core.cli._demo import demo
from arc_core.cli._group import core

__all__ = ["core", "demo"]
