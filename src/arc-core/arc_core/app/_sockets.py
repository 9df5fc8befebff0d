"""Listening sockets, or a clear word why not."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from arc_core.errors import StartError
from arc_core.settings import Address


@contextmanager
def bound(address: Address, option: str) -> Iterator[socket.socket]:
    """Return a socket listening on `address`, closed at the end; raise StartError when it cannot be had."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refusal(address, option, error) from None
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            # Linux lets two sockets with SO_REUSEADDR bind to one port while none of them listens.
            listener.listen(2048)
        except OSError as error:
            raise _refusal(address, option, error) from None
        yield listener


def _refusal(address: Address, option: str, error: OSError) -> StartError:
    return StartError(
        f"{option} {address} cannot be listened on: {error.strerror or error}; "
        "name another, with port 0 for any free one"
    )
