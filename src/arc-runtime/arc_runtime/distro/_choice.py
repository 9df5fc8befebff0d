"""Which distro and configurator OpenTelemetry's loader takes, by its rule: the one that is named, else the first."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Final

from opentelemetry.util._importlib_metadata import entry_points

__all__ = ["CONFIGURATOR", "DISTRO", "as_the_user_set_it", "is_plain", "loaded"]

DISTRO: Final = ("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
CONFIGURATOR: Final = ("opentelemetry_configurator", "OTEL_PYTHON_CONFIGURATOR")
"""Group of entry points, and the variable that names one of them."""

_PLAIN: Final = frozenset(
    {"opentelemetry.distro:OpenTelemetryDistro", "opentelemetry.distro:OpenTelemetryConfigurator"}
)
_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"


def loaded(kind: tuple[str, str], env: Mapping[str, str]) -> EntryPoint | None:
    """The entry point of `kind` that the loader takes; None when the one that `env` names is not there."""
    group, variable = kind
    name = env.get(variable)
    # The cached list that the loader reads too: another order would be another answer.
    return next((found for found in entry_points(group=group) if name in (None, found.name)), None)


def is_plain(entry_point: EntryPoint) -> bool:
    """Whether it is of opentelemetry-distro, which does nothing beside what the SDK does for itself."""
    return entry_point.value in _PLAIN


def as_the_user_set_it(env: Mapping[str, str]) -> Mapping[str, str]:
    """`env` without the protocol that opentelemetry-distro writes into it, where it does not go with ARC_ENDPOINT.

    That distro sets gRPC for everybody who has set nothing, and nothing tells the one from the other afterwards. An
    ARC_ENDPOINT with http:// is OTLP over HTTP then, unless its port is that of OTLP over gRPC.
    """
    chosen = loaded(DISTRO, env)
    endpoint = env.get("ARC_ENDPOINT", "").strip()
    http = endpoint.startswith(("http://", "https://")) and not endpoint.rstrip("/").endswith(":4317")
    if chosen is None or not is_plain(chosen) or not http or env.get(_PROTOCOL) != "grpc":
        return env
    return {name: value for name, value in env.items() if name != _PROTOCOL}
