"""What Arc knows of one API of the client: a row of pure functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from arc_runtime.instrumentation import Fold, Reply
from opentelemetry.util.types import AttributeValue

__all__ = ["Api"]


class Api(NamedTuple):
    """How the requests and answers of one API become facts of a span."""

    name: str
    """What patterns call it (`$api`), e.g. `chat.completions`."""
    operation: str
    """`gen_ai.operation.name`."""
    request_attributes: Callable[[Mapping[str, object]], dict[str, AttributeValue]]
    """Of a request body, content apart."""
    request_content: Callable[[Mapping[str, object]], dict[str, Sequence[object]]]
    """Content of a request body, by attribute name."""
    reply: Callable[[object], Reply]
    """What a whole answer says: wire JSON or the SDK's object."""
    fold: Callable[[Mapping[str, object]], Fold]
    """A new fold for the streamed answer to the request body given."""
