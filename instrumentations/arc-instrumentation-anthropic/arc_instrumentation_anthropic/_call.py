"""One call of the client as Arc sees it: a request for a message."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Attributes, Content, Facts, Fold, Hold, Said
from arc_runtime.instrumentation.stainless import FIXES, StainlessCall, body_of, fields_of, identity, options_of
from arc_semconv import attributes as semconv

from arc_instrumentation_anthropic import _messages

__all__ = ["MessageCall", "describe"]

_PORTS: Final = {"http": 80, "https": 443}
_PROVIDERS: Final = {"AnthropicBedrock": "aws.bedrock", "AnthropicVertex": "gcp.vertex_ai"}
_OPERATION: Final = "chat"


class MessageCall(StainlessCall):
    """A call of `messages`."""

    def __init__(
        self,
        request: Request,
        known: Attributes,
        client: object,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        *,
        mends: bool,
    ) -> None:
        super().__init__(client, arguments, mends=mends)
        self._request = request
        self._known = known

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""
        return self._request

    def start_attributes(self, body: Mapping[str, object]) -> Attributes:
        """Operation, provider, server, who asks, and the model."""
        attributes = dict(self._known)
        if isinstance(model := body.get("model"), str):
            attributes[semconv.REQUEST_MODEL] = model
        return attributes

    @property
    def request_attributes(self) -> Facts:
        """Parameters."""
        return _messages.request_attributes

    @property
    def content_fields(self) -> Sequence[str]:
        """Where words are."""
        return _messages.CONTENT_FIELDS

    @property
    def content(self) -> Content:
        """Messages, system and tool definitions."""
        return _messages.request_content

    def reply(self, result: object, hold: Hold | None) -> Said:
        """What an answer, or a raw response that holds one, says."""
        fields = fields_of(result, _messages.ANSWER_FIELDS)
        return partial(_messages.reply, fields if hold is None else hold(fields))

    def fold(self) -> Fold:
        """A fold over the events of the answer."""
        return _messages.EventFold()


def describe(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MessageCall | None:
    """The call that this request is; None for a request for anything else than a message."""
    options = options_of(args, kwargs)
    path = options.url.partition("?")[0].rstrip("/")
    if options.method.lower() != "post" or not path.endswith(("/messages", "/invoke", ":rawPredict")):
        return None
    base = client.base_url
    host = base.host
    provider = next((id_ for name, id_ in _PROVIDERS.items() if name in type(client).__name__), "anthropic")
    body = body_of(options)
    known: Attributes = {
        semconv.OPERATION: _OPERATION,
        semconv.PROVIDER: provider,
        semconv.SERVER_ADDRESS: host,
        **identity(client, options),
    }
    if port := base.port or _PORTS.get(base.scheme):
        known[semconv.SERVER_PORT] = port
    mends = str(known.pop(FIXES, "")).strip().lower() != "off"
    agent = known.get(semconv.AGENT_NAME)
    request = Request(
        body, provider, "messages", host, body.get("stream") is True, agent if isinstance(agent, str) else None
    )
    return MessageCall(request, known, client, (args, kwargs), mends=mends)
