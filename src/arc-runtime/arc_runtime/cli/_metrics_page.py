"""Whether the page that ARC_METRICS_PORT asks for can be served."""

import socket
from collections.abc import Iterator
from importlib.util import find_spec

from arc_runtime.cli._check import Check, passed, warned
from arc_runtime.settings import Settings

__all__ = ["check_metrics_page"]

_NAME = "metrics page"


def check_metrics_page(settings: Settings) -> Iterator[Check]:
    """Whether the Prometheus client is there and the port free; nothing where no page is asked for."""
    host, port = settings.metrics_host, settings.metrics_port
    if port is None:
        return
    if find_spec("prometheus_client") is None:
        detail = "ARC_METRICS_PORT needs the Prometheus client"
        yield warned(_NAME, detail, "pip install 'arc-runtime[prometheus]'")
        return
    try:
        _listen(host, port)
    except OSError as error:
        detail = f"{host}:{port} cannot be listened on: {error.strerror or error}"
        advice = "set ARC_METRICS_PORT to a port that is free, unless it is your program that has it"
        yield warned(_NAME, detail, advice)
    else:
        yield passed(_NAME, f"http://{host}:{port}/metrics can be served")


def _listen(host: str, port: int) -> None:
    """Listen there for a moment, as the page will; raise OSError where that can't be."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen()
