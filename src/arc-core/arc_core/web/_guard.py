"""What holds for every answer, whatever route gives it."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arc_core.access import Access
from arc_core.api import problem

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """ASGI middleware: refuses hosts that are not trusted, and tells browsers to be strict."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        host = Headers(scope=scope).get("host", "")
        if self._access.trusts_host(host):
            await self._app(scope, receive, send_with_headers)
        else:
            await _refusal(Request(scope), host)(scope, receive, send_with_headers)


def _refusal(request: Request, host: str) -> Response:
    return problem(
        request, 403, f"the host {host!r} is not this machine; open http://127.0.0.1, or set an API key for Arc Core"
    )
