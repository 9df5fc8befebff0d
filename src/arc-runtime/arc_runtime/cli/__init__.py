"""The `arc` command; other packages add commands of theirs through the entry-point group `arc.commands`."""

from arc_runtime.cli._main import main

__all__ = ["main"]
