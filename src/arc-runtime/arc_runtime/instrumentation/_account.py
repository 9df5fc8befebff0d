"""What is told of a model call once its span is read: worked out then, from what was kept of the call."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from arc_semconv import attributes as semconv
from opentelemetry.util.types import AttributeValue

from arc_runtime.capture import Recorder
from arc_runtime.fixes import cut_short
from arc_runtime.instrumentation._guard import Guard

__all__ = ["Account", "Attributes", "Content", "Facts", "Reply", "Said"]

Attributes = dict[str, AttributeValue]


class Reply(NamedTuple):
    """What a model answered."""

    attributes: Attributes
    messages: Sequence[object]
    """GenAI output messages; only read when content is recorded."""


Facts = Callable[[Mapping[str, object]], Attributes]
"""Of a request body, content apart."""
Content = Callable[[Mapping[str, object]], Mapping[str, Sequence[object]]]
"""Content of a request body by attribute name, as JSON values."""
Said = Callable[[], Reply]
"""What was answered, worked out when it is asked for."""


Price = Callable[[Mapping[str, AttributeValue]], Mapping[str, AttributeValue]]
"""What an answer with these attributes costs, as attributes."""


class Account(NamedTuple):
    """All that a finished call leaves behind; nothing in it changes any more."""

    guard: Guard
    recorder: Recorder
    facts: Attributes
    """What is known of request and fixes, content apart."""
    content: Content
    asked: Mapping[str, object]
    """A copy of the content of the request; empty when content is not recorded."""
    said: Said | None
    """None when there was no answer."""
    price: Price | None
    """None when nobody asks what calls cost."""

    def on_span(self) -> Attributes:
        """The attributes of the span."""
        attributes, content = self.told()
        if self.recorder.on_spans:
            attributes.update(content)
        return attributes

    def told(self) -> tuple[Attributes, Attributes]:
        """What is known of the call, and its content as recorded (redacted, cut); what can't be read is left out."""
        attributes = dict(self.facts)
        reply = self.guard.attempt("reading the answer", self.said) if self.said else None
        if reply is not None:
            attributes.update(reply.attributes)
            if semconv.FAILURE_TYPE not in attributes and (
                failure := self.guard.attempt("telling how it ended", cut_short, attributes)
            ):
                attributes.update(failure.attributes)
            if self.price:
                attributes.update(self.guard.attempt("pricing", self.price, reply.attributes) or {})
        return attributes, self._recorded(reply) if self.recorder.wanted else {}

    def _recorded(self, reply: Reply | None) -> Attributes:
        content = dict(self.guard.attempt("reading the request", self.content, self.asked) or {})
        if reply is not None and reply.messages:
            content[semconv.OUTPUT_MESSAGES] = reply.messages
        record = self.recorder.messages
        recorded = {name: self.guard.attempt("recording content", record, said) for name, said in content.items()}
        return {name: text for name, text in recorded.items() if text is not None}
