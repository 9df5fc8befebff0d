"""Who writes the spans of a library that several instrumentors are installed for."""

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, EntryPoint
from typing import Any

from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.util._importlib_metadata import entry_points  # cached: a scan takes tens of milliseconds
from packaging.requirements import InvalidRequirement, Requirement

__all__ = ["is_on", "rival_of"]


def rival_of(entry_point: EntryPoint, disabled: Iterable[str], *, only_on: bool = False) -> str | None:
    """Name of another vendor's instrumentor that will load for the library of `entry_point`; None when there is none.

    `disabled` are the names that OTEL_PYTHON_DISABLED_INSTRUMENTATIONS switches off. With `only_on` just those count
    that are on already: where a program starts Arc in its code, nobody loads the others.
    """
    ours = _libraries(entry_point.dist)
    off = set(disabled)
    for other in entry_points(group="opentelemetry_instrumentor"):
        if other.name in off or other.dist is None or other.name.startswith("arc_"):
            continue
        if only_on and not is_on(other):
            continue
        if ours & _libraries(other.dist) and get_dist_dependency_conflicts(other.dist) is None:
            return other.name
    return None


def is_on(entry_point: EntryPoint) -> bool:
    """Whether the instrumentor behind `entry_point` is switched on; nothing is imported for it."""
    found: Any = sys.modules.get(entry_point.module)
    for name in entry_point.attr.split("."):
        found = getattr(found, name, None)
    return bool(getattr(getattr(found, "_instance", None), "is_instrumented_by_opentelemetry", False))


def _libraries(distribution: Distribution | None) -> frozenset[str]:
    """What `distribution` says it instruments, in its extras `instruments` and `instruments-any`.

    Nothing, where that can't be read: then it will not load either.
    """
    requires = distribution.requires or [] if distribution is not None else []
    try:
        found = [Requirement(line) for line in requires if "extra" in line and "instruments" in line]
    except InvalidRequirement:
        return frozenset()
    return frozenset(requirement.name.lower().replace("_", "-") for requirement in found)
