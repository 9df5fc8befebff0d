"""What a subject patched in the client library, taken off and put on again between rounds.

So that one process measures bare calls, hand-written spans and the subject in turn, on one and the same client.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any, NamedTuple

CLIENT = ("openai", "httpx2", "httpx", "httpcore2")
FRAMEWORK = ("langchain_core", "langgraph")
_LISTS = (("langchain_core.tracers.context", "_configure_hooks"),)
"""Lists of the library's that subjects add to."""
_MISSING = object()


class Snapshot(NamedTuple):
    """The library before a subject was switched on."""

    names: Sequence[tuple[Any, dict[str, Any]]]
    lists: Sequence[tuple[list[Any], list[Any]]]


def _owners(roots: Sequence[str]) -> list[Any]:
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in roots and module]
    classes = {
        id(value): value
        for module in modules
        for value in list(vars(module).values())
        if inspect.isclass(value) and str(getattr(value, "__module__", "")).partition(".")[0] in roots
    }
    return [*modules, *classes.values()]


def snapshot(roots: Sequence[str] = CLIENT) -> Snapshot:
    """All names of the library's modules and classes as they are now."""
    lists = [vars(sys.modules[module])[name] for module, name in _LISTS if module in sys.modules]
    return Snapshot([(owner, dict(vars(owner))) for owner in _owners(roots)], [(one, list(one)) for one in lists])


class Patches:
    """All that changed since `before`."""

    def __init__(self, before: Snapshot) -> None:
        self._changes: list[tuple[Any, str, Any, Any]] = []
        self._lists = [(one, then, list(one)) for one, then in before.lists]
        for owner, names in before.names:
            for name, after in list(vars(owner).items()):
                then = names.get(name, _MISSING)
                bookkeeping = name.startswith("__") and name != "__init__"
                if then is not after and not isinstance(after, ModuleType) and not bookkeeping:
                    self._changes.append((owner, name, then, after))

    def __len__(self) -> int:
        return len(self._changes)

    def off(self) -> None:
        """The library as it was."""
        for one, then, _ in self._lists:
            one[:] = then
        for owner, name, then, _ in self._changes:
            if then is _MISSING:
                if name in vars(owner):
                    delattr(owner, name)
            else:
                setattr(owner, name, then)

    def on(self) -> None:
        """The library as the subject left it."""
        for one, _, after in self._lists:
            one[:] = after
        for owner, name, _, after in self._changes:
            setattr(owner, name, after)

    @contextmanager
    def taken_off(self) -> Iterator[None]:
        """The library as it was, for the length of a block; who comes next says what he needs."""
        self.off()
        yield

    @contextmanager
    def put_on(self, state: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
        """The library as the subject left it, in its `state`, for the length of a block."""
        self.on()
        with state():
            yield
