"""One call of `SyncAPIClient.request` or `AsyncAPIClient.request` as Arc sees it."""

from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Attributes
from arc_runtime.instrumentation.stainless import FIXES, Api, ApiCall, body_of, identity, options_of
from arc_semconv import attributes as semconv

from arc_instrumentation_openai._provider import provider_of
from arc_instrumentation_openai._routes import route

__all__ = ["describe"]

_PORTS: Final = {"http": 80, "https": 443}
_HELD: Final = "_arc_ways"
_MOST_HELD: Final = 64


def describe(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ApiCall | None:
    """The call that this request is; None for a request to an API that Arc does not record."""
    options = options_of(args, kwargs)
    way = _way(client, options.method, options.url)
    if way is None:
        return None
    body = body_of(options)
    known = dict(way.known)
    who = identity(client, options)
    mends = True
    if who:
        mends = who.pop(FIXES, "").strip().lower() != "off"
        known.update(who)
    stream, agent = body.get("stream") is True, who.get(semconv.AGENT_NAME)
    request = Request(body, way.provider, way.api.name, way.host, stream, agent)
    return ApiCall(way.api, request, known, (args, kwargs), client=client, mends=mends)


class _Way(NamedTuple):
    """Which API a request is for, and where it goes."""

    api: Api
    provider: str
    host: str
    known: Attributes
    """Operation, provider, address and port, and what the path says."""


def _way(client: Any, method: str, url: str) -> _Way | None:
    """The way of a request; those of its base URL are kept with the client until that changes."""
    base = client.base_url
    held = client.__dict__.get(_HELD)
    if held is None or held[0] is not base or len(held[1]) > _MOST_HELD:
        held = client.__dict__[_HELD] = (base, {})
    ways: dict[tuple[str, str], _Way | None] = held[1]
    try:
        return ways[method, url]
    except KeyError:
        way = ways[method, url] = _way_of(method, urlsplit(url) if "://" in url else base, url, client)
        return way


def _way_of(method: str, address: Any, url: str, client: object) -> _Way | None:
    """The way of a request to `address`, in parts as `urlsplit`, or the HTTP library of the client, has them."""
    found = route(method.lower(), url)
    if found is None:
        return None
    host = getattr(address, "host", None) or getattr(address, "hostname", None) or ""
    provider = provider_of(host, type(client).__name__)
    known: Attributes = {
        semconv.OPERATION: found.api.operation,
        semconv.PROVIDER: provider,
        semconv.SERVER_ADDRESS: host,
        **found.attributes,
    }
    if port := address.port or _PORTS.get(address.scheme):
        known[semconv.SERVER_PORT] = port
    return _Way(found.api, provider, host, known)
