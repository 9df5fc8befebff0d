"""OTLP over HTTP (OTLP 1.10 §OTLP/HTTP)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import (  # type: ignore[import-untyped]
    INTERNAL,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from arc_core.errors import (
    ArcCoreError,
    ForbiddenError,
    MalformedError,
    OverCapacityError,
    OverQuotaError,
    RowsError,
    SlowBodyError,
    StoreError,
    TooLargeError,
    UnauthenticatedError,
    UnsupportedError,
)
from arc_core.ingest._access import Authenticate
from arc_core.ingest._body import Bodies
from arc_core.ingest._capacity import Capacity
from arc_core.ingest._receiver import MAX_REQUEST_BYTES, SIGNALS, Receiver, Signal

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
RETRY_SECONDS: Final = 1

_ANSWERS: Final[dict[type[ArcCoreError], tuple[int, int]]] = {
    UnauthenticatedError: (401, UNAUTHENTICATED),
    ForbiddenError: (403, PERMISSION_DENIED),
    OverQuotaError: (429, RESOURCE_EXHAUSTED),
    UnsupportedError: (415, INVALID_ARGUMENT),
    MalformedError: (400, INVALID_ARGUMENT),
    TooLargeError: (413, INVALID_ARGUMENT),
    # 503, not 408 or 429: of those that OTLP lets a client repeat, it is the one every client repeats.
    SlowBodyError: (503, UNAVAILABLE),
    OverCapacityError: (503, UNAVAILABLE),
    StoreError: (503, UNAVAILABLE),
    RowsError: (503, UNAVAILABLE),
}
"""HTTP status and google.rpc.Code of each refusal."""


_CODES: Final = {403: PERMISSION_DENIED, 404: UNIMPLEMENTED, 405: UNIMPLEMENTED}
"""google.rpc.Code of what is refused before it is known to be an export."""


def http_routes(receiver: Receiver, bodies: Bodies, capacity: Capacity, authenticate: Authenticate) -> list[Route]:
    """`POST /v1/traces`, `/v1/logs` and `/v1/metrics`."""
    return [
        Route(f"/v1/{signal.name}", _endpoint(signal, receiver, bodies, capacity, authenticate), methods=["POST"])
        for signal in SIGNALS
    ]


def otlp_refusal(request: Request, http_status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    """Return a `google.rpc.Status` in the encoding of `request`."""
    status = Status(code=_CODES.get(http_status, INTERNAL), message=message)
    return _response(status, _content_type(request), http_status, headers)


def _endpoint(
    signal: Signal, receiver: Receiver, bodies: Bodies, capacity: Capacity, authenticate: Authenticate
) -> Callable[[Request], Awaitable[Response]]:
    async def export(request: Request) -> Response:
        content_type = _content_type(request)
        try:
            tenant = await authenticate(request.headers)
            if content_type not in (PROTOBUF, JSON):
                raise UnsupportedError(f"Content-Type {content_type!r} is not read here; send {PROTOBUF} or {JSON}")
            with capacity.hold() as held:
                body = await bodies.read(request, held, MAX_REQUEST_BYTES)
                message = await receiver.export(signal, body, held, tenant, is_json=content_type == JSON)
        except tuple(_ANSWERS) as error:
            return _refusal(error, content_type)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        return _response(message, content_type)

    return export


def _wait(error: ArcCoreError) -> int:
    return error.retry_seconds if isinstance(error, OverQuotaError) else RETRY_SECONDS


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _refusal(error: ArcCoreError, content_type: str) -> Response:
    http_status, code = _ANSWERS[type(error)]
    headers = {"Retry-After": str(_wait(error))} if code in (UNAVAILABLE, RESOURCE_EXHAUSTED) else None
    return _response(Status(code=code, message=str(error)), content_type, http_status, headers)


def _response(
    message: Message, content_type: str, http_status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`message` in the encoding that the request came in; JSON for those who sent neither."""
    if content_type == PROTOBUF:
        return Response(message.SerializeToString(), http_status, headers, media_type=PROTOBUF)
    return Response(MessageToJson(message, indent=None), http_status, headers, media_type=JSON)
