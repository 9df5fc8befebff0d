"""Known failures are recognised in a request (patterns) and mended (fixes) before it leaves; no I/O, no waiting.

The language is the contract of `docs/reference/fixes.md`. `Registry` holds entries, `Engine` applies them.
"""

from arc_runtime.fixes._catalogue import DEFAULT_ENTRIES
from arc_runtime.fixes._changes import without_content
from arc_runtime.fixes._engine import Engine, Mended, Request
from arc_runtime.fixes._entry import Entry
from arc_runtime.fixes._explanation import Held, Verdict, explained
from arc_runtime.fixes._fields import MENDABLE
from arc_runtime.fixes._pattern import OPERATORS
from arc_runtime.fixes._registry import Registry

__all__ = [
    "DEFAULT_ENTRIES",
    "MENDABLE",
    "OPERATORS",
    "Engine",
    "Entry",
    "Held",
    "Mended",
    "Registry",
    "Request",
    "Verdict",
    "explained",
    "without_content",
]
