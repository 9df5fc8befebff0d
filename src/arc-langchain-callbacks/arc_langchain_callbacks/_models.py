"""Models that are asked through langchain-core: told by their callbacks when nobody tells of them on the wire."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from arc_runtime.instrumentation import ArcInstrumentor, Pen
from arc_runtime.metrics import Landed
from arc_runtime.spans import (
    Announced,
    EndedCall,
    agent_of,
    ambient,
    cancelled,
    complete,
    current,
    failed,
    passed_on,
    pipeline_of,
    suppressed,
)
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span, get_current_span
from opentelemetry.util.types import AttributeValue

from arc_langchain_callbacks import _mapping, _messages
from arc_langchain_callbacks._tree import Tree

__all__ = ["Models"]

Asked = Sequence[BaseMessage] | str


class _Call:
    """One call under way."""

    __slots__ = (
        "above", "alone", "announced", "asked", "attributes", "began_ns", "first_chunk_seconds", "pipeline", "place",
        "writer",
    )  # fmt: skip

    def __init__(
        self, writer: ArcInstrumentor, attributes: dict[str, AttributeValue], asked: object, within: Context | None
    ) -> None:
        self.writer = writer
        self.attributes = attributes
        self.asked = asked
        """A copy of what was asked; None where content is not recorded."""
        self.alone = True
        """Whether no other was asked together with it."""
        self.announced = Announced(within)
        self.place = ambient() if within is None else within
        """Where its span belongs, whoever reads the end of its answer, and wherever."""
        self.began_ns = time.time_ns()
        self.first_chunk_seconds: float | None = None
        self.pipeline = pipeline_of(self.place)
        """What it is part of, to be told when it has ended."""
        self.above = get_current_span(self.place)


class _Answer(NamedTuple):
    """What was said, worked out when the span is read."""

    call: _Call
    response: object
    """A copy of the answer; None where there was none."""

    def on_span(self) -> dict[str, AttributeValue]:
        """The attributes of the answer, and the content of both sides where it is recorded."""
        attributes = self.attributes()
        if self.call.writer.pen.recorder.on_spans:
            attributes.update(self.content())
        return attributes

    def attributes(self) -> dict[str, AttributeValue]:
        """What is known of the answer, content apart."""
        pen = self.call.writer.pen
        attributes = _messages.answer_attributes(self.response)
        if pen.prices is not None:
            told = self.call.attributes
            host, provider = str(told.get(semconv.SERVER_ADDRESS, "")), str(told.get(semconv.PROVIDER, ""))
            model = told.get(semconv.REQUEST_MODEL)
            attributes.update(
                pen.prices.attributes(provider, host, model if isinstance(model, str) else None, attributes)
            )
        return attributes

    def content(self) -> dict[str, AttributeValue]:
        """What was asked and answered, as recorded; nothing where content is not wanted."""
        if self.call.asked is None:
            return {}
        record = self.call.writer.pen.recorder.messages
        said = {
            semconv.INPUT_MESSAGES: _messages.inputs(self.call.asked),
            semconv.SYSTEM_INSTRUCTIONS: _messages.instructions(self.call.asked),
            semconv.OUTPUT_MESSAGES: _messages.outputs(self.response),
        }
        return {name: record(messages) for name, messages in said.items() if messages}


class Models:
    """The model calls of the process that are under way, by the id that langchain-core gave them."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._calls: dict[UUID, _Call] = {}

    @property
    def under_way(self) -> list[UUID]:
        """The calls, the latest first."""
        return list(reversed(tuple(self._calls)))

    def writer_of(self, run_id: UUID) -> ArcInstrumentor | None:
        """The plugin that tells of the call; None when there is none under way."""
        call = self._calls.get(run_id)
        return call.writer if call is not None else None

    def forget(self) -> None:
        """Leave what is open to the process that opened it."""
        self._calls.clear()

    def start(
        self,
        writer: ArcInstrumentor,
        ids: tuple[UUID, UUID | None],
        serialized: Mapping[str, Any],
        asked: Asked,
        extra: Mapping[str, Any],
    ) -> None:
        """A model is asked; announced, so that a plugin which follows its client tells of the call instead.

        `ids` are those of its run and of the run above.
        """
        if suppressed():
            return
        run_id, parent_id = ids
        recorder = writer.pen.recorder
        held = recorder.hold(asked) if recorder.wanted else None
        attributes = _messages.request_attributes(serialized, extra)
        call = self._calls[run_id] = _Call(writer, attributes, held, self._tree.place_for(parent_id))
        call.alone = extra.get("batch_size", 1) == 1

    def chunk(self, run_id: UUID) -> None:
        """A piece of the answer came."""
        call = self._calls.get(run_id)
        if call is not None and call.first_chunk_seconds is None:
            call.first_chunk_seconds = (time.time_ns() - call.began_ns) / 1e9
            call.announced.over()

    def answered(self, run_id: UUID, response: LLMResult) -> None:
        """It answered `response`."""
        call = self._calls.pop(run_id)
        call.announced.over()
        if not call.announced.taken and not _messages.is_cached(response, run_id):
            self._tell(call, response, None)

    def failed(self, run_id: UUID, error: BaseException, response: LLMResult | None) -> None:
        """It raised `error`, after `response` where it had begun to answer."""
        call = self._calls.pop(run_id)
        call.announced.over()
        if not call.announced.taken:
            self._tell(call, response, error)

    def _tell(self, call: _Call, response: LLMResult | None, error: BaseException | None) -> None:
        if call.alone:
            call.announced.take()  # a model that only hands on what this one was asked is not told beside it
        pen = call.writer.pen
        model = call.attributes.get(semconv.REQUEST_MODEL)
        if call.first_chunk_seconds is not None:
            call.attributes[semconv.REQUEST_STREAM] = True
            call.attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = call.first_chunk_seconds
        span = pen.spans.open(
            Kind.LLM,
            model if isinstance(model, str) else None,
            call.attributes,
            parent=call.place,
            start_ns=call.began_ns,
        )
        self._tree.has_spans = True
        try:
            answer = _Answer(call, _messages.held(response, pen.recorder))
            if error is not None and _mapping.is_cancellation(error):
                cancelled(span)
            elif error is not None:
                failed(span, error)
            if span.is_recording():
                _write(span, pen, answer)
        finally:
            span.end()
        if pen.meters is not None:
            pen.meters.record(_landed(call, answer, error, span))
        if call.pipeline is not None:
            call.pipeline.ended(_ended(call, answer, error))
            if error is not None:
                passed_on(call.above, error)


def _write(span: Span, pen: Pen, answer: _Answer) -> None:
    """Put on `span` what was asked and answered, and emit the event where one is asked for."""
    recorder = pen.recorder
    if not recorder.on_events:
        complete(span, answer.on_span)
        return
    attributes, content = answer.attributes(), answer.content()
    span.set_attributes({**attributes, **content} if recorder.on_spans else attributes)
    if content:
        said = getattr(span, "attributes", None) or {}
        failure = {semconv.ERROR_TYPE: said[semconv.ERROR_TYPE]} if semconv.ERROR_TYPE in said else {}
        pen.events.emit(
            context=current(span),
            severity_number=SeverityNumber.DEBUG,
            event_name=semconv.EVENT_INFERENCE_DETAILS,
            attributes={**answer.call.attributes, **failure, **attributes, **content},
        )


def _ended(call: _Call, answer: _Answer, error: BaseException | None) -> EndedCall:
    said, prices = _messages.answer_attributes(answer.response), call.writer.pen.prices
    model = call.attributes.get(semconv.REQUEST_MODEL)
    return EndedCall(
        agent=agent_of(call.above),
        model=model if isinstance(model, str) else None,
        seconds=(time.time_ns() - call.began_ns) / 1e9,
        failed=error is not None and not _mapping.is_cancellation(error),
        mended=False,
        answer=said,
        cost=partial(prices.usd, {**call.attributes, **said}, time.time_ns()) if prices else lambda _: None,
    )


def _landed(call: _Call, answer: _Answer, error: BaseException | None, span: Span) -> Landed:
    return Landed(
        attributes={**call.attributes, **_messages.answer_attributes(answer.response)},
        seconds=(time.time_ns() - call.began_ns) / 1e9,
        first_chunk_seconds=call.first_chunk_seconds,
        error=type(error).__qualname__ if error is not None and not _mapping.is_cancellation(error) else None,
        fixes=0,
        held_up_seconds=0.0,
        span=span,
    )
