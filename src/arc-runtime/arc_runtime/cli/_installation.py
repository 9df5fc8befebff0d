"""Checks of what is installed: versions, entry points, plugins found and refused."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, distributions, entry_points, version
from typing import Final

from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from packaging.requirements import InvalidRequirement, Requirement

from arc_runtime.cli._check import Check, failed, passed, warned
from arc_runtime.distro import CONFIGURATOR, DISTRO, is_plain, loaded, rival_of
from arc_runtime.instrumentation import untested_libraries, untested_sdk
from arc_runtime.settings import Mode, Settings

__all__ = ["check_entry_points", "check_plugins", "check_versions"]

_SHOWN: Final = ("opentelemetry-sdk", "opentelemetry-instrumentation")


def check_versions() -> Iterator[Check]:
    """Versions of Python, Arc and OpenTelemetry."""
    arc = sorted({dist.name for dist in distributions() if dist.name.startswith("arc-")} & _known_arc())
    named = ", ".join(f"{name} {version(name)}" for name in arc)
    yield passed("versions", f"Python {platform.python_version()}, {named}")
    detail = ", ".join(f"{name} {version(name)}" for name in _SHOWN)
    untested = untested_sdk()
    if untested:
        advice = f"pip install {' '.join(repr(found.tested) for found in untested)}"
        yield warned("OpenTelemetry", "; ".join(str(found) for found in untested), advice)
    else:
        yield passed("OpenTelemetry", detail)


def _known_arc() -> set[str]:
    own = {"arc-core", "arc-prices", "arc-runtime", "arc-semconv"}
    plugins = {dist.name for dist in distributions() if dist.name.startswith("arc-instrumentation-")}
    return own | plugins


def check_entry_points(env: Mapping[str, str]) -> Iterator[Check]:
    """What `opentelemetry-instrument` will load as distro and configurator, and what Arc makes of it."""
    for kind in (DISTRO, CONFIGURATOR):
        group, variable = kind
        label, chosen = group.removeprefix("opentelemetry_"), loaded(kind, env)
        advice = f"export {variable}=arc"
        if chosen is None:
            yield failed(label, f"{env.get(variable) or 'none'} is not installed", advice)
        elif chosen.name == "arc":
            yield passed(label, "arc")
        elif kind == DISTRO or (variable not in env and is_plain(chosen) and not env.get("OTEL_CONFIG_FILE")):
            yield passed(label, f"{chosen.name} is loaded, and gives way to arc; {advice} to have it said nowhere")
        else:
            detail = f"{chosen.name} is loaded: spans go where it sends them, redacted; ARC_ENDPOINT is not looked at"
            yield warned(label, detail, f"{advice} to have Arc's instead")


def check_plugins(settings: Settings) -> Iterator[Check]:
    """Each instrumentor there is, and why it will not load where it won't."""
    found = list(entry_points(group="opentelemetry_instrumentor"))
    if not any(entry_point.name.startswith("arc_") for entry_point in found):
        advice = "pip install arc-instrumentation-openai arc-instrumentation-langgraph"
        yield warned("plugins", "no plugin of Arc's is installed", advice)
    for entry_point in sorted(found, key=lambda one: one.name):
        yield _check_plugin(entry_point, settings)


def _check_plugin(entry_point: EntryPoint, settings: Settings) -> Check:
    name = f"plugin {entry_point.name}"
    dist = entry_point.dist
    shown = f"{dist.name} {dist.version}" if dist is not None else entry_point.value
    disabled = settings.disabled_instrumentations
    if {"*", entry_point.name} & {*disabled}:
        return warned(name, f"{shown}: switched off", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS names it")
    mode = _mode(entry_point, settings)
    if mode == "disabled":
        advice = f"unset ARC_INSTRUMENT_{entry_point.name.removeprefix('arc_').upper()} to switch it on"
        return warned(name, f"{shown}: switched off", advice)
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
    rival = rival_of(entry_point, disabled) if mode == "auto" else None
    if rival is not None:
        advice = f"for Arc's own: export OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={','.join([*disabled, rival])}"
        return warned(name, f"{shown}: mends requests, and leaves the spans to the instrumentor {rival}", advice)
    untested = untested_libraries(dist.name) if dist is not None else []
    if untested:
        advice = (
            f"what fits is traced and mended; to be sure: pip install {' '.join(repr(one.tested) for one in untested)}"
        )
        return warned(name, f"{shown}: {'; '.join(str(one) for one in untested)}", advice)
    return passed(name, f"{shown}: {_library(conflict_free=entry_point)}")


def _mode(entry_point: EntryPoint, settings: Settings) -> Mode | None:
    """What ARC_INSTRUMENT_<NAME> says of a plugin of Arc's; None for those of others, which it says nothing of."""
    name = entry_point.name
    return settings.instrument.get(name.removeprefix("arc_"), "auto") if name.startswith("arc_") else None


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
