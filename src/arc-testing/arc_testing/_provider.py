"""A model provider on a free loopback port that answers as a function says; what it was sent is kept."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

__all__ = ["Answer", "Asked", "Provider"]


class Asked(NamedTuple):
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any


class Answer(NamedTuple):
    """What to answer."""

    status: int = 200
    body: object = None
    """Sent as JSON; text and bytes as they are."""
    events: Sequence[object] | None = None
    """Sent as server-sent events in the place of a body: `data` of each, or (`event`, `data`)."""
    headers: Mapping[str, str] = {}
    breaks_off: bool = False
    """Whether the connection is closed in the midst of the events."""
    pause_seconds: float = 0.0
    """How long the last byte keeps the client waiting."""


class Provider:
    """The server; a context manager."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.asked: list[Asked] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(raw))
                provider.asked.append(asked)
                _send(self, answer(asked))

            def log_message(self, *args: object) -> None:
                """Say nothing on the tests' stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without a final slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    if answer.events is not None:
        body, kind = b"".join(map(_event, answer.events)), "text/event-stream"
    elif isinstance(answer.body, bytes | str):
        body, kind = answer.body if isinstance(answer.body, bytes) else answer.body.encode(), "text/plain"
    else:
        body, kind = json.dumps(answer.body).encode(), "application/json"
    handler.send_response(answer.status)
    headers = {"content-type": kind, "content-length": str(len(body) + answer.breaks_off), **answer.headers}
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[:-1])
    time.sleep(answer.pause_seconds)
    handler.wfile.write(body[-1:])
    if answer.breaks_off:
        handler.close_connection = True


def _event(event: object) -> bytes:
    name, data = event if isinstance(event, tuple) else (None, event)
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
