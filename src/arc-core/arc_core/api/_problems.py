"""Refusals in the shape that is read where they are sent: OTLP's below `/v1`, RFC 9457's elsewhere."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from arc_semconv.api import Problem
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from arc_core.errors import (
    ArcCoreError,
    ConflictError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    OverCapacityError,
    OverQuotaError,
    RegistryError,
    RowsError,
    SlowBodyError,
    StartError,
    StoreError,
    TooLargeError,
    UnauthenticatedError,
    UnsupportedError,
    UsageError,
)
from arc_core.ingest import otlp_refusal

STATUSES: Final[dict[type[ArcCoreError], int]] = {
    MalformedError: 400,
    UsageError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    TooLargeError: 413,
    UnsupportedError: 415,
    OverQuotaError: 429,
    OverCapacityError: 503,
    RegistryError: 503,
    RowsError: 503,
    SlowBodyError: 503,
    StartError: 503,
    StoreError: 503,
}
"""The HTTP status of each refusal of the API."""

_RETRY_SECONDS: Final = 1


def problem(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the refusal of `request` with this HTTP status."""
    if request.url.path.startswith("/v1/"):
        return otlp_refusal(request, status, message, headers)
    told = Problem(title=HTTPStatus(status).phrase, status=status, detail=message, error=message)
    return Response(
        msgspec.json.encode(told),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/problem+json",
    )


def refusal(request: Request, error: ArcCoreError) -> Response:
    """Return the answer to `request`, which met one of STATUSES."""
    status = STATUSES[type(error)]
    headers = {}
    if isinstance(error, OverQuotaError):
        headers["Retry-After"] = str(error.retry_seconds)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(_RETRY_SECONDS)
    elif status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(request, status, str(error), headers)


async def refused(request: Request, error: Exception) -> Response:
    """Return what Starlette raised as a refusal: no such route, or another method."""
    if not isinstance(error, HTTPException):
        raise error
    is_method = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    message = f"{request.method} is not taken at {request.url.path}" if is_method else error.detail
    return problem(request, error.status_code, message, error.headers)


async def failed(request: Request, _: Exception) -> Response:
    """Return the answer to a request that met a bug; its traceback is on stderr."""
    return problem(request, 500, "Arc Core met an error of its own; its stderr says more")
