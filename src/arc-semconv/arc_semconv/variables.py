"""Which variables of the environment are nobody's setting, though they begin as Arc's do."""

import re
from typing import Final

__all__ = ["is_service_link"]

_LINK: Final = re.compile(
    r"[A-Z_][A-Z0-9_]*?_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_ADDRESS: Final = re.compile(r"(?:tcp|udp|sctp)://\S+:[0-9]+")


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes sets the variable `name`, for a Service that is there when a pod starts.

    A Service `arc-core` is `ARC_CORE_SERVICE_HOST`, `ARC_CORE_SERVICE_PORT_HTTP`, `ARC_CORE_PORT_4317_TCP_ADDR` and the
    like in each pod beside it. `ARC_CORE_PORT` could be a setting, so it takes an address in `value` too. Source:
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
    """
    return _LINK.fullmatch(name) is not None or (name.endswith("_PORT") and _ADDRESS.fullmatch(value) is not None)
