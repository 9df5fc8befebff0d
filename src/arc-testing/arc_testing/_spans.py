"""Finished spans, kept in memory behind Arc's redaction, and their tree as text."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from arc_runtime.instrumentation import ArcInstrumentor, Runtime
from arc_runtime.processor import RedactingLogProcessor, RedactingSpanProcessor
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ["SpanStore", "tree"]


Plugin = TypeVar("Plugin", bound=ArcInstrumentor)


class SpanStore:
    """Providers of spans and log records that keep what they are given, as an exporter would get it."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.tracer_provider = TracerProvider()
        # The exporter comes first on purpose: redaction must not depend on the order.
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer_provider.add_span_processor(RedactingSpanProcessor())
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(RedactingLogProcessor())
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @contextmanager
    def told_by(self, plugin: Plugin) -> Iterator[Callable[..., Plugin]]:
        """A function that switches `plugin` on with the `Settings` it is given; switched off again at the end."""

        def switch_on(**settings: Any) -> Plugin:
            plugin.instrument(
                skip_dep_check=True,
                tracer_provider=self.tracer_provider,
                logger_provider=self.logger_provider,
                runtime=Runtime.of(Settings(**settings)),
            )
            return plugin

        try:
            yield switch_on
        finally:
            plugin.uninstrument()

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The finished spans, in the order they ended."""
        return self._spans.get_finished_spans()

    @property
    def only(self) -> ReadableSpan:
        """The one span there is; AssertionError when there is none, or more."""
        (span,) = self.spans
        return span

    @property
    def logs(self) -> Sequence[object]:
        """The log records emitted."""
        return [data.log_record for data in self._logs.get_finished_logs()]

    @property
    def tree(self) -> str:
        """The spans as one line of nested names, siblings by start."""
        return tree(self.spans)

    def clear(self) -> None:
        """Forget them."""
        self._spans.clear()
        self._logs.clear()


def tree(spans: Sequence[ReadableSpan]) -> str:
    """`spans` as nested names: `job(run(chat) run!)`; `!` is an error, `:state` a state that is none."""
    children: dict[int | None, list[ReadableSpan]] = {}
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        children.setdefault(span.parent.span_id if span.parent else None, []).append(span)

    def show(parent: int | None) -> str:
        return " ".join(_name(span) + _nested(show(_id(span))) for span in children.get(parent, []))

    return show(None)


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def _nested(inner: str) -> str:
    return f"({inner})" if inner else ""


def _name(span: ReadableSpan) -> str:
    state = (span.attributes or {}).get(semconv.RUN_STATE)
    return f"{span.name}{'!' if span.status.status_code.name == 'ERROR' else ''}{f':{state}' if state else ''}"
