"""One call of `SyncAPIClient.request` or `AsyncAPIClient.request` as Arc sees it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from arc_runtime.fixes import Afterwards, Refusal, Request
from arc_runtime.instrumentation import Attributes, Content, Facts, Fold, Hold, ModelCall, Said, Watcher
from arc_semconv import attributes as semconv

from arc_instrumentation_openai import _answers, _restoring, _timeouts
from arc_instrumentation_openai._api import Api
from arc_instrumentation_openai._headers import FIXES, identity
from arc_instrumentation_openai._provider import provider_of
from arc_instrumentation_openai._routes import route

__all__ = ["ApiCall", "describe"]

_PORTS: Final = {"http": 80, "https": 443}
_HELD: Final = "_arc_ways"
_MOST_HELD: Final = 64


class ApiCall(ModelCall):
    """A call of one API; `args[0]` is the type to cast to, `args[1]` the request's options."""

    def __init__(
        self,
        api: Api,
        request: Request,
        known: Attributes,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        *,
        client: object = None,
        mends: bool = True,
    ) -> None:
        self._api = api
        self._request = request
        self._known = known
        self._arguments = arguments
        self._client = client
        self._mends = mends

    @property
    def mends(self) -> bool:
        """Whether the caller lets this call be mended: not with the header `X-Arc-Fixes: off`."""
        return self._mends

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""
        return self._request

    def with_body(self, body: Mapping[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
        """The same arguments with options whose body is `body`; the caller's options stay as they are."""
        # `extra_json` is what a caller's extra_body adds last: it is in `body` already.
        return self._with_options({"json_data": dict(body), "extra_json": None})

    def _with_options(self, update: dict[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
        args, kwargs = self._arguments
        options = _options(args, kwargs).model_copy(update=update)
        if "options" in kwargs:
            return args, {**kwargs, "options": options}
        return (args[0], options, *args[2:]), kwargs

    def refusal(self, error: BaseException) -> Refusal | None:
        """What the provider answered: only before the first byte of an answer does a call raise such an error."""
        status = getattr(error, "status_code", None)
        return Refusal.of(status, getattr(error, "body", None)) if isinstance(status, int) else None

    def again(
        self, body: Mapping[str, object], elapsed_seconds: float
    ) -> tuple[tuple[object, ...], dict[str, object]] | None:
        """The same arguments with `body`, one attempt, and what is left of the caller's time."""
        options = _options(*self._arguments)
        left = _timeouts.left(options.timeout, getattr(self._client, "timeout", None), elapsed_seconds)
        if left is None:
            return None
        # The provider knows the caller's key of idempotency by the request that it refused.
        once = {"timeout": left, "max_retries": 0, "idempotency_key": None}
        return self._with_options({"json_data": dict(body), "extra_json": None, **once})

    @property
    def restores(self) -> bool:
        """Not where the caller reads the raw response by himself."""
        return not _restoring.is_raw(*self._arguments)

    def restore(self, result: object, afterwards: Afterwards) -> None:
        """Tools have the caller's names again, and the text ends where he wants it to."""
        _restoring.restore(result, afterwards)

    def start_attributes(self, body: Mapping[str, object]) -> Attributes:
        """Operation, provider, server, who asks, and the model."""
        attributes = dict(self._known)
        if isinstance(model := body.get("model"), str):
            attributes[semconv.REQUEST_MODEL] = model
        return attributes

    @property
    def request_attributes(self) -> Facts:
        """Parameters and the kind of API."""
        return self._api.request_attributes

    @property
    def content_fields(self) -> Sequence[str]:
        """Those of the API."""
        return self._api.content_fields

    @property
    def content(self) -> Content:
        """Messages and tool definitions."""
        return self._api.request_content

    def error_attributes(self, error: BaseException) -> Attributes:
        """The HTTP status and the API's own code and parameter, where there were any."""
        attributes: Attributes = {}
        if isinstance(status := getattr(error, "status_code", None), int):
            attributes[semconv.HTTP_STATUS_CODE] = status
        if isinstance(code := getattr(error, "code", None), str | int):
            attributes[semconv.ERROR_CODE] = str(code)
        if isinstance(param := getattr(error, "param", None), str):
            attributes[semconv.ERROR_PARAM] = param
        return attributes

    def watch(self, result: object, watcher: Watcher) -> bool:
        """Watch a stream, or a response whose body is still to be read."""
        return _answers.watch(result, watcher)

    def reply(self, result: object, hold: Hold | None) -> Said:
        """What an answer, or a raw response that holds one, says."""
        fields = _answers.fields_of(result, self._api.answer_fields)
        return partial(self._api.reply, fields if hold is None else hold(fields))

    def fold(self) -> Fold:
        """A fold over the chunks of the answer."""
        return self._api.fold(self._request.body)


def describe(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ApiCall | None:
    """The call that this request is; None for a request to an API that Arc does not record."""
    options = _options(args, kwargs)
    way = _way(client, options.method, options.url)
    if way is None:
        return None
    body = _body(options)
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


def _body(options: Any) -> dict[str, object]:
    """The body as the client will send it: `extra_body` is laid over the rest, field by field."""
    body = options.json_data if isinstance(options.json_data, dict) else {}
    extra = getattr(options, "extra_json", None)
    return {**body, **extra} if extra and isinstance(extra, Mapping) else body


def _options(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return kwargs["options"] if "options" in kwargs else args[1]
