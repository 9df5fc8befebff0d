"""One call of `SyncAPIClient.request` or `AsyncAPIClient.request` as Arc sees it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Fold, ModelCall, Reply, Watcher
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _answers
from arc_instrumentation_openai._api import Api
from arc_instrumentation_openai._headers import identity
from arc_instrumentation_openai._provider import provider_of
from arc_instrumentation_openai._routes import route

__all__ = ["ApiCall", "describe"]

_PORTS: Final = {"http": 80, "https": 443}


class ApiCall(ModelCall):
    """A call of one API; `args[0]` is the type to cast to, `args[1]` the request's options."""

    def __init__(
        self,
        api: Api,
        request: Request,
        known: Mapping[str, AttributeValue],
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
    ) -> None:
        self._api = api
        self._request = request
        self._known = known
        self._arguments = arguments

    @property
    def operation(self) -> str:
        """That of the API."""
        return self._api.operation

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""
        return self._request

    def with_body(self, body: Mapping[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
        """The same arguments with options whose body is `body`; the caller's options stay as they are."""
        args, kwargs = self._arguments
        # `extra_json` is what a caller's extra_body adds last: it is in `body` already.
        options = _options(args, kwargs).model_copy(update={"json_data": dict(body), "extra_json": None})
        if "options" in kwargs:
            return args, {**kwargs, "options": options}
        return (args[0], options, *args[2:]), kwargs

    def start_attributes(self, body: Mapping[str, object]) -> dict[str, AttributeValue]:
        """Model, parameters, server, and who asks."""
        return {**self._api.request_attributes(body), **self._known}

    def content(self, body: Mapping[str, object]) -> Mapping[str, Sequence[object]]:
        """Messages and tool definitions."""
        return self._api.request_content(body)

    def error_attributes(self, error: BaseException) -> dict[str, AttributeValue]:
        """The HTTP status and the API's own code and parameter, where there were any."""
        attributes: dict[str, AttributeValue] = {}
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

    def reply(self, result: object) -> Reply:
        """What an answer, or a raw response that holds one, says."""
        return self._api.reply(_answers.body_of(result))

    def fold(self) -> Fold:
        """A fold over the chunks of the answer."""
        return self._api.fold(self._request.body)


def describe(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ApiCall | None:
    """The call that this request is; None for a request to an API that Arc does not record."""
    options = _options(args, kwargs)
    found = route(options.method.lower(), options.url)
    if found is None:
        return None
    body = _body(options)
    url = client.base_url if options.url.startswith("/") else _address(options.url, client.base_url)
    who = identity(client, options)
    request = Request(
        body=body,
        provider=provider_of(url.host, type(client).__name__),
        api=found.api.name,
        host=url.host,
        stream=body.get("stream") is True,
        agent=who.get(semconv.AGENT_NAME),
    )
    known: dict[str, AttributeValue] = {semconv.SERVER_ADDRESS: url.host, **found.attributes, **who}
    if port := url.port or _PORTS.get(url.scheme):
        known[semconv.SERVER_PORT] = port
    return ApiCall(found.api, request, known, (args, dict(kwargs)))


def _body(options: Any) -> dict[str, object]:
    """The body as the client will send it: `extra_body` is laid over the rest, field by field."""
    body = options.json_data if isinstance(options.json_data, dict) else {}
    extra = getattr(options, "extra_json", None)
    return {**body, **extra} if isinstance(extra, Mapping) and extra else body


class _Address:
    """Host, port and scheme of an absolute address, as the client's own URLs name them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.scheme = parts.hostname or "", parts.port, parts.scheme


def _address(url: str, base: Any) -> Any:
    """Where `url` leads: it may be relative without a slash, or absolute."""
    return _Address(url) if "://" in url else base


def _options(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return kwargs["options"] if "options" in kwargs else args[1]
