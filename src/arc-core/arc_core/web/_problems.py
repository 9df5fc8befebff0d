"""Refusals in the shape that is read where they are sent: OTLP's below `/v1`, the API's elsewhere."""

from collections.abc import Mapping

import msgspec
from arc_semconv.api import Problem
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from arc_core.ingest import otlp_refusal


def problem(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the refusal of `request` with this HTTP status."""
    if request.url.path.startswith("/v1/"):
        return otlp_refusal(request, status, message, headers)
    return Response(
        msgspec.json.encode(Problem(message)),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


async def refused(request: Request, error: Exception) -> Response:
    """Return what Starlette raised as a refusal: no such route, or another method."""
    if not isinstance(error, HTTPException):
        raise error
    is_method = error.status_code == 405  # noqa: PLR2004 - Method Not Allowed
    message = f"{request.method} is not taken at {request.url.path}" if is_method else error.detail
    return problem(request, error.status_code, message, error.headers)


async def failed(request: Request, _: Exception) -> Response:
    """Return the answer to a request that met a bug; its traceback is on stderr."""
    return problem(request, 500, "Arc Core met an error of its own; its stderr says more")
