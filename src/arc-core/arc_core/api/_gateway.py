"""What a gateway asks before it lets a request through: whose it is."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arc_core.access import Access
from arc_core.api._routes import refusing

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def gateway_route(access: Access, tenant_header: str) -> Route:
    """`/gateway/ingest` and all below it: 200 with the tenant in `tenant_header`, or 401 or 403.

    Below it, and by every method, because Envoy's external authorization asks for the path and by the method of the
    request that it is about; nginx asks as it is told to. The key is looked up as if it came with telemetry.
    """

    async def answer(request: Request) -> Response:
        caller = access.authenticate(request.headers, "ingest")
        return Response(headers={tenant_header: caller.tenant, "Cache-Control": "no-store"})

    return Route("/gateway/ingest{rest:path}", refusing(answer), methods=list(_METHODS))
