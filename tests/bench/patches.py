"""What a subject patched in the client library, taken off and put on again between rounds.

So that one process measures bare calls, hand-written spans and the subject in turn, on one and the same client.
"""

import inspect
import sys
from types import ModuleType
from typing import Any

ROOTS = ("openai", "httpx2", "httpx", "httpcore2")
_MISSING = object()


def _owners() -> list[Any]:
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in ROOTS and module]
    classes = {
        id(value): value
        for module in modules
        for value in list(vars(module).values())
        if inspect.isclass(value) and str(getattr(value, "__module__", "")).partition(".")[0] in ROOTS
    }
    return [*modules, *classes.values()]


def snapshot() -> list[tuple[Any, dict[str, Any]]]:
    """All names of the client library's modules and classes as they are now."""
    return [(owner, dict(vars(owner))) for owner in _owners()]


class Patches:
    """All that changed since `before`."""

    def __init__(self, before: list[tuple[Any, dict[str, Any]]]) -> None:
        self._changes: list[tuple[Any, str, Any, Any]] = []
        for owner, names in before:
            for name, after in list(vars(owner).items()):
                then = names.get(name, _MISSING)
                bookkeeping = name.startswith("__") and name != "__init__"
                if then is not after and not isinstance(after, ModuleType) and not bookkeeping:
                    self._changes.append((owner, name, then, after))

    def __len__(self) -> int:
        return len(self._changes)

    def off(self) -> None:
        """The library as it was."""
        for owner, name, then, _ in self._changes:
            if then is _MISSING:
                if name in vars(owner):
                    delattr(owner, name)
            else:
                setattr(owner, name, then)

    def on(self) -> None:
        """The library as the subject left it."""
        for owner, name, _, after in self._changes:
            setattr(owner, name, after)
