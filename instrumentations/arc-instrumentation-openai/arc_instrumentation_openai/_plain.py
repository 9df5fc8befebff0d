"""APIs of which Arc records model, usage and no content: embeddings, images, audio, moderations, files, batches.

Source: OpenAI API reference. Operations are those of the GenAI conventions where they have one (`embeddings`,
`generate_content` for what makes images, speech or text of another medium); the others bear the name of the client's
own method, e.g. `files.create`. Vectors, pictures and sound are never recorded, nor are the parts of a multipart body.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from arc_runtime.instrumentation import Reply
from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai import _wire
from arc_instrumentation_openai._wire import get

__all__ = ["EMBEDDINGS", "UsageFold", "bare_api", "embedded", "embedding_attributes", "plain_api", "reply"]

_NUMBERS: Final = {"temperature": semconv.REQUEST_TEMPERATURE, "dimensions": semconv.EMBEDDINGS_DIMENSION_COUNT}


def plain_api(name: str, operation: str | None = None, output: str | None = None) -> Api:
    """The API `name`; `operation` is by default the name, `output` what its answers are (`gen_ai.output.type`)."""
    return Api(
        name,
        operation or name,
        _request_attributes(name, output),
        (),
        _no_content,
        _wire.ANSWER_FIELDS,
        reply,
        UsageFold,
    )


def bare_api(name: str) -> Api:
    """The API `name`, which calls no model: its answers (a file, a batch with the usage of others) say nothing."""
    return plain_api(name)._replace(reply=_nothing, fold=_NothingFold)


def _request_attributes(name: str, output: str | None) -> Callable[[Mapping[str, object]], dict[str, AttributeValue]]:
    fixed = {semconv.REQUEST_API: name, **({semconv.OUTPUT_TYPE: output} if output else {})}

    def request_attributes(body: Mapping[str, object]) -> dict[str, AttributeValue]:
        return {**_wire.request_values(body, _NUMBERS), **fixed}

    return request_attributes


def embedding_attributes(body: Mapping[str, object]) -> dict[str, AttributeValue]:
    """What the request body of embeddings says: model, dimensions, and the format in which vectors travel."""
    attributes = {**_wire.request_values(body, _NUMBERS), semconv.REQUEST_API: "embeddings"}
    if formats := _wire.strings(body.get("encoding_format")):
        attributes[semconv.REQUEST_ENCODING_FORMATS] = formats
    return attributes


def _no_content(_body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    return {}


def reply(answer: object) -> Reply:
    """Id, model and usage, where the answer has them."""
    return Reply({**_wire.response_attributes(answer), **_wire.usage_attributes(get(answer, "usage"))}, ())


def embedded(answer: object) -> Reply:
    """Model and usage of embeddings: all their tokens are input, and some servers only tell the total."""
    said = reply(answer)
    total = get(get(answer, "usage"), "total_tokens")
    if isinstance(total, int):
        said.attributes.setdefault(semconv.USAGE_INPUT_TOKENS, total)
    return said


class UsageFold:
    """Finds id, model and usage among the events of a streamed answer."""

    def __init__(self, _body: Mapping[str, object]) -> None:
        self._attributes: dict[str, AttributeValue] = {}

    def add(self, chunk: object) -> None:
        """Take one event in."""
        self._attributes.update(reply(chunk).attributes)

    def reply(self) -> Reply:
        """What the events so far say."""
        return Reply(self._attributes, ())


def _nothing(_answer: object) -> Reply:
    return Reply({}, ())


class _NothingFold(UsageFold):
    def add(self, chunk: object) -> None:
        """Let it pass."""


EMBEDDINGS: Final = Api(
    "embeddings", "embeddings", embedding_attributes, (), _no_content, _wire.ANSWER_FIELDS, embedded, UsageFold
)
