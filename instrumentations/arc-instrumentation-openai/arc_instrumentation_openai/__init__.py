"""Model calls of the OpenAI client as spans, and known failures mended before they leave.

Everything the client sends by HTTP goes through one method, `request`; wrapping it there covers raw responses, clients
made before instrumentation and Azure alike. Sessions over a WebSocket are observed at their connection (`_sockets`).
"""

from arc_runtime.capture import Recorder
from arc_runtime.instrumentation import Target
from arc_runtime.instrumentation.stainless import StainlessInstrumentor
from arc_runtime.spans import within
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.trace import INVALID_SPAN, Span

from arc_instrumentation_openai import _langfuse
from arc_instrumentation_openai._call import describe
from arc_instrumentation_openai._sessions import Peer, Session
from arc_instrumentation_openai._sockets import Sockets
from arc_instrumentation_openai._turn import Arguments, Turn

__all__ = ["OpenAIInstrumentor"]


class OpenAIInstrumentor(StainlessInstrumentor):
    """Instruments `openai.OpenAI`, `AsyncOpenAI` and their Azure twins: every model call, whole and streamed."""

    distribution = "arc-instrumentation-openai"
    library = "openai"
    targets = (
        Target("openai._base_client:SyncAPIClient.request", describe),
        Target("openai._base_client:AsyncAPIClient.request", describe),
    )

    @property
    def recorder(self) -> Recorder:
        """What makes text of content."""
        return self.pen.recorder

    def open_session(self, kind: type[Session], peer: Peer, api: str) -> Session:
        """A session of `kind` with `peer`, its span open unless nothing is to be recorded."""
        span: Span = INVALID_SPAN
        if self.writes_spans and is_instrumentation_enabled():
            attributes = {semconv.PROVIDER: peer.provider, semconv.REQUEST_API: api, **peer.known}
            if peer.model is not None:
                attributes[semconv.REQUEST_MODEL] = peer.model
            span = self.pen.spans.open(Kind.RUN, peer.agent, attributes)
        return kind(self, peer, span)

    def board(self, turn: Turn, session: Span) -> Arguments | None:
        """Open the span of `turn` below that of its session; the arguments to send with, where they are mended."""
        # A session that is not recorded is not so in part: what goes on in it may be outside of what suppressed it.
        with suppress_instrumentation() if session is INVALID_SPAN else within(session):
            target = Target("", lambda _instance, _args, _kwargs: turn)
            flight = self._boarded(target, None, (), {})
            if flight is None:
                return None
            flight.landed(None)  # no answer yet: the turn is handed the flight, to tell it of each event
            return flight.arguments

    def hook(self) -> None:
        """Wrap what every such client has, and what sessions and others go through."""
        super().hook()
        Sockets(self).hook()
        self.when_imported("langfuse", _langfuse.follow)
