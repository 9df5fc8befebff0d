"""Sessions of the Realtime API: one conversation, its configuration, and responses that the server may begin itself.

Source: OpenAI API reference, realtime client and server events.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.trace import Span

from arc_instrumentation_openai import _realtime
from arc_instrumentation_openai._realtime import REALTIME
from arc_instrumentation_openai._sessions import Answering, Boarding, Departure, Peer, Session, fields
from arc_instrumentation_openai._turn import Arguments, Asked, RejectedError
from arc_instrumentation_openai._wire import get, items

__all__ = ["RealtimeSession"]

_REMEMBERED: Final = 128
"""Messages of a conversation that are kept for the content of later responses."""
_SOUND: Final = frozenset({"response.audio.delta", "response.output_audio.delta"})
_HEARD: Final = "conversation.item.input_audio_transcription.completed"


class RealtimeSession(Answering):
    """`client.realtime.connect()` and `client.beta.realtime.connect()`."""

    api: ClassVar[Api] = REALTIME
    news: ClassVar[frozenset[str]] = Session.news | {
        "response.created", "response.done", "input_audio_buffer.committed", "conversation.item.deleted", _HEARD,
    }  # fmt: skip

    def __init__(self, plugin: Boarding, peer: Peer, span: Span) -> None:
        super().__init__(plugin, peer, span)
        self._conversation: deque[dict[str, object]] = deque(maxlen=_REMEMBERED)
        self._named: dict[object, dict[str, object]] = {}
        self._committed: deque[dict[str, object]] = deque(maxlen=_REMEMBERED)
        """What the program said aloud, before the server has given it a name."""
        self._sound_bytes = 0

    # --- what comes in ---

    def observe(self, event: object) -> None:
        """Take one event of the server's in."""
        kind = get(event, "type")
        if kind.__class__ is not str:
            return
        if kind not in self.news:
            if kind.startswith("response.") and self._turns:
                turn = self._turns.get(_key(get(event, "response_id")))
                if turn is not None and not (turn.begun and kind in _SOUND):
                    turn.take(event)
        elif kind == "response.created":
            self.created(event, _key(get(get(event, "response"), "id")))
        elif kind == "response.done":
            self._answered(event)
        elif kind == "error":
            self._failed(event)
        elif kind in Session.news:
            super().observe(event)
        elif self._plugin.recorder.wanted:
            self._overhear(kind, event)

    def configured(self, session: object) -> None:
        """The session is set up as `session` says."""
        super().configured(session)
        attributes = self.api.request_attributes(self._config)
        attributes.pop(semconv.REQUEST_API)  # that of a response; the session has its own
        self.span.set_attributes(attributes)

    def _answered(self, event: object) -> None:
        response = get(event, "response")
        conversation = get(response, "conversation_id")
        if isinstance(conversation, str):
            self.span.set_attribute(semconv.CONVERSATION_ID, conversation)
        self.done(event, _key(get(response, "id")))
        # A response out of band is no part of the conversation.
        if conversation is not None and self._plugin.recorder.wanted and items(response, "output"):
            self._remember(get(response, "id"), _realtime.spoken(response))

    def _failed(self, event: object) -> None:
        error = get(event, "error")
        told = get(error, "event_id")
        for turn in self._asked:
            if turn.asked.event_id == told and (told is not None or _is_of_response(error)):
                self._asked.remove(turn)
                turn.broke(RejectedError(event))
                return
        self.refused(event)

    def _overhear(self, kind: str, event: object) -> None:
        item_id = get(event, "item_id")
        if kind == "input_audio_buffer.committed":
            self._name(item_id, self._committed.popleft() if self._committed else self._spoken_by_user())
        elif kind == _HEARD:
            transcript = {"type": "text", "content": get(event, "transcript")}
            if (message := self._named.get(item_id)) is not None:
                message["parts"] = [transcript]
            else:
                self._remember(item_id, {"role": "user", "parts": [transcript]})
        elif (message := self._named.pop(item_id, None)) is not None and message in self._conversation:
            self._conversation.remove(message)

    def _spoken_by_user(self) -> dict[str, object]:
        message: dict[str, object] = {"role": "user", "parts": [_realtime.sound(self._sound_bytes)]}
        self._sound_bytes = 0
        self._conversation.append(message)
        return message

    def _remember(self, item_id: object, message: dict[str, object]) -> None:
        held = self._plugin.recorder.hold(message)
        self._conversation.append(held)
        self._name(item_id, held)

    def _name(self, item_id: object, message: dict[str, object]) -> None:
        if isinstance(item_id, str):
            self._named[item_id] = message
            if len(self._named) > _REMEMBERED:
                del self._named[next(iter(self._named))]

    # --- what goes out ---

    def sending(self, event: object, lane: object = None, arguments: Arguments | None = None) -> Departure | None:
        """The response that an event `response.create` asks for."""
        del lane, arguments  # no fix is for realtime
        kind = get(event, "type")
        if kind == "response.create":
            given = fields(get(event, "response"))
            return self.ask({**self._config, **given}, Asked(None, get(event, "event_id"), given.get("metadata")))
        if kind == "session.update":
            self._config.update(fields(get(event, "session")))
        elif self._plugin.recorder.wanted:
            if kind == "input_audio_buffer.append":
                self._sound_bytes += _realtime.audio_size(get(event, "audio"))
            elif kind == "input_audio_buffer.commit":
                self._committed.append(self._spoken_by_user())
            elif kind == "conversation.item.create":
                item = get(event, "item")
                self._remember(get(item, "id"), _realtime.message(item))
        return None

    def answers(self, event: object, key: object, asked: Asked) -> bool:
        """Whether the response repeats the metadata that was asked for with, the one mark that it bears."""
        del key
        return (get(get(event, "response"), "metadata") or None) == (asked.metadata or None)

    def unasked_body(self, response: object) -> Mapping[str, object]:
        """The session's configuration: the server began when it heard the user come to an end."""
        del response
        return dict(self._config)

    def history(self) -> Sequence[object]:
        """The conversation so far; what is heard of it later changes nothing here."""
        return [dict(message) for message in self._conversation]

    def content(self) -> Mapping[str, Sequence[object]]:
        """Configuration and conversation, with what was heard only after it was answered."""
        found: dict[str, Sequence[object]] = dict(self.api.request_content(self._config))
        said = [message for message in self._conversation if message["role"] == "assistant"]
        heard = [message for message in self._conversation if message["role"] != "assistant"]
        if heard:
            found[semconv.INPUT_MESSAGES] = heard
        if said:
            found[semconv.OUTPUT_MESSAGES] = said
        return found


def _key(response_id: object) -> str | None:
    return response_id if isinstance(response_id, str) else None


def _is_of_response(error: Any) -> bool:
    """Whether an error that names no event tells of a `response.create`."""
    return any("response" in str(get(error, field)) for field in ("code", "param"))
