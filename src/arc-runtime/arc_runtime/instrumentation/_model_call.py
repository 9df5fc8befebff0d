"""One model call from before it leaves until its answer, or the last chunk of it, is there."""

import asyncio
import atexit
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NamedTuple, Protocol

import msgspec
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry._logs import SeverityNumber
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.util.types import AttributeValue

from arc_runtime.fixes import Mended, Request, without_content
from arc_runtime.instrumentation._guard import Guard
from arc_runtime.instrumentation._runtime import Pen, Runtime
from arc_runtime.instrumentation._streams import Watcher
from arc_runtime.spans import cancelled, current, failed, within

__all__ = ["Flight", "Fold", "ModelCall", "Reply", "depart", "land_all_at_exit"]

Arguments = tuple[tuple[object, ...], dict[str, object]]

_UNDER_WAY: Final["weakref.WeakSet[Flight]"] = weakref.WeakSet()
_CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)


class Reply(NamedTuple):
    """What a model answered."""

    attributes: dict[str, AttributeValue]
    messages: Sequence[object]
    """GenAI output messages; only read when content is recorded."""


class Fold(Protocol):
    """Gathers the chunks of a streamed answer."""

    def add(self, chunk: object) -> None:
        """Take one chunk in; called for each, so it is quick."""

    def reply(self) -> Reply:
        """What the chunks so far amount to."""


class ModelCall(Protocol):
    """What a plugin says of one call; every method is pure."""

    @property
    def operation(self) -> str:
        """`gen_ai.operation.name`."""

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""

    def with_body(self, body: Mapping[str, object]) -> Arguments:
        """The call's own arguments with `body` in place of its body; nothing of the caller's is changed."""

    def start_attributes(self, body: Mapping[str, object]) -> dict[str, AttributeValue]:
        """What is known of the request `body`, content apart."""

    def content(self, body: Mapping[str, object]) -> Mapping[str, Sequence[object]]:
        """Content of the request by attribute name, as JSON values."""

    def error_attributes(self, error: BaseException) -> dict[str, AttributeValue]:
        """What `error` says beside its type."""

    def watch(self, result: object, watcher: Watcher) -> bool:
        """Whether the answer is still to come (a stream, an unread body); if so `watcher` is told of it."""

    def reply(self, result: object) -> Reply:
        """What `result`, an answer that is complete, says."""

    def fold(self) -> Fold:
        """A new fold for a streamed answer."""


def depart(call: ModelCall, runtime: Runtime, pen: Pen, guard: Guard, *, traced: bool = True) -> "Flight":
    """Mend the request, open its span (not where it is not `traced`), and hand back what to send."""
    mended = guard.attempt("matching", runtime.engine.before, call.request)
    arguments: Arguments | None = None
    if mended is not None and mended.mode == "on":
        arguments = guard.attempt("mending the request", call.with_body, mended.body)
        mended = None if arguments is None else mended
    body = mended.body if mended else call.request.body
    span: Span = INVALID_SPAN
    if traced and is_instrumentation_enabled():
        attributes = _start_attributes(call, body, mended, content=pen.recorder.wanted)
        span = pen.spans.open(Kind.LLM, _model_name(body), attributes)
    content = call.content(body) if pen.recorder.wanted and span.is_recording() else {}
    flight = Flight(call, pen, guard, span, mended)
    flight.arguments = arguments
    flight.content = {name: pen.recorder.messages(values) for name, values in content.items()}
    return flight


class Flight:
    """A model call under way; also the watcher of its stream. No method of it raises into the user's call."""

    def __init__(self, call: ModelCall, pen: Pen, guard: Guard, span: Span, mended: Mended | None) -> None:
        self.call = call
        self.arguments: Arguments | None = None
        self.content: dict[str, AttributeValue] = {}
        self._pen = pen
        self._guard = guard
        self._span = span
        self._mended = mended
        self._started = time.perf_counter()
        self._fold: Fold | None = None
        self._take: Callable[[object], None] = _ignored
        self.chunk: Callable[[object], None] = self._first_chunk
        """Takes each chunk that is handed to the user; a plain attribute, so that a chunk costs one call less."""
        self._open = True

    def within(self) -> AbstractContextManager[None]:
        """Make this call's span the current one."""
        # A suppressed call has no span: what is current stays so, or its children would lose their trace.
        return nullcontext() if self._span is INVALID_SPAN else within(self._span)

    def landed(self, result: object) -> None:
        """The call returned `result`."""
        if self._guard.attempt("reading the answer", self._land, result) is None:
            self._end("unknown")

    def _land(self, result: object) -> bool:
        if self.call.watch(result, self):
            _UNDER_WAY.add(self)
        else:
            self._end("ok", self.call.reply(result) if self._span.is_recording() else None)
        return True

    # --- the stream ---

    def _first_chunk(self, chunk: object) -> None:
        waited = time.perf_counter() - self._started
        self._fold = self._guard.attempt("reading the answer", self.call.fold)
        self._span.set_attribute(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, waited)
        if self._fold is None or not self._span.is_recording():
            self.chunk = _ignored
            return
        self._take = self._fold.add
        self.chunk = self._further_chunk
        self._further_chunk(chunk)

    def _further_chunk(self, chunk: object) -> None:
        try:
            self._take(chunk)
        except Exception as error:  # noqa: BLE001 - inlined guard: this runs for every chunk
            self._fold = None
            self.chunk = _ignored
            self._guard.report("reading a chunk", error)

    def finished(self) -> None:
        """The stream is exhausted."""
        self._end("ok", self._folded())

    def broke(self, error: BaseException) -> None:
        """The call or its stream raised `error`."""
        if not self._open:
            return
        if isinstance(error, _CANCELLATIONS):
            self.closed()
            return
        self._guard.attempt("reading the error", self._fail, error)
        self._end("error", self._folded())

    def _fail(self, error: BaseException) -> None:
        self._span.set_attributes(self.call.error_attributes(error))
        failed(self._span, error)

    def closed(self) -> None:
        """The user stopped the stream, or the call was cancelled."""
        if self._open:
            cancelled(self._span)
            self._end("unknown", self._folded())

    def answered(self, result: object) -> None:
        """The user read the whole answer, `result`, from a response whose body was still open."""
        reply = self._guard.attempt("reading the answer", self.call.reply, result)
        self._end("ok", reply)

    def _folded(self) -> Reply | None:
        if self._fold is None or not self._open:
            return None
        return self._guard.attempt("reading the chunks", self._fold.reply)

    # --- the end ---

    def _end(self, outcome: str, reply: Reply | None = None) -> None:
        if not self._open:
            return
        self._open = False
        self.chunk = self._take = _ignored  # they are bound to this object, which is not to wait for a collection
        self._guard.attempt("closing the span", self._close, outcome, reply)
        self._span.end()

    def _close(self, outcome: str, reply: Reply | None) -> None:
        if not self._span.is_recording():
            return
        attributes: dict[str, AttributeValue] = dict(reply.attributes) if reply else {}
        if self._mended is not None:
            attributes[semconv.FIX_OUTCOME] = outcome
        if reply and self._pen.recorder.wanted:
            self._guard.attempt("recording the answer", self._record, reply)
        if self._pen.recorder.on_spans:
            attributes.update(self.content)
        self._span.set_attributes(attributes)
        if self._pen.recorder.on_events and self.content:
            self._emit(attributes)

    def _record(self, reply: Reply) -> None:
        if reply.messages:
            self.content[semconv.OUTPUT_MESSAGES] = self._pen.recorder.messages(reply.messages)

    def _emit(self, attributes: Mapping[str, AttributeValue]) -> None:
        body = self._mended.body if self._mended else self.call.request.body
        start = _start_attributes(self.call, body, self._mended, content=True)
        self._pen.events.emit(
            context=current(self._span),
            severity_number=SeverityNumber.DEBUG,
            event_name=semconv.EVENT_INFERENCE_DETAILS,
            attributes={**start, **attributes, **self.content},
        )


def _ignored(_chunk: object) -> None:
    """Nobody records this call: its chunks only pass by."""


def _model_name(body: Mapping[str, object]) -> str | None:
    model = body.get("model")
    return model if isinstance(model, str) else None


def _start_attributes(
    call: ModelCall, body: Mapping[str, object], mended: Mended | None, *, content: bool
) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.OPERATION: call.operation,
        semconv.PROVIDER: call.request.provider,
        **call.start_attributes(body),
    }
    if mended is not None:
        changes = mended.changes if content else tuple(map(without_content, mended.changes))
        attributes[semconv.FIX_IDS] = mended.ids
        attributes[semconv.FIX_MODE] = mended.mode
        attributes[semconv.FIX_TRIGGER] = "before"
        attributes[semconv.FIX_CHANGES] = msgspec.json.encode(changes).decode()
    return attributes


def _land_all() -> None:
    """Close what is still under way when the program ends: a span that never ends is never sent."""
    for flight in list(_UNDER_WAY):
        flight.closed()


def land_all_at_exit() -> None:
    """Have that done; exit handlers run last in, first out, so this must come after the provider's own."""
    atexit.unregister(_land_all)
    atexit.register(_land_all)
