"""How each subject is switched on: Arc here, its peers in `rivals`. All export to nowhere, in batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

PATTERNS = 1_000


class Nowhere(SpanExporter):
    """Counts spans and throws them away, once it has read what any exporter reads: some of it is worked out only then."""

    def __init__(self) -> None:
        self.count = 0
        self.recent: Sequence[ReadableSpan] = ()
        """The last two."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget `spans`, all but the last one."""
        for span in spans:
            dict(span.attributes or {})
            for event in span.events:
                dict(event.attributes or {})
        self.count += len(spans)
        self.recent = spans[-2:]
        return SpanExportResult.SUCCESS

    @property
    def last(self) -> ReadableSpan | None:
        """The span that was exported last."""
        return self.recent[-1] if self.recent else None

    def shutdown(self) -> None:
        """Nothing to do."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing waits here."""
        return True


class Mode(NamedTuple):
    """One configuration of a subject."""

    name: str
    state: Callable[[], AbstractContextManager[object]]
    flush: Callable[[], object]
    spans: Callable[[], int]
    """How many spans were exported so far."""
    content: bool = False
    calls: str = "all"
    """Which calls are measured in it: all, or the chat completion alone."""
    ask: str = "chat"
    """Method of Calls for the chat completion."""
    attributes: Callable[[], dict[str, Any]] = dict
    """Those of the span exported last."""
    said: Callable[[], str] = str
    """All that was exported of the last call, as text."""
    recent: Callable[[], Sequence[ReadableSpan]] = tuple
    """The two spans that were exported last."""
    config: Mapping[str, Any] = MappingProxyType({})
    """What a program that uses the subject hands to each run of a graph."""


def batching(*processors: Any) -> tuple[TracerProvider, Nowhere]:
    """A provider that exports to nowhere, behind `processors`."""
    provider, exporter = TracerProvider(), Nowhere()
    for processor in processors:
        provider.add_span_processor(processor)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter


def exporting(name: str, provider: Any, exporter: Nowhere, **options: Any) -> Mode:
    """The mode of a subject that is always on and exports through `provider`."""
    return Mode(name, nullcontext, provider.force_flush, lambda: exporter.count, **options)


def arc_engine(count: int) -> Any:
    """A fix engine with `count` entries and Arc's own, none of which applies; one in a hundred is for the called model."""
    from arc_runtime.fixes import DEFAULT_ENTRIES, Engine, Entry, Registry

    made = [
        Entry(id=f"bench.{i}", pattern={"model": "gpt-4.1" if i % 100 == 0 else f"m{i}", "top_p": {">": 0.5}}, fix={"seed": 1})
        for i in range(count)
    ]  # fmt: skip
    return Engine(Registry([*DEFAULT_ENTRIES, *made]))


def arc(_options: frozenset[str]) -> list[Mode]:
    """Arc, with 1,000 patterns: spans alone, with content, and in each of the ways of not recording a call."""
    from arc_instrumentation_openai import OpenAIInstrumentor
    from arc_runtime.instrumentation import Runtime
    from arc_runtime.processor import RedactingSpanProcessor
    from arc_runtime.settings import Settings
    from opentelemetry.instrumentation.utils import suppress_instrumentation
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider, exporter = batching(RedactingSpanProcessor())
    unsampled = TracerProvider(sampler=ALWAYS_OFF)
    engine = arc_engine(PATTERNS)
    plugin = OpenAIInstrumentor()

    def mode(
        name: str,
        to: Any = provider,
        within: Callable[[], Any] = nullcontext,
        capture: Any = "NO_CONTENT",
        **options: Any,
    ) -> Mode:
        runtime = Runtime.of(Settings(capture=capture))._replace(engine=engine)

        @contextmanager
        def state() -> Iterator[None]:
            plugin.instrument(skip_dep_check=True, tracer_provider=to, runtime=runtime)
            try:
                with within():
                    yield
            finally:
                plugin.uninstrument()

        content = capture != "NO_CONTENT"
        attributes = lambda: dict(exporter.last.attributes or {})  # noqa: E731
        said = lambda: exporter.last.to_json() if exporter.last else ""  # noqa: E731
        return Mode(
            name, state, provider.force_flush, lambda: exporter.count, content, attributes=attributes, said=said, **options
        )  # fmt: skip

    @contextmanager
    def off() -> Iterator[None]:
        plugin.uninstrument()
        yield
        plugin.instrument(skip_dep_check=True)

    modes = [
        mode("arc"),
        mode("arc+content", capture="SPAN_ONLY"),
        mode("arc+content, personal data", capture="SPAN_ONLY", calls="chat", ask="chat_personal"),
        mode("arc, unsampled", to=unsampled, calls="chat"),
        mode("arc, suppressed", within=suppress_instrumentation, calls="chat"),
        mode("arc, disabled", within=off, calls="chat"),
    ]
    with modes[0].state():
        pass  # what is wrapped once is wrapped now
    return modes


SUBJECTS: dict[str, Callable[[frozenset[str]], list[Mode]]] = {"arc": arc}
