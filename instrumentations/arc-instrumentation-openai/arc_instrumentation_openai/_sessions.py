"""A session over one WebSocket: its span, and which event belongs to which response.

Kept apart from how a connection is observed (`_sockets`). Nothing here refers to the connection, so that one that a
program drops goes away, and its session ends with it.

Source: OpenAI API reference: Realtime, Responses over WebSocket, Live.
"""

import asyncio
import json
import os
import re
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple, Protocol

from arc_runtime.capture import Recorder
from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Guard, also_land
from arc_runtime.instrumentation.stainless import Api
from arc_runtime.spans import cancelled, failed
from arc_semconv import attributes as semconv
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai._turn import Arguments, Asked, RejectedError, Turn
from arc_instrumentation_openai._wire import get

__all__ = ["Answering", "Boarding", "Departure", "Peer", "Session", "fields"]

Departure = tuple[Turn, Arguments | None]
"""A response whose request leaves, and the arguments to send it with where they are mended."""

_CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
_UNDER_WAY: Final["weakref.WeakSet[Session]"] = weakref.WeakSet()
_KIND_IN_TEXT: Final = re.compile(
    r'"type"\s*:\s*"((?:response|session|conversation|input_audio_buffer)\.[a-z_.]+|error)"'
)
_KIND: Final = re.compile(_KIND_IN_TEXT.pattern.encode())
_LOOKED_AT: Final = 512
"""Bytes at each end of a message in which its type is looked for: between them may be a second of sound."""
_LEFT_OUT: Final = frozenset({"Omit", "NotGiven"})
_CONFIGURED: Final = frozenset({"session.created", "session.started", "session.updated"})


class Peer(NamedTuple):
    """Who is connected to whom."""

    host: str
    provider: str
    model: str | None
    agent: str | None
    known: Mapping[str, AttributeValue]
    """Attributes that the session and its responses share: server and who asks."""


class Boarding(Protocol):
    """What a session asks of its plugin."""

    @property
    def guard(self) -> Guard:
        """Where failures of Arc's own end."""

    @property
    def recorder(self) -> Recorder:
        """What makes text of content."""

    def board(self, turn: Turn, session: Span) -> Arguments | None:
        """Open the span of `turn` below that of `session`; the arguments to send with, where they are mended."""


class Session:
    """From connecting until closing; the base knows no responses."""

    news: ClassVar[frozenset[str]] = _CONFIGURED | {"error"}
    """Events that are read even when the program parses its messages itself."""

    def __init__(self, plugin: Boarding, peer: Peer, span: Span) -> None:
        self.span = span
        self._plugin = plugin
        self._peer = peer
        self._config: dict[str, object] = {"model": peer.model} if peer.model else {}
        self.unread: bytes | str | None = None
        """The last message that was handed out as it came; the client may parse it yet."""
        self._loss: BaseException | None = None
        self._reconnects = 0
        self._open = True
        self._ending = threading.Lock()
        _UNDER_WAY.add(self)

    # --- what comes in ---

    def parsed(self, data: object, event: object) -> None:
        """The client parsed `data`; what it had parsed before, or got from elsewhere, is no news."""
        if data is self.unread:
            self.unread = None
            if self._open:
                self.observe(event)

    def settle(self) -> None:
        """Read the last message, if the program did not have the client parse it: only what has to be known of it."""
        data, self.unread = self.unread, None
        if self._open:
            self._read(data)

    def _read(self, data: bytes | str | None) -> None:
        if data is not None and self.tells(kinds_in(data)):
            self.observe(json.loads(data))

    def tells(self, kinds: Sequence[str]) -> bool:
        """Whether a message with these types in it is to be read."""
        return not self.news.isdisjoint(kinds)

    def observe(self, event: object) -> None:
        """Take one event of the server's in."""
        kind = get(event, "type")
        if kind in _CONFIGURED:
            self.configured(get(event, "session"))
        elif kind == "error":
            self.refused(event)

    def configured(self, session: object) -> None:
        """The session is set up as `session` says."""
        config = {name: value for name, value in fields(session).items() if value is not None}
        if isinstance(session_id := config.get("id"), str):
            self.span.set_attribute(semconv.SESSION_ID, session_id)
        if self._peer.model is not None:
            config["model"] = self._peer.model  # what was asked for, by whatever name it is served
        self._config.update(config)
        if isinstance(model := self._config.get("model"), str):
            self.span.set_attribute(semconv.REQUEST_MODEL, model)

    def refused(self, event: object) -> None:
        """The server refused something that is no response."""
        error = RejectedError(event)
        if isinstance(error.code, str):
            self.span.set_attribute(semconv.ERROR_CODE, error.code)
        if isinstance(error.param, str):
            self.span.set_attribute(semconv.ERROR_PARAM, error.param)

    # --- what goes out ---

    def sending(self, event: object, lane: object = None, arguments: Arguments | None = None) -> Departure | None:
        """The response that `event` asks for on `lane`, its span open; None when it asks for none.

        With `arguments`, those of the call that sends, the request may be mended.
        """
        del lane, arguments
        if get(event, "type") in ("session.start", "session.update"):
            self._config.update(fields(get(event, "session")))
        return None

    def unsent(self, turn: Turn, error: BaseException) -> None:
        """The request of `turn` could not be sent."""

    # --- the connection ---

    def lost(self, error: BaseException, *, for_good: bool) -> None:
        """The connection broke with `error`, `for_good` when the client will not connect again."""
        self.settle()
        self._loss = None if _is_normal(error) else error
        if (code := get(get(error, "rcvd"), "code")) is not None:
            self.span.set_attribute(semconv.SESSION_CLOSE_CODE, code)
        self.drop(self._loss)
        if for_good:
            self.ended()

    def reconnected(self) -> None:
        """The client has connected again."""
        self._loss = None
        self._reconnects += 1

    def failing(self, error: BaseException | None) -> None:
        """The program leaves the session with `error`, if there is one."""
        self._loss = error or self._loss

    def drop(self, error: BaseException | None) -> None:
        """End the responses under way: with `error`, or as stopped."""

    def ended(self) -> None:
        """The session is over."""
        self._end()

    def abandoned(self) -> None:
        """Nobody closed the session: it was dropped, or the program ends."""
        if self._open:
            self._plugin.guard.attempt("recording the end", cancelled, self.span)
            self._end()

    def __del__(self) -> None:
        if "_ending" in self.__dict__:
            self.abandoned()

    def _end(self) -> None:
        with self._ending:
            if not self._open:
                return
            self._open = False
            last, self.unread = self.unread, None
        # Outside of the lock: processors of the program's run in all of it, and may close the connection themselves.
        guard = self._plugin.guard
        guard.attempt("reading an event", self._read, last)
        guard.attempt("closing the session", self._close)
        guard.attempt("ending the session", self.span.end)

    def forget(self) -> None:
        """It is another process's from now on: whatever becomes of it here, nothing is recorded."""
        self._open = False
        self._ending = threading.Lock()  # the other process may hold the one there was

    def _close(self) -> None:
        error = self._loss
        self.drop(error)
        if not self.span.is_recording():
            return
        if self._reconnects:
            self.span.set_attribute(semconv.SESSION_RECONNECTS, self._reconnects)
        recorder = self._plugin.recorder
        if recorder.on_spans:
            self.span.set_attributes({name: recorder.messages(found) for name, found in self.content().items()})
        if isinstance(error, _CANCELLATIONS):
            cancelled(self.span)
        elif error is not None:
            failed(self.span, error)

    def content(self) -> Mapping[str, Sequence[object]]:
        """Content of the session itself, by attribute name."""
        return {}


class Answering(Session, ABC):
    """A session in which the model answers: responses that were asked for, and those under way by key."""

    api: ClassVar[Api]

    def __init__(self, plugin: Boarding, peer: Peer, span: Span) -> None:
        super().__init__(plugin, peer, span)
        self._asked: list[Turn] = []
        self._turns: dict[object, Turn] = {}

    def tells(self, kinds: Sequence[str]) -> bool:
        """Beside what begins and ends a response, its first piece counts: so long did the answer take to come."""
        return super().tells(kinds) or (
            bool(kinds) and kinds[0].startswith("response.") and any(not turn.begun for turn in self._turns.values())
        )

    def ask(
        self, body: Mapping[str, object], asked: Asked, sent: tuple[Mapping[str, object], Arguments] | None = None
    ) -> Departure:
        """A response that the program asks for, its span open; it may be mended where it is `sent` from here."""
        turn = Turn(self.api, self._request(body, mendable=sent is not None), self._peer.known, asked=asked,
                    history=self.history())  # fmt: skip
        if sent is not None:
            turn.sent_as(*sent)
        self._asked.append(turn)  # before it leaves: another thread may have the answer before this one goes on
        return turn, self._plugin.board(turn, self.span)

    def created(self, event: object, key: object) -> None:
        """The server begins a response: one that was asked for, or one of its own accord."""
        turn = self._claim(event, key)
        if turn is not None:
            turn.take(event)
        else:
            body = self.unasked_body(get(event, "response"))
            turn = Turn(self.api, self._request(body, mendable=False), self._peer.known, history=self.history())
            turn.opening = event
            self._plugin.board(turn, self.span)
        if (former := self._turns.pop(key, None)) is not None:
            former.closed()
        self._turns[key] = turn

    def done(self, event: object, key: object) -> None:
        """A response has come to its end; one that is not under way is no news."""
        turn = self._turns.pop(key, None) or self._claim(event, key)
        if turn is not None:
            turn.take(event)
            turn.finished()

    def _claim(self, event: object, key: object) -> Turn | None:
        for turn in self._asked:
            if self.answers(event, key, turn.asked):
                self._asked.remove(turn)
                return turn
        return None

    @abstractmethod
    def answers(self, event: object, key: object, asked: Asked) -> bool:
        """Whether the first event of a response answers what was `asked`."""

    @abstractmethod
    def unasked_body(self, response: object) -> Mapping[str, object]:
        """The request that a response of the server's own accord would have had."""

    def history(self) -> Sequence[object]:
        """Messages that a response without input of its own answers."""
        return ()

    def _request(self, body: Mapping[str, object], *, mendable: bool) -> Request:
        # What can't be changed any more goes by a name for which the engine has no fields to change.
        name = self.api.name if mendable else f"{self.api.name}.sent"
        peer = self._peer
        return Request(body=body, provider=peer.provider, api=name, host=peer.host, stream=True, agent=peer.agent)

    def unsent(self, turn: Turn, error: BaseException) -> None:
        """The request could not be sent."""
        if turn in self._asked:
            self._asked.remove(turn)
        turn.broke(error)

    def drop(self, error: BaseException | None) -> None:
        """End the responses under way: with `error`, or as stopped."""
        turns = [*self._asked, *self._turns.values()]
        self._asked.clear()
        self._turns.clear()
        for turn in turns:
            if error is None:
                turn.closed()
            else:
                turn.broke(error)


def fields(event: object) -> dict[str, object]:
    """An event, or a part of one, as JSON values by name; empty when it is neither mapping nor model."""
    if isinstance(event, Mapping):
        # The client's resources pass what the caller left out as marks, and drop them where they make JSON of it.
        return {name: value for name, value in event.items() if type(value).__name__ not in _LEFT_OUT}
    dump = getattr(event, "model_dump", None)
    return dump(mode="json", by_alias=True, exclude_unset=True, warnings=False) if callable(dump) else {}


def kinds_in(data: bytes | str) -> list[str]:
    """The types of events that stand near the beginning of a message, else near its end, without reading it."""
    if isinstance(data, str):
        found = _KIND_IN_TEXT.findall(data, 0, _LOOKED_AT)
        return found or _KIND_IN_TEXT.findall(data, max(0, len(data) - _LOOKED_AT))
    kinds = _KIND.findall(data, 0, _LOOKED_AT) or _KIND.findall(data, max(0, len(data) - _LOOKED_AT))
    return [kind.decode() for kind in kinds]


def _is_normal(error: BaseException) -> bool:
    """Whether `error` says that the connection was closed as agreed (websockets: codes 1000 and 1001)."""
    return any(kind.__name__ == "ConnectionClosedOK" for kind in type(error).__mro__)


def _land_all() -> None:
    for session in list(_UNDER_WAY):
        session.abandoned()


def _forget_all() -> None:
    """In a forked child: the sessions are the parent's, and their spans must not be sent twice."""
    for session in list(_UNDER_WAY):
        session.forget()


also_land(_land_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
