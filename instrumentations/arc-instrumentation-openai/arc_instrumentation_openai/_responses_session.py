"""Sessions whose responses are those of the Responses API: over its own WebSocket, and those that Live delegates.

Source: OpenAI API reference: WebSocket mode of Responses, Live server events.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.trace import Span

from arc_instrumentation_openai._responses import RESPONSES
from arc_instrumentation_openai._sessions import Answering, Boarding, Departure, Peer, Session, fields
from arc_instrumentation_openai._turn import Arguments, Asked, RejectedError, Turn
from arc_instrumentation_openai._wire import get

__all__ = ["LiveSession", "ResponsesSession"]

_ENDS: Final = frozenset({"response.completed", "response.failed", "response.incomplete"})
_ENVELOPE: Final = frozenset({"type", "event_id", "stream_id"})
"""Fields of an event that are not the request's."""
_SETTINGS: Final = ("model", "temperature", "top_p", "max_output_tokens", "previous_response_id", "service_tier")


class ResponsesSession(Answering):
    """`client.responses.connect()`: responses one after the other on each lane, lanes beside each other."""

    api: ClassVar[Api] = RESPONSES
    news: ClassVar[frozenset[str]] = Session.news | _ENDS | {"response.created"}

    def __init__(self, plugin: Boarding, peer: Peer, span: Span) -> None:
        super().__init__(plugin, peer, span)
        self._laned = False

    def observe(self, event: object) -> None:
        """Take one event of the server's in."""
        kind = get(event, "type")
        if kind.__class__ is str:
            # Asking a model for a field that it lacks is slow, and most programs name no lanes.
            lane = get(event, "stream_id") if self._laned or kind in self.news else None
            self.follow(kind, event, lane if isinstance(lane, str) else None)

    def follow(self, kind: str, event: object, lane: str | None) -> None:
        """Take one event of a response on `lane` in."""
        if kind == "response.created":
            self._laned = self._laned or lane is not None
            self.created(event, lane)
        elif kind in _ENDS:
            self.done(event, lane)
        elif kind == "error":
            self._failed(event, lane)
        elif kind.startswith("response.") and (turn := self._turns.get(lane)) is not None:
            turn.take(event)

    def sending(self, event: object, lane: object = None, arguments: Arguments | None = None) -> Departure | None:
        """The response that an event `response.create` asks for."""
        if get(event, "type") != "response.create":
            return None
        values = fields(event)
        body = {name: value for name, value in values.items() if name not in _ENVELOPE}
        envelope = {name: value for name, value in values.items() if name in _ENVELOPE}
        lane = values.get("stream_id", lane)
        self._laned = self._laned or lane is not None
        if self._peer.model is None and (model := get(event, "model")) and "model" not in self._config:
            self._config["model"] = model
            self.span.set_attribute(semconv.REQUEST_MODEL, str(model))
        return self.ask(body, Asked(lane=lane), None if arguments is None else (envelope, arguments))

    def answers(self, event: object, key: object, asked: Asked) -> bool:
        """Whether the response is on the lane on which one was asked for."""
        del event
        return asked.lane == key

    def unasked_body(self, response: object) -> Mapping[str, object]:
        """What the response says of its own settings: it follows from one before it."""
        found = {name: get(response, name) for name in _SETTINGS}
        return {name: value for name, value in found.items() if value is not None}

    def _failed(self, event: object, lane: str | None) -> None:
        """An error within a response has a number in its sequence; one of a request that was not taken up has none."""
        within = self._turns.pop(lane, None) if get(event, "sequence_number") is not None else None
        turn: Turn | None = within or self._claim(event, lane) or self._turns.pop(lane, None)
        if turn is None:
            self.refused(event)
        else:
            turn.broke(RejectedError(event))


class LiveSession(ResponsesSession):
    """`client.live.connect()` and its side bands and forks: responses are what the session delegates."""

    def observe(self, event: object) -> None:
        """Take one event of the server's in; those of a delegated response are inside of others."""
        if get(event, "type") != "response.event":
            Session.observe(self, event)
            return
        inner, delegation = get(event, "event"), get(event, "delegation_id")
        if isinstance(kind := get(inner, "type"), str):
            self.follow(kind, inner, delegation if isinstance(delegation, str) else None)

    def sending(self, event: object, lane: object = None, arguments: Arguments | None = None) -> Departure | None:
        """None: what is asked for is up to the session, which tells when it begins."""
        return Session.sending(self, event, lane, arguments)

    def unasked_body(self, response: object) -> Mapping[str, object]:
        """What the session's delegation and the response say of settings."""
        delegated = get(get(self._config.get("delegation"), "responses"), "model")
        return {**({"model": delegated} if isinstance(delegated, str) else {}), **super().unasked_body(response)}
