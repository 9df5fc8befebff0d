"""The pipeline that work belongs to, carried in the context of this process and nowhere else.

It is a value of the OpenTelemetry context and no baggage: baggage leaves with the program's requests, to third parties
too.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

__all__ = ["EndedCall", "Pipeline", "ambient", "in_pipeline", "pipeline_of"]

_PIPELINE: Final = context.create_key("arc-pipeline")


class EndedCall(NamedTuple):
    """What is known of a model call when it has ended."""

    agent: str | None
    """Who made it, as its headers or the run that it is part of say."""
    model: str | None
    seconds: float
    failed: bool
    mended: bool
    answer: Mapping[str, AttributeValue]
    """Attributes of the answer: usage, above all; empty when there was none."""
    cost: Callable[[float], float | None]
    """What it cost in US dollars, None where that is not known; TimeoutError when the prices are not read within the
    seconds given."""


class Pipeline(NamedTuple):
    """What spans and model calls inside a pipeline are to know of it."""

    attributes: Mapping[str, AttributeValue]
    """They are on every span inside."""
    ended: Callable[[EndedCall], None]
    """Is told each model call that began inside, when it has ended."""
    turned: Callable[[str], None]
    """Is told the agent of each run that begins inside."""
    failed: Callable[[str | None], None]
    """Is told of each run or tool inside that failed by itself, with the agent that it is part of."""
    left: Callable[[], bool]
    """Whether it was left, in a thread that could not take it back here, and has just been taken back."""


def in_pipeline(pipeline: Pipeline, ambient: Context | None = None) -> Context:
    """The context `ambient`, by default the current one, with `pipeline` as the one that work belongs to."""
    return context.set_value(_PIPELINE, pipeline, ambient)


def pipeline_of(ambient: Context | None = None) -> Pipeline | None:
    """The innermost pipeline of `ambient`, by default of the current context; None outside of any."""
    found = context.get_value(_PIPELINE, ambient)
    if not isinstance(found, Pipeline):
        return None
    return pipeline_of() if ambient is None and found.left() else found


def ambient() -> Context:
    """The current context; a pipeline that was left in another thread is no longer part of it."""
    pipeline_of()
    return context.get_current()
