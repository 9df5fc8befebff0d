"""A local server that speaks the OpenAI HTTP API from a list of written or recorded exchanges."""

import json
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self, cast

import msgspec

CHAT: Final = "/v1/chat/completions"


class Event(msgspec.Struct, frozen=True):
    """One server-sent event."""

    data: object
    """An object, sent as JSON, or a string, sent as it is (`[DONE]`)."""
    event: str = ""
    """Name of the event; chat completions have none."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, in the shape of the recorded traffic; fields not named here are ignored."""

    url_path: str = CHAT
    request: dict[str, object] = {}
    """Body it answers: each field given must be equal in the request, objects field by field."""
    match: dict[str, object] = {}
    """Takes the place of `request` when given: dotted path, e.g. `messages.-1.role`, to the value found there, to
    `{"contains": text}`, or to null where nothing may be found."""
    status: int = 200
    response: object = None
    """JSON body of the answer, used when `response_sse` is empty."""
    response_sse: list[Event] = []
    """Events of a streamed answer, in order, `[DONE]` included where the server sends it. The chunk of
    `stream_options.include_usage` is left out when the request does not ask for it."""
    response_headers: dict[str, str] = {}
    delay_ms: float = 0
    """Time until the answer starts."""
    chunk_ms: float = 0
    """Time between two events."""


class Received(NamedTuple):
    """One request as it arrived."""

    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]
    path: str


class Match(Protocol):
    """Says whether `exchange` answers `received`."""

    def __call__(self, exchange: Exchange, received: Received, /) -> bool: ...


def answers(exchange: Exchange, received: Received) -> bool:
    """Whether path and body of `received` are those that `exchange` is written for."""
    if received.path != exchange.url_path:
        return False
    if exchange.match:
        return all(_fits(expected, _at(received.body, path)) for path, expected in exchange.match.items())
    return _within(exchange.request, received.body)


class ReplayServer:
    """An OpenAI-compatible server on a free port of 127.0.0.1, up while the `with` block runs.

    Of the exchanges that match a request, the first not yet used answers; once all were used, the last one goes on
    answering. A request that none matches gets an OpenAI-shaped 404 that says what was asked.
    """

    def __init__(self, exchanges: Iterable[Mapping[str, object]], *, match: Match = answers) -> None:
        self.requests: list[Received] = []
        """Every POST that arrived, in order, those without an answer included."""
        self._exchanges = msgspec.convert(list(exchanges), list[Exchange])
        self._used: set[int] = set()
        self._match = match
        self._lock = threading.Lock()
        self.url = ""
        """Base URL for a client, `http://127.0.0.1:<port>/v1`, once the server is up."""

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def models(self) -> list[str]:
        """Names of the models that the exchanges ask for, sorted."""
        asked = ({**exchange.request, **exchange.match}.get("model") for exchange in self._exchanges)
        return sorted({model for model in asked if isinstance(model, str)})

    def answer(self, received: Received) -> Exchange:
        """Return the exchange that answers `received`, which is recorded."""
        with self._lock:
            self.requests.append(received)
            matching = [i for i, exchange in enumerate(self._exchanges) if self._match(exchange, received)]
            if not matching:
                return _no_answer(received)
            chosen = next((i for i in matching if i not in self._used), matching[-1])
            self._used.add(chosen)
            return self._exchanges[chosen]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A client that keeps its connection alive would hold the end of the `with` block.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, replay: ReplayServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replay = replay

    def server_bind(self) -> None:
        """Bind without asking a name server who 127.0.0.1 is, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away; a `match` that fails is a bug and keeps its traceback."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes; with Nagle's algorithm the second waits for an acknowledgement (40 ms).
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Write nothing to stderr."""

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            self._send_json(_no_answer(Received({}, {}, self.path)))
            return
        models = cast("_Server", self.server).replay.models()
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "arc-demo"} for name in models]
        self._send_json(Exchange(response={"object": "list", "data": rows}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError as error:
            self._send_json(_refusal(HTTPStatus.BAD_REQUEST, f"the body is not a JSON object: {error}"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        exchange = cast("_Server", self.server).replay.answer(Received(headers, body, self.path.partition("?")[0]))
        time.sleep(exchange.delay_ms / 1000)
        if exchange.response_sse:
            self._send_events(exchange, with_usage=bool(_at(body, "stream_options.include_usage")))
        else:
            self._send_json(exchange)

    def _send_json(self, exchange: Exchange) -> None:
        body = json.dumps(exchange.response, ensure_ascii=False).encode()
        self._send_head(exchange, "application/json", {"content-length": str(len(body))})
        self.wfile.write(body)

    def _send_events(self, exchange: Exchange, *, with_usage: bool) -> None:
        self._send_head(exchange, "text/event-stream; charset=utf-8", {"transfer-encoding": "chunked"})
        for event in exchange.response_sse:
            if (data := event.data if with_usage else _without_usage(event.data)) is None:
                continue
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            line = f"event: {event.event}\n" if event.event else ""
            self._send_chunk(f"{line}data: {text}\n\n".encode())
            time.sleep(exchange.chunk_ms / 1000)
        self._send_chunk(b"")

    def _send_chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _send_head(self, exchange: Exchange, content_type: str, transport: dict[str, str]) -> None:
        self.send_response_only(exchange.status)
        recorded = {name.lower(): value for name, value in exchange.response_headers.items()}
        # The transport's own headers win: a recorded length or encoding is that of another transfer.
        for name, value in {"content-type": content_type, **recorded, **transport}.items():
            self.send_header(name, value)
        self.end_headers()


def _without_usage(data: object) -> object:
    """Return `data` as it is sent when usage was not asked for; None when it is not sent at all."""
    if not isinstance(data, dict) or "choices" not in data:
        return data
    if not data["choices"] and data.get("usage"):
        return None
    return {key: value for key, value in data.items() if key != "usage" or value is not None}


def _no_answer(received: Received) -> Exchange:
    asked = json.dumps(received.body, ensure_ascii=False)
    return _refusal(HTTPStatus.NOT_FOUND, f"no exchange answers {received.path} with {asked}")


def _refusal(status: HTTPStatus, message: str) -> Exchange:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "no_exchange"}
    return Exchange(status=status, response={"error": error})


def _at(body: object, path: str) -> object:
    """Return what lies at the dotted `path`, list positions as numbers; None when there is nothing."""
    here = body
    for step in path.split("."):
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and step.removeprefix("-").isdecimal() and -len(here) <= int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    return here


def _fits(expected: object, found: object) -> bool:
    if isinstance(expected, dict) and expected.keys() == {"contains"}:
        return isinstance(found, str) and str(expected["contains"]) in found
    return expected == found


def _within(expected: object, found: object) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and _within(value, found[key]) for key, value in expected.items())
    return expected == found
