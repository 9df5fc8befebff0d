"""One call of the client as Arc sees it: a request for a message."""

from typing import Any, Final

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Attributes
from arc_runtime.instrumentation.stainless import FIXES, ApiCall, body_of, identity, options_of
from arc_semconv import attributes as semconv

from arc_instrumentation_anthropic._messages import MESSAGES

__all__ = ["describe"]

_PORTS: Final = {"http": 80, "https": 443}
_PROVIDERS: Final = {"Bedrock": "aws.bedrock", "AWS": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
"""By what is in the name of a client's class; newer clients tell it themselves."""
_PROVIDER: Final = "anthropic"


def describe(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ApiCall | None:
    """The call that this request is; None for a request for anything else than a message."""
    options = options_of(args, kwargs)
    path = options.url.partition("?")[0].rstrip("/")
    if options.method.lower() != "post" or not path.endswith("/messages"):
        return None
    base = client.base_url
    host, provider = base.host, _provider_of(client)
    body = body_of(options)
    known: Attributes = {
        semconv.OPERATION: MESSAGES.operation,
        semconv.PROVIDER: provider,
        semconv.SERVER_ADDRESS: host,
        **identity(client, options),
    }
    if port := base.port or _PORTS.get(base.scheme):
        known[semconv.SERVER_PORT] = port
    mends = str(known.pop(FIXES, "")).strip().lower() != "off"
    agent = known.get(semconv.AGENT_NAME)
    who = agent if isinstance(agent, str) else None
    request = Request(body, provider, MESSAGES.name, host, body.get("stream") is True, who)
    return ApiCall(MESSAGES, request, known, (args, kwargs), client=client, mends=mends)


def _provider_of(client: object) -> str:
    """`gen_ai.provider.name`, which `$provider` is too: as the client says, or one of its classes is called."""
    if isinstance(told := getattr(client, "_gen_ai_provider_name", None), str):
        return told
    names = [kind.__name__ for kind in type(client).__mro__]
    return next((provider for part, provider in _PROVIDERS.items() if any(part in name for name in names)), _PROVIDER)
