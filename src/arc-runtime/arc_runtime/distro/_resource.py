"""What the resource says of the service and the process, where its user and the SDK's detectors have left it open.

It is filled in afterwards, in place: a configuration file leaves no room for attributes, and what the SDK takes as
arguments would win over OTEL_RESOURCE_ATTRIBUTES.
"""

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from arc_semconv import attributes as semconv
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk.resources import Resource, ServiceInstanceIdResourceDetector
from opentelemetry.util.types import AnyValue

from arc_runtime._stderr import LOGGER
from arc_runtime.processor import redact_resource

__all__ = ["settle_resources"]

_UNKNOWN: Final = "unknown_service"
_LONGEST: Final = 50
"""Words of a command line that are looked at."""
_OPTION: Final = re.compile(r"--[A-Za-z][\w-]*|-[A-Za-z]")


def settle_resources(config_file: str | None) -> None:
    """Complete and redact the resource of every provider there is, and do so again in each forked child.

    `config_file` is where the user names his service, if not in the environment.
    """
    found = list(_resources())
    if not found:
        return
    ids = {name: value for name, value in _process_ids().items() if not any(name in one.attributes for one in found)}
    stated = _stated(found[0])
    for resource in found:
        if _nameless(resource):
            way_out = "set OTEL_SERVICE_NAME" if config_file is None else f"name it under `resource` in {config_file}"
            LOGGER.info("the service has no name: %s", way_out, extra={"cause": "service name"})
        _settle(resource, _attributes())

    def in_child() -> None:
        try:
            for resource in _resources():
                _put(resource, {**{name: value for name, value in _process_ids().items() if name in ids}, **stated})
                redact_resource(resource)
        except Exception as error:  # noqa: BLE001 - it runs inside the program's own fork
            LOGGER.error("the resource of a child process is not right", exc_info=error, extra={"cause": "resource"})

    if hasattr(os, "register_at_fork"):
        # The SDK's own come first: they put what it detects anew over what there was.
        os.register_at_fork(after_in_child=in_child)


def _settle(resource: Resource, ours: Mapping[str, AnyValue]) -> None:
    held = resource.attributes
    more = {name: value for name, value in ours.items() if name not in held}
    if _nameless(resource):
        program = _program(sys.orig_argv[1:])
        if program is not None:
            more[semconv.SERVICE_NAME] = f"{_UNKNOWN}:{program[1]}"
    _put(resource, more)
    redact_resource(resource)


def _nameless(resource: Resource) -> bool:
    return str(resource.attributes.get(semconv.SERVICE_NAME, _UNKNOWN)).startswith(_UNKNOWN)


def _resources() -> Iterator[Resource]:
    """Those of the global providers, each once; a provider that is none of the SDK's has none."""
    meters = getattr(metrics.get_meter_provider(), "_sdk_config", None)
    holders = (trace.get_tracer_provider(), _logs.get_logger_provider(), meters)
    found = {id(one): one for one in (getattr(holder, "resource", None) for holder in holders)}
    return (one for one in found.values() if isinstance(one, Resource))


def _put(resource: Resource, more: Mapping[str, AnyValue]) -> None:
    # Below the public surface: the provider hands this very object to every span, and it is immutable.
    resource._attributes._dict.update(more)  # noqa: SLF001


def _stated(resource: Resource) -> dict[str, AnyValue]:
    """The instance id that the user gave his service: the SDK puts a random one over it in each child."""
    given = resource.attributes.get(semconv.SERVICE_INSTANCE_ID)
    detected = ServiceInstanceIdResourceDetector().detect().attributes.get(semconv.SERVICE_INSTANCE_ID)
    return {} if given is None or given == detected else {semconv.SERVICE_INSTANCE_ID: given}


def _attributes() -> dict[str, AnyValue]:
    return {
        semconv.DISTRO_NAME: "arc",
        semconv.DISTRO_VERSION: version("arc-runtime"),
        **_process_ids(),
        semconv.PROCESS_EXECUTABLE_NAME: Path(sys.executable or "").name,
        semconv.PROCESS_COMMAND_LINE: _command_line(sys.orig_argv),
        semconv.PROCESS_RUNTIME_NAME: sys.implementation.name,
        semconv.PROCESS_RUNTIME_VERSION: platform.python_version(),
    }


def _process_ids() -> dict[str, AnyValue]:
    return {semconv.PROCESS_PID: os.getpid(), semconv.PROCESS_PARENT_PID: os.getppid()}


def _program(words: Sequence[str]) -> tuple[int, str] | None:
    """Where in the words behind the interpreter the script or module stands, and its name; None when there is none."""
    index = 0
    while index < len(words):
        word = words[index]
        if not word.startswith("-"):
            return index, Path(word).name
        if word in ("-", "--") or (word[1] != "-" and word.endswith("c")):
            return None
        if word[1] != "-" and word.endswith("m") and index + 1 < len(words):
            return index + 1, words[index + 1]
        index += 2 if word in ("-W", "-X", "--check-hash-based-pycs") else 1
    return None


def _command_line(words: Sequence[str]) -> str:
    """The command with the program and the names of its options, without what they are set to: that may be a secret."""
    if not words:
        return ""
    program = _program(words[1:])
    place = program[0] + 1 if program is not None else 0
    shown = [word if index in (0, place) else _masked(word) for index, word in enumerate(words[:_LONGEST])]
    return " ".join(shown)


def _masked(word: str) -> str:
    option = _OPTION.match(word)
    if option is None:
        return "***"
    return word if option.end() == len(word) else f"{option[0]}{'=' if '=' in word else ''}***"
