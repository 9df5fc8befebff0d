"""One call of `SyncAPIClient.request` or `AsyncAPIClient.request` as Arc sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import ModelCall, Reply, Watcher
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _chat, _responses
from arc_instrumentation_openai._provider import provider_of

__all__ = ["ChatCall", "describe"]


class ChatCall(ModelCall):
    """A chat completion; `args[0]` is the type to cast to, `args[1]` the request's options."""

    operation = "chat"

    def __init__(self, request: Request, port: int | None, arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        self._request = request
        self._port = port
        self._arguments = arguments

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""
        return self._request

    def with_body(self, body: Mapping[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
        """The same arguments with options whose body is `body`; the caller's options stay as they are."""
        args, kwargs = self._arguments
        options = _options(args, kwargs).model_copy(update={"json_data": dict(body)})
        if "options" in kwargs:
            return args, {**kwargs, "options": options}
        return (args[0], options, *args[2:]), kwargs

    def start_attributes(self, body: Mapping[str, object]) -> dict[str, AttributeValue]:
        """Model, sampling parameters and server."""
        attributes = _chat.request_attributes(body)
        attributes[semconv.SERVER_ADDRESS] = self._request.host
        if self._port is not None:
            attributes[semconv.SERVER_PORT] = self._port
        return attributes

    def content(self, body: Mapping[str, object]) -> Mapping[str, Sequence[object]]:
        """Messages and tool definitions."""
        return _chat.request_content(body)

    def error_attributes(self, error: BaseException) -> dict[str, AttributeValue]:
        """The HTTP status, where there was one."""
        status = getattr(error, "status_code", None)
        return {semconv.HTTP_STATUS_CODE: status} if isinstance(status, int) else {}

    def watch(self, result: object, watcher: Watcher) -> bool:
        """Watch a stream, or a response whose body is still to be read."""
        return _responses.watch(result, watcher)

    def reply(self, result: object) -> Reply:
        """What a completion, or a raw response that holds one, says."""
        return _chat.reply(_responses.body_of(result))

    def fold(self) -> _chat.ChunkFold:
        """A fold over completion chunks."""
        return _chat.ChunkFold()


def describe(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ChatCall | None:
    """The chat completion that this request is; None for any other request."""
    options = _options(args, kwargs)
    body = options.json_data
    if not isinstance(body, dict) or options.method.lower() != "post":
        return None
    if not options.url.partition("?")[0].rstrip("/").endswith("/chat/completions"):
        return None
    url = client.base_url
    request = Request(
        body=body,
        provider=provider_of(url.host, type(client).__name__),
        api="chat.completions",
        host=url.host,
        stream=body.get("stream") is True,
    )
    return ChatCall(request, url.port or {"http": 80, "https": 443}.get(url.scheme), (args, dict(kwargs)))


def _options(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return kwargs["options"] if "options" in kwargs else args[1]
