"""What a plugin knows of one API of its client: a row of pure functions."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from arc_runtime.instrumentation._account import Content, Facts, Reply
from arc_runtime.instrumentation._model_call import Fold

__all__ = ["Api"]


class Api(NamedTuple):
    """How the requests and answers of one API become facts of a span."""

    name: str
    """What patterns call it (`$api`), e.g. `chat.completions`."""
    operation: str
    """`gen_ai.operation.name`."""
    request_attributes: Facts
    """Of a request body, model and content apart."""
    content_fields: tuple[str, ...]
    """Fields of a request body that hold content."""
    request_content: Content
    """Content of a request body, by attribute name."""
    answer_fields: tuple[str, ...]
    """Fields of an answer that `reply` reads: text and numbers, no vectors, pictures or sound."""
    reply: Callable[[object], Reply]
    """What a whole answer says: wire JSON or the SDK's object."""
    fold: Callable[[Mapping[str, object]], Fold]
    """A new fold for the streamed answer to the request body given."""
