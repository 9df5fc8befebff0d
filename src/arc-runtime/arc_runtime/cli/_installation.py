"""Checks of what is installed: versions, entry points, plugins found and refused."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, distributions, entry_points, version
from typing import Final

from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from packaging.requirements import InvalidRequirement, Requirement

from arc_runtime.cli._check import Check, failed, passed, warned

__all__ = ["check_entry_points", "check_plugins", "check_versions"]

_SHOWN: Final = ("opentelemetry-sdk", "opentelemetry-instrumentation")
_TESTED_SDK: Final = "1.45."
_OURS: Final = {"opentelemetry_distro": "OTEL_PYTHON_DISTRO", "opentelemetry_configurator": "OTEL_PYTHON_CONFIGURATOR"}


def check_versions() -> Iterator[Check]:
    """Versions of Python, Arc and OpenTelemetry."""
    arc = sorted({dist.name for dist in distributions() if dist.name.startswith("arc-")} & _known_arc())
    named = ", ".join(f"{name} {version(name)}" for name in arc)
    yield passed("versions", f"Python {platform.python_version()}, {named}")
    sdk = version("opentelemetry-sdk")
    detail = ", ".join(f"{name} {version(name)}" for name in _SHOWN)
    if sdk.startswith(_TESTED_SDK):
        yield passed("OpenTelemetry", detail)
    else:
        advice = f"Arc is tested with opentelemetry-sdk {_TESTED_SDK}x: pip install 'opentelemetry-sdk~=1.45.0'"
        yield warned("OpenTelemetry", detail, advice)


def _known_arc() -> set[str]:
    own = {"arc-core", "arc-prices", "arc-runtime", "arc-semconv"}
    plugins = {dist.name for dist in distributions() if dist.name.startswith("arc-instrumentation-")}
    return own | plugins


def check_entry_points(env: Mapping[str, str]) -> Iterator[Check]:
    """Whether `opentelemetry-instrument` will load Arc, rather than another distro that is installed beside it."""
    for group, variable in _OURS.items():
        names = [found.name for found in entry_points(group=group)]
        chosen = env.get(variable) or (names[0] if names else None)
        label = group.removeprefix("opentelemetry_")
        if chosen == "arc" and "arc" in names:
            others = sorted(set(names) - {"arc"})
            if others and not env.get(variable):
                advice = f"which one loads is left to chance: export {variable}=arc"
                yield warned(label, f"arc, beside {', '.join(others)}", advice)
            else:
                yield passed(label, "arc")
        else:
            yield failed(label, f"{chosen or 'none'} loads instead of arc", f"export {variable}=arc")


def check_plugins(env: Mapping[str, str]) -> Iterator[Check]:
    """Each instrumentor there is, and why it will not load where it won't."""
    disabled = {name.strip() for name in env.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    found = list(entry_points(group="opentelemetry_instrumentor"))
    if not any(entry_point.name.startswith("arc_") for entry_point in found):
        advice = "pip install arc-instrumentation-openai arc-instrumentation-langgraph"
        yield warned("plugins", "no plugin of Arc's is installed", advice)
    for entry_point in sorted(found, key=lambda one: one.name):
        yield _check_plugin(entry_point, disabled)


def _check_plugin(entry_point: EntryPoint, disabled: set[str]) -> Check:
    name = f"plugin {entry_point.name}"
    dist = entry_point.dist
    shown = f"{dist.name} {dist.version}" if dist is not None else entry_point.value
    if {"*", entry_point.name} & disabled:
        return warned(name, f"{shown}: switched off", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS names it")
    try:
        conflict = get_dist_dependency_conflicts(dist) if dist is not None else None
    except InvalidRequirement as error:
        detail = f"{shown}: its metadata can't be read: {' '.join(str(error).split())}"
        return failed(name, detail, f"pip install --upgrade {shown.split()[0]}, or uninstall it")
    if conflict is not None:
        if conflict.found is None:
            return passed(name, f"{shown}: idle, {conflict.required or 'its library'} is not installed")
        advice = f"pip install '{conflict.required}'"
        return warned(name, f"{shown}: refused, it needs {conflict.required} and finds {conflict.found}", advice)
    try:
        entry_point.load()
    except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
        return failed(name, f"{shown}: {type(error).__name__}: {error}", f"pip install --upgrade {shown.split()[0]}")
    return passed(name, f"{shown}: {_library(conflict_free=entry_point)}")


def _library(*, conflict_free: EntryPoint) -> str:
    dist = conflict_free.dist
    requires = dist.requires or [] if dist is not None else []
    versions = []
    for line in requires:
        if "instruments" not in line:
            continue
        name = Requirement(line).name
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(versions) or "ready"
