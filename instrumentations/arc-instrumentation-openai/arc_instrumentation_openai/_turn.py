"""One response inside a session: a model call whose request and answer are events of one connection."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Attributes, Content, Facts, Fold, Hold, ModelCall, Said, Watcher
from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_openai._wire import get

__all__ = ["Arguments", "Asked", "RejectedError", "Turn"]

Arguments = tuple[tuple[object, ...], dict[str, object]]


class RejectedError(Exception):
    """The provider answered a request with an event `error`; nothing is raised in the program."""

    def __init__(self, event: object) -> None:
        error = get(event, "error") or event
        self.code: object = get(error, "code") or get(error, "type")
        self.param: object = get(error, "param")
        self.status_code: object = get(event, "status")
        super().__init__(f"{self.code}: {get(error, 'message')}")


class Asked(NamedTuple):
    """By what the request of a response is told from others; all of it empty when the server began by itself."""

    lane: object = None
    event_id: object = None
    metadata: object = None


NOT_ASKED: Final = Asked()


class Turn(ModelCall):
    """A response from its request, or its first event, to its last."""

    def __init__(
        self,
        api: Api,
        request: Request,
        known: Mapping[str, AttributeValue],
        *,
        asked: Asked = NOT_ASKED,
        history: Sequence[object] = (),
    ) -> None:
        self.asked = asked
        self.watcher: Watcher | None = None
        self.begun = False
        """Whether an event of the answer was seen."""
        self.opening: object = None
        """The event by which the server began of its own accord: no part of the answer, but it names it."""
        self._api = api
        self._request = request
        self._known = known
        self._history = history
        self._sent: tuple[Mapping[str, object], Arguments] | None = None

    def sent_as(self, envelope: Mapping[str, object], arguments: Arguments) -> None:
        """Note the call that sends the request: its event is `envelope` and the request's body."""
        self._sent = (envelope, arguments)

    # --- the request, as a model call ---

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""
        return self._request

    def with_body(self, body: Mapping[str, object]) -> Arguments:
        """The arguments of the call that sends, with `body` in the event; the caller's event stays as it is."""
        if self._sent is None:
            raise ValueError("this request has left already")
        envelope, (args, kwargs) = self._sent
        event = {**envelope, **body}
        return (args, {**kwargs, "event": event}) if "event" in kwargs else ((event, *args[1:]), kwargs)

    def start_attributes(self, body: Mapping[str, object]) -> Attributes:
        """Operation, provider, server, who asks, and the model."""
        attributes = {semconv.OPERATION: self._api.operation, semconv.PROVIDER: self._request.provider, **self._known}
        if isinstance(model := body.get("model"), str):
            attributes[semconv.REQUEST_MODEL] = model
        return attributes

    @property
    def request_attributes(self) -> Facts:
        """Parameters and the kind of API."""
        return partial(_streamed, self._api.request_attributes)

    @property
    def content_fields(self) -> Sequence[str]:
        """Those of the API."""
        return self._api.content_fields

    @property
    def content(self) -> Content:
        """Messages and tool definitions; the conversation so far where the request has no input of its own."""
        return partial(_after, tuple(self._history), self._api.request_content)

    def error_attributes(self, error: BaseException) -> Attributes:
        """Status, code and parameter of an event `error`."""
        attributes: Attributes = {}
        if isinstance(error, RejectedError):
            if isinstance(error.status_code, int):
                attributes[semconv.HTTP_STATUS_CODE] = error.status_code
            if isinstance(error.code, str):
                attributes[semconv.ERROR_CODE] = error.code
            if isinstance(error.param, str):
                attributes[semconv.ERROR_PARAM] = error.param
        return attributes

    def reply(self, result: object, hold: Hold | None) -> Said:
        """What a whole response says."""
        return partial(self._api.reply, result if hold is None else hold(result))

    def fold(self) -> Fold:
        """A fold over the events of the answer."""
        fold = self._api.fold(self._request.body)
        if self.opening is not None:
            fold.add(self.opening)
        return fold

    # --- the answer, as a stream ---

    def watch(self, _result: object, watcher: Watcher) -> bool:
        """Have `watcher` told of the answer, which is still to come."""
        self.watcher = watcher
        return True

    def take(self, event: object) -> None:
        """One event of the answer."""
        self.begun = True
        if self.watcher is not None:
            self.watcher.chunk(event)

    def finished(self) -> None:
        """The response is there."""
        if watcher := self._leave():
            watcher.finished()

    def broke(self, error: BaseException) -> None:
        """The response failed, or the connection did."""
        if watcher := self._leave():
            watcher.broke(error)

    def closed(self) -> None:
        """The program stopped before its end."""
        if watcher := self._leave():
            watcher.closed()

    def _leave(self) -> Watcher | None:
        # The watcher holds this object: letting go of it leaves no cycle behind.
        watcher, self.watcher = self.watcher, None
        return watcher


def _streamed(facts: Facts, body: Mapping[str, object]) -> Attributes:
    return {**facts(body), semconv.REQUEST_STREAM: True}


def _after(history: Sequence[object], content: Content, body: Mapping[str, object]) -> Mapping[str, Sequence[object]]:
    said = content(body)
    return {semconv.INPUT_MESSAGES: history, **said} if history else said
