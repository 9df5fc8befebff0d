"""One model call from before it leaves until its answer, or the last chunk of it, is there."""

import asyncio
import atexit
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, get_current_span
from opentelemetry.util.types import AttributeValue

from arc_runtime._stderr import LOGGER
from arc_runtime.capture import Recorder
from arc_runtime.fixes import Entry, Failure, cut_short, demands, unfit
from arc_runtime.instrumentation._account import Account, Attributes, Content, Facts, Reply, Said
from arc_runtime.instrumentation._fixing import Arguments, Fixing, Mendable
from arc_runtime.instrumentation._guard import Guard
from arc_runtime.instrumentation._owners import Owner, marks, owner_of
from arc_runtime.instrumentation._runtime import Pen, Runtime
from arc_runtime.instrumentation._streams import Watcher
from arc_runtime.metrics import Landed, Meters
from arc_runtime.spans import (
    EndedCall,
    Pipeline,
    agent_of,
    announced,
    attach,
    cancelled,
    complete,
    current,
    detach,
    failed,
    passed_on,
    pipeline_of,
    suppressed,
)

__all__ = ["Flight", "Fold", "Hold", "ModelCall", "also_land", "depart", "land_all", "land_all_at_exit"]

Hold = Callable[[object], object]

_EMBEDDINGS: Final = "embeddings"
_NO_MARKS: Final[Mapping[str, object]] = {}
_CALLING: Final[set["Flight"]] = set()
"""Calls whose function has not returned yet."""
_LANDING_TOO: Final[list[Callable[[], None]]] = []
_UNDER_WAY: Final["weakref.WeakSet[Flight]"] = weakref.WeakSet()
"""Calls whose answer is still read; who drops it lets go of the call too."""
_CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
_CANCELLATIONS_ELSEWHERE: Final = frozenset({"Cancelled", "GreenletExit"})
"""What trio and greenlet raise for it: names, as neither is imported here."""
_SAID_ON_THE_WAY: Final = (semconv.ERROR_TYPE, semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
"""Attributes that the span has before it ends, and that the event has too."""


class Fold(Protocol):
    """Gathers the chunks of a streamed answer."""

    def add(self, chunk: object) -> None:
        """Take one chunk in; called for each, so it is quick."""

    def reply(self) -> Reply:
        """What the chunks so far amount to."""


class ModelCall(Mendable, Protocol):
    """What a plugin says of one call; every method is pure."""

    def start_attributes(self, body: Mapping[str, object]) -> Attributes:
        """What samplers are to see of the request `body`: operation, provider, model, server, who asks."""

    @property
    def request_attributes(self) -> Facts:
        """What else is known of a request body, of which `content_fields` may be left out; outlives the call."""

    @property
    def content_fields(self) -> Sequence[str]:
        """Fields of the body that `content` reads."""

    @property
    def content(self) -> Content:
        """Content of a request body, of which only `content_fields` may be there; outlives the call."""

    def error_attributes(self, error: BaseException) -> dict[str, AttributeValue]:
        """What `error` says beside its type."""

    def watch(self, result: object, watcher: Watcher) -> bool:
        """Whether the answer is still to come (a stream, an unread body); if so `watcher` is told of it."""

    def reply(self, result: object, hold: Hold | None) -> Said:
        """What `result`, a complete answer, says, once somebody asks; what is kept of its content `hold` copies.

        None: content is not wanted.
        """

    def fold(self) -> Fold:
        """A new fold for a streamed answer."""


def depart(call: ModelCall, runtime: Runtime, pen: Pen, guard: Guard, *, traced: bool = True) -> "Flight":
    """Mend the request, open its span (not where it is not `traced`), and hand back what to send."""
    fixing = Fixing(call, runtime.engine)
    arguments: Arguments | None = None
    try:  # Guard.attempt, written out: this is the way of every call
        arguments = fixing.depart()
    except Exception as error:  # noqa: BLE001
        guard.report("mending the request", error)
    flight = Flight(call, pen, guard, fixing)
    # What fails from here on costs the span, or a part of it, and never the fix.
    flight.arguments = arguments
    guard.attempt("opening the span", flight.board, traced)
    return flight


class Flight:
    """A model call under way; also the watcher of its stream. No method of it raises into the user's call."""

    def __init__(self, call: ModelCall, pen: Pen, guard: Guard, fixing: Fixing) -> None:
        self.call = call
        self.arguments: Arguments | None = None
        self.asked: dict[str, object] = {}
        """Content of the request, as a copy that nobody changes."""
        self.guard = guard
        self._owner: Owner | None = None
        """Who records this call in Arc's place."""
        self._marks: Mapping[str, object] = _NO_MARKS
        """What its context says to others while it is open."""
        self._pen = pen
        self._span: Span = INVALID_SPAN
        self._fixing = fixing
        self.began = self._started = time.perf_counter()
        """When Arc took up the call, and when it let it go."""
        self._first_chunk_seconds: float | None = None
        self._error: str | None = None
        self._failure: Failure | None = None
        """What was wrong with an answer that came as if nothing was."""
        self._first: Reply | None = None
        """An answer after which another was asked for."""
        self._reads = pen.meters is not None
        """Whether anybody wants to know what the answer says."""
        self._fold: Fold | None = None
        self._take: Callable[[object], None] = _ignored
        self.chunk: Callable[[object], None] = self._first_chunk
        """Takes each chunk that is handed to the user; a plain attribute, so that a chunk costs one call less."""
        self._pipeline: Pipeline | None = None
        self._agent: str | None = None
        self._above: Span = INVALID_SPAN
        self._open = True
        self._token: Token[Context] | None = None

    def board(self, traced: bool) -> None:  # noqa: FBT001 - handed on by the guard
        """The call is about to leave: open its span, where it is `traced` and nobody else has one."""
        body = self._fixing.body
        parent = self._announced_place()  # also where its span is another's, or not wanted
        enabled = not suppressed()
        traced, pipeline = traced and enabled, pipeline_of() if enabled else None
        if not traced and pipeline is None and not self._fixing:
            return
        try:  # Guard.attempt, written out
            known = self.call.start_attributes(body)
        except Exception as error:  # noqa: BLE001
            self.guard.report("describing the request", error)
            known = {}
        if pipeline is not None:
            self._join(pipeline, known, parent)
            if not traced and not self._fixing:
                return
        operation = str(known.get(semconv.OPERATION))
        self._owner = owner_of(operation)
        if self._owner is not None:
            self._tell_owner(self._owner, "unknown")
        elif traced:
            self._span = self._pen.spans.open(Kind.LLM, _model_name(body), known, parent=parent)
            self._marks = marks(operation)
            if self._span.is_recording():
                self._reads = True
                _CALLING.add(self)
                if self._pen.recorder.wanted:
                    self.asked = self.guard.attempt("recording the request", self._asked, body) or {}

    @property
    def _recorder_of_spans(self) -> Recorder | None:
        recorder = self._pen.recorder
        return recorder if recorder.on_spans else None

    @property
    def _told(self) -> Span:
        """The span that stands for this call: Arc's, or that of who records it in Arc's place."""
        return self._span if self._owner is None else self._owner.span

    def _announced_place(self) -> Context | None:
        """Where the span belongs that a framework announced, which is told here from now on; None where none was."""
        coming = announced()
        if coming is None:
            return None
        if self.call.request.api != _EMBEDDINGS:  # a model may look something up first
            coming.take()
        return coming.within

    def _asked(self, body: Mapping[str, object]) -> dict[str, object]:
        hold = self._pen.recorder.hold
        return {name: hold(body[name]) for name in self.call.content_fields if name in body}

    def _join(self, pipeline: Pipeline, known: Mapping[str, AttributeValue], parent: Context | None) -> None:
        """Have `pipeline` told of this call when it has ended."""
        self._pipeline = pipeline
        self._reads = True
        # Before the call's own span is the current one: a call that names no agent is part of the run that it is in.
        self._above = get_current_span(parent)
        agent = known.get(semconv.AGENT_NAME) or agent_of(self._above)
        self._agent = agent if isinstance(agent, str) else None

    def __enter__(self) -> None:
        """Make this call's span the current one, for the length of a `with` block."""
        # A suppressed call has no span: what is current stays so, or its children would lose their trace.
        if self._span is not INVALID_SPAN:
            try:  # Guard.attempt, written out
                self._token = attach(self._span, self._marks)
            except Exception as error:  # noqa: BLE001
                self.guard.report("making the span current", error)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            try:  # Guard.attempt, written out
                detach(self._token)
            except Exception as error:  # noqa: BLE001
                self.guard.report("making the span current", error)

    def refused(self, error: BaseException) -> Arguments | None:
        """What to send once more after `error`, if anything; the call is still under way then."""
        if not self._open:
            return None
        arguments = self.guard.attempt(
            "mending after the error", self._fixing.refused, error, time.perf_counter() - self.began
        )
        # What fails from here on costs a part of the span, and never the fix.
        if self._owner is not None:  # it may end its span before this call ends
            self.guard.attempt("telling the outcome", self._tell_owner, self._owner, "unknown")
        if arguments is not None:
            self.guard.attempt("recording the attempt", self._sends_again, error)
        return arguments

    def _sends_again(self, error: BaseException) -> None:
        self._attempted(error)
        self._count_resend()
        if self.asked:
            self.asked = self._asked(self._fixing.body)

    def _count_resend(self) -> None:
        """One request more than the client itself has counted until now."""
        span: Any = self._told
        before = (getattr(span, "attributes", None) or {}).get(semconv.HTTP_RESEND_COUNT) or 0
        span.set_attribute(semconv.HTTP_RESEND_COUNT, before + 1)

    def refused_again(self, error: BaseException, second: BaseException) -> None:
        """What was sent once more raised `second`: the program gets `error`, that of its own request."""
        self.guard.attempt("recording the attempt", self._attempted, second)
        self.guard.attempt("learning from the error", self._fixing.refused_again, second)
        self.broke(error)

    def _attempted(self, error: BaseException) -> None:
        """Have the span say how an attempt ended after which another came, or which came after another."""
        span = self._told
        if span.is_recording():
            said = {semconv.ERROR_TYPE: type(error).__qualname__, **self.call.error_attributes(error)}
            span.add_event(semconv.EVENT_ATTEMPT, said)

    def unfit(self, result: object) -> Arguments | None:
        """What to send once more where `result` is not as the request demands; the call is still under way then."""
        try:
            if not self._fixing.repairs or not self._open:
                return None
            reply = self.call.reply(result, None)()
            failure = _failure_in(reply, self._fixing.body)
            if failure is None:
                return None
            arguments = self._fixing.unfit(failure, time.perf_counter() - self.began)
            if arguments is None:
                return None
            self._failure, self._first = failure, reply
            self._count_resend()
        except Exception as error:  # noqa: BLE001 - a guard, as everywhere: the program gets its answer
            self.guard.report("asking once more", error)
            return None
        return arguments

    def better(self, first: object, second: object) -> object:
        """Of two answers the one that the program gets: the second where it is as demanded, else the first."""
        kept = first
        try:
            reply = self.call.reply(second, None)()
            fits = bool(reply.messages) and cut_short(reply.attributes) is None
            failure = _failure_in(reply, self._fixing.body) if fits else cut_short(reply.attributes)
            if fits and failure is None:
                self._answered(self._first, self._failure)
                self._failure, kept = None, second
                if self.asked:
                    self.asked = self._asked(self._fixing.body)
            else:
                self._answered(reply, failure)
        except Exception as error:  # noqa: BLE001 - as above
            self.guard.report("reading the second answer", error)
        if kept is first:
            self._fixing.repair = None
        return kept

    def no_better(self, error: BaseException) -> None:
        """What was sent once more raised `error`: the program gets the answer that it has."""
        self._fixing.repair = None
        self.guard.attempt("recording the attempt", self._attempted, error)

    def _answered(self, reply: Reply | None, failure: Failure | None) -> None:
        """Have the span say what an answer was like that the program does not get, and what it costs."""
        span = self._told
        if reply is None or not span.is_recording():
            return
        said = {**reply.attributes, **(failure.attributes if failure is not None else {})}
        if self._pen.prices:
            request = self.call.request
            model = _model_name(self._fixing.body)
            said.update(self._pen.prices.attributes(request.provider, request.host, model, reply.attributes))
        span.add_event(semconv.EVENT_ATTEMPT, said)

    def landed(self, result: object) -> None:
        """The call returned `result`."""
        try:  # Guard.attempt, written out
            if self._fixing:
                self.guard.attempt("restoring the answer", self._fixing.restore, result)
            if self.call.watch(result, self):
                _UNDER_WAY.add(self)
                _CALLING.discard(self)
                return
            said = self._said(result) if self._reads else None
        except Exception as error:  # noqa: BLE001
            self.guard.report("reading the answer", error)
            self._end("unknown")
        else:
            self._end("ok", said)

    def _said(self, result: object) -> Said:
        recorder = self._pen.recorder
        if recorder.wanted:
            if demands(self._fixing.body):
                self.guard.attempt("looking at the answer", self._look, self.call.reply(result, None)())
            return self.call.reply(result, recorder.hold)
        # Read at once: what is left of it is small, and no content is kept that nobody wants.
        reply = self.call.reply(result, None)()
        self.guard.attempt("looking at the answer", self._look, reply)
        return _saying(Reply(reply.attributes, ()))

    def _look(self, reply: Reply) -> None:
        """Note what of the answer is not as the request demands."""
        self._failure = _failure_in(reply, self._fixing.demanded)

    # --- the stream ---

    def _first_chunk(self, chunk: object) -> None:
        self.chunk = _ignored
        self.guard.attempt("reading the answer", self._begin_fold)
        self.chunk(chunk)

    def _begin_fold(self) -> None:
        waited = self._first_chunk_seconds = time.perf_counter() - self._started
        self._span.set_attribute(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, waited)
        if self._reads:
            self._fold = self.call.fold()
            self._take = self._fold.add
            self.chunk = self._further_chunk

    def _further_chunk(self, chunk: object) -> None:
        try:
            self._take(chunk)
        except Exception as error:  # noqa: BLE001 - inlined guard: this runs for every chunk
            self._fold = None
            self.chunk = _ignored
            self.guard.report("reading a chunk", error)

    def finished(self) -> None:
        """The stream is exhausted."""
        self._end("ok", self._folded())

    def broke(self, error: BaseException) -> None:
        """The call or its stream raised `error`."""
        if not self._open:
            return
        if isinstance(error, _CANCELLATIONS) or type(error).__name__ in _CANCELLATIONS_ELSEWHERE:
            self.closed()
            return
        self._error = type(error).__qualname__
        if self._pipeline is not None:
            self.guard.attempt("telling the pipeline", passed_on, self._above, error)
        attributes = self.guard.attempt("reading the error", self.call.error_attributes, error)
        self.guard.attempt("recording the error", self._fail, error, attributes or {})
        self._end("error", self._folded())

    def _fail(self, error: BaseException, attributes: Mapping[str, AttributeValue]) -> None:
        self._span.set_attributes(attributes)
        failed(self._span, error)

    def closed(self) -> None:
        """The user stopped the stream, or the call was cancelled."""
        if self._open:
            self.guard.attempt("recording the end", cancelled, self._span)
            self._end("unknown", self._folded())

    def forget(self) -> None:
        """It is another process's from now on: whatever becomes of it here, nothing is recorded."""
        self._open = False
        _CALLING.discard(self)
        self.chunk = self._take = _ignored

    def answered(self, result: object) -> None:
        """The user read the whole answer, `result`, from a response whose body was still open."""
        self._end("ok", self.guard.attempt("reading the answer", self._said, result))

    def _folded(self) -> Said | None:
        if self._fold is None or not self._open:
            return None
        return self.guard.attempt("reading the chunks", self._read_fold, self._fold)

    def _read_fold(self, fold: Fold) -> Said:
        reply, recorder = fold.reply(), self._pen.recorder
        self.guard.attempt("looking at the answer", self._look, reply)
        return _saying(Reply(reply.attributes, recorder.hold(list(reply.messages)) if recorder.wanted else ()))

    # --- the end ---

    def _end(self, outcome: str, said: Said | None = None) -> None:
        if not self._open:
            return
        self._open = False
        _CALLING.discard(self)
        self.chunk = self._take = _ignored  # they are bound to this object, which is not to wait for a collection
        ended = time.perf_counter()
        if said is not None and (self._pen.meters is not None or self._pipeline is not None):
            reply = self.guard.attempt("reading the answer", said)
            said = None if reply is None else lambda: reply
        self.guard.attempt("learning from the call", self._learn, outcome)
        # Processors of the program's run in it, which may raise, or call the model themselves.
        self.guard.attempt("ending the span", self._shut, outcome, said)
        if self._pen.meters is not None:
            self.guard.attempt("measuring", self._measure, self._pen.meters, said, ended)
        if self._owner is not None:
            self.guard.attempt("telling the outcome", self._tell_owner, self._owner, outcome)
        if self._pipeline is not None:
            self.guard.attempt("telling the pipeline", self._tell, self._pipeline, said, ended)

    def _learn(self, outcome: str) -> None:
        fixing = self._fixing
        if not fixing:
            return
        fixing.ended(outcome)
        for entry in fixing.learned:
            self._tell_of(semconv.EVENT_FIX_PROPOSED, entry, SeverityNumber.INFO)
        for entry in fixing.tripped:
            self._tell_of(semconv.EVENT_FIX_TRIPPED, entry, SeverityNumber.WARN)

    def _tell_of(self, event: str, entry: Entry, severity: SeverityNumber) -> None:
        self._pen.events.emit(
            context=current(self._span),
            severity_number=severity,
            event_name=event,
            attributes={semconv.FIX_IDS: (entry.id,), semconv.FIX_ENTRY: msgspec.json.encode(entry).decode()},
        )

    def _tell_owner(self, owner: Owner, outcome: str) -> None:
        if self._fixing:
            owner.tell(self._fixing.attributes(outcome, self._recorder_of_spans))

    def _tell(self, pipeline: Pipeline, said: Said | None, ended: float) -> None:
        request, prices = self.call.request, self._pen.prices
        body = self._fixing.body
        answer = said().attributes if said else {}
        priced = {
            semconv.PROVIDER: request.provider,
            semconv.SERVER_ADDRESS: request.host,
            semconv.REQUEST_MODEL: _model_name(body),
            **answer,
        }
        pipeline.ended(
            EndedCall(
                agent=self._agent,
                model=_model_name(body),
                seconds=ended - self._started,
                failed=self._error is not None or semconv.FAILURE_TYPE in answer,
                mended=self._fixing.count > 0,
                answer=answer,
                cost=partial(prices.usd, priced, time.time_ns()) if prices else _unpriced,
            )
        )

    def _measure(self, meters: Meters, said: Said | None, ended: float) -> None:
        fixes, body = self._fixing.count, self._fixing.body
        held_up = self._started - self.began + time.perf_counter() - ended
        meters.record(
            Landed(
                attributes={**self.call.start_attributes(body), **(said().attributes if said else {})},
                seconds=ended - self._started, first_chunk_seconds=self._first_chunk_seconds,
                error=self._error, fixes=fixes, held_up_seconds=held_up, span=self._span,
            )
        )  # fmt: skip

    def _shut(self, outcome: str, said: Said | None) -> None:
        try:  # Guard.attempt, written out
            self._close(outcome, said)
        except Exception as error:  # noqa: BLE001
            self.guard.report("closing the span", error)
        self._span.end()

    def _close(self, outcome: str, said: Said | None) -> None:
        if not self._span.is_recording():
            return
        call, recorder, prices, fixing = self.call, self._pen.recorder, self._pen.prices, self._fixing
        request = call.request
        body = fixing.body
        facts = self.guard.attempt("reading the request", call.request_attributes, body) or {}
        if fixing:
            facts.update(fixing.attributes(outcome, self._recorder_of_spans))
        if self._failure is not None:
            facts.update(self._failure.attributes)
        model = _model_name(body)
        price = partial(prices.attributes, request.provider, request.host, model) if prices else None
        account = Account(self.guard, recorder, facts, call.content, self.asked, said, price)
        if not recorder.on_events:
            complete(self._span, account.on_span)
            return
        attributes, content = account.told()
        if content:
            event = {**call.start_attributes(body), **attributes, **content}
            if fixing:
                event.update(fixing.attributes(outcome, recorder))
            self.guard.attempt("emitting the event", self._emit, event)
        self._span.set_attributes({**attributes, **content} if recorder.on_spans else attributes)

    def _emit(self, attributes: Mapping[str, AttributeValue]) -> None:
        said = getattr(self._span, "attributes", None) or {}
        on_the_way = {name: said[name] for name in _SAID_ON_THE_WAY if name in said}
        self._pen.events.emit(
            context=current(self._span),
            severity_number=SeverityNumber.DEBUG,
            event_name=semconv.EVENT_INFERENCE_DETAILS,
            attributes={**on_the_way, **attributes},
        )


def _unpriced(_within_seconds: float) -> None:
    """Nobody asks what calls cost."""


def _ignored(_chunk: object) -> None:
    """Nobody records this call: its chunks only pass by."""


def _model_name(body: Mapping[str, object]) -> str | None:
    model = body.get("model")
    return model if isinstance(model, str) else None


def _failure_in(reply: Reply, body: Mapping[str, object]) -> Failure | None:
    """What of an answer that has come whole is not as `body` demands."""
    if demands(body) and reply.messages and cut_short(reply.attributes) is None:
        return unfit(body, reply.messages)
    return None


def _saying(reply: Reply) -> Said:
    return lambda: reply


def land_all() -> None:
    """Close what is still under way when the program ends: a span that never ends is never sent."""
    for flight in _under_way():
        flight.closed()
    for land in _LANDING_TOO:
        try:
            land()
        except Exception as error:  # noqa: BLE001 - the others are to end all the same
            LOGGER.warning("what is under way could not be closed", exc_info=error, extra={"cause": f"{land}"})


def also_land(work: Callable[[], None]) -> None:
    """Have `work` close what a plugin itself has under way, whenever `land_all` does: at each end of the program."""
    if work not in _LANDING_TOO:
        _LANDING_TOO.append(work)


def _under_way() -> list[Flight]:
    while True:
        try:
            return [*_CALLING, *_UNDER_WAY]
        except RuntimeError:  # another thread took off meanwhile
            continue


def land_all_at_exit() -> None:
    """Have that done; exit handlers run last in, first out, so this must come after the provider's own."""
    atexit.unregister(land_all)
    atexit.register(land_all)


def _forget_all() -> None:
    """In a forked child: what is under way is the parent's, and its span must not be sent twice."""
    for flight in _under_way():
        flight.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
