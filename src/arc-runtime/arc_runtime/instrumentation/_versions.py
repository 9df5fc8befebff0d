"""Which versions Arc is tested with, as metadata declares them, and which of those that are installed are others.

A plugin's extra `instruments` says from which version on its library has the shapes that it reads; what OpenTelemetry's
loader finds outside of that range is not loaded. Its extra `tested` says what its tests cover: a newer version works as
far as it still has those shapes, and is warned of.
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.metadata import distribution as metadata_of

import msgspec
from packaging.requirements import Requirement
from packaging.version import InvalidVersion

__all__ = ["Untested", "untested_libraries", "untested_sdk"]

_SDK = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-instrumentation")


class Untested(msgspec.Struct, frozen=True):
    """A library in a version that the tests do not cover."""

    library: str
    found: str
    tested: str
    """The range, as a requirement of pip's."""

    def __str__(self) -> str:
        return f"{self.library} {self.found} is outside of what Arc is tested with, {self.tested}"


def untested_libraries(distribution: str) -> list[Untested]:
    """Of the libraries in the extra `tested` of `distribution`, those that are installed in another version."""
    return list(_outside(_requirements(distribution, "tested")))


def untested_sdk() -> list[Untested]:
    """Of OpenTelemetry's packages, those in another version than arc-runtime asks for; installers can be overruled."""
    return list(_outside(one for one in _requirements("arc-runtime", "") if one.name in _SDK))


def _requirements(distribution: str, extra: str) -> Iterator[Requirement]:
    for line in metadata_of(distribution).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        needed = marker is None if not extra else marker is not None and marker.evaluate({"extra": extra})
        if needed:
            yield requirement


def _outside(requirements: Iterator[Requirement]) -> Iterator[Untested]:
    for requirement in requirements:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            continue
        if not _covers(requirement, found):
            yield Untested(requirement.name, found, f"{requirement.name}{requirement.specifier}")


def _covers(requirement: Requirement, found: str) -> bool:
    try:
        return requirement.specifier.contains(found, prereleases=True)
    except InvalidVersion:
        return False
