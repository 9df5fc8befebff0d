"""One question to Arc Core and its answer, the whole of it within a limit: nothing here waits for ever."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult

__all__ = ["Response", "get"]

_OK: Final = 200


class Response(NamedTuple):
    """What was answered."""

    status: int
    body: bytes
    """Empty where the status is not 200."""
    etag: str | None


def get(url: SplitResult, path: str, headers: Mapping[str, str], *, within_seconds: float, most: int) -> Response:
    """What the server at `url` has at `path`, one byte more than `most` at most.

    OSError (TimeoutError after `within_seconds`) or http.client.HTTPException where that can't be had whole.
    """
    until = time.monotonic() + within_seconds
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=within_seconds)
    connection.response_class = partial(_response, until)  # type: ignore[assignment]  # it is only called
    try:
        connection.request("GET", f"{url.path}{path}", headers=dict(headers))
        response = connection.getresponse()
        if response.status != _OK:
            return Response(response.status, b"", None)
        body = response.read(most + 1)
        if response.length and len(body) <= most:  # less came than was announced
            raise OSError("the answer was cut short")
        return Response(response.status, body, response.getheader("etag"))
    finally:
        connection.close()


def _response(until: float, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(_Limited(sock, until), *args, **kwargs)  # type: ignore[arg-type]  # all it asks for


class _Limited:
    """A socket of which an answer is read."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What comes, as a file."""
        return io.BufferedReader(_Arriving(self._sock, self._until))


class _Arriving(io.RawIOBase):
    """What comes until a point in time. A socket limits each piece alone: a server that dribbles never meets that."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until
        self._file = sock.makefile("rb", buffering=0)  # holds the socket open until it is closed itself

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not there in time")
        self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
