"""The last word on every span and log record: personal data and secrets are out before any exporter sees them.

The work is done in `_on_ending`, in place. `SpanProcessor.on_end` would be too late: it runs in the order of
registration, so an exporter that the program added first would see the raw span. What `_on_ending` changes is what
every processor gets. The SDK has frozen the attributes by then (opentelemetry-python issue 5614), so their dict is
edited below the public surface; where the SDK's insides are not as expected the content is dropped, not sent.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final

from arc_semconv import attributes as semconv
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status, StatusCode
from opentelemetry.util.types import AnyValue

from arc_runtime._stderr import LOGGER
from arc_runtime.fixes import Engine, Request
from arc_runtime.redaction import Tally, in_force, is_clean, scrub, scrub_item, tells
from arc_runtime.spans import LateAttributes, LateLinks

__all__ = ["RedactingLogProcessor", "RedactingSpanProcessor", "SuggestingSpanProcessor", "redact_resource"]

_DROPPED: Final = "<REDACTION FAILED>"
_UNREDACTED: Final = "a span could not be redacted; its content was dropped"
_CUT_END: Final = re.compile(r"[\d .()+-]*\S{0,4096}\Z")
_SAFE_WHEN_FAILED: Final = frozenset({semconv.SPAN_KIND, semconv.OPERATION, semconv.RUN_STATE})


class RedactingSpanProcessor(SpanProcessor):
    """Redacts each span as it ends: name, attributes, events, links and status."""

    def __init__(self, on_shutdown: Callable[[], None] | None = None) -> None:
        self._on_shutdown = on_shutdown

    def _on_ending(self, span: Span) -> None:
        try:
            _redact_span(span)
        except Exception as error:  # noqa: BLE001 - fail closed: whatever went wrong, nothing raw is sent
            _empty_span(span)
            _say(_UNREDACTED, error)

    def shutdown(self) -> None:
        """Tell who asked to know that the provider shuts down; processors added later still hold spans then."""
        if self._on_shutdown is not None:
            self._on_shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits here
        """Nothing waits here."""
        return True


class SuggestingSpanProcessor(SpanProcessor):
    """The engine's second door: says on the spans of others' model calls which entries match what they tell.

    Their calls do not pass Arc's choke points, so nothing is changed. An entry that looks at a field which the span
    does not tell is left out.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        """`engine` gives the engine of this process once it is needed."""
        self._engine = engine

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Look at `span`, where it stands for a model call that is not Arc's."""
        self._look(span)

    def _on_ending(self, span: Span) -> None:
        # Some say what was asked once there is an answer; and what Arc has applied meanwhile is no suggestion any more.
        self._look(span, ends=True)

    def _look(self, span: Span, *, ends: bool = False) -> None:
        held = getattr(span, "_attributes", None)
        if isinstance(held, LateAttributes):  # Arc's own: to look would be to work them out, in the program's time
            return
        attributes = getattr(held, "_dict", None)
        if not attributes:
            return
        try:
            if semconv.SPAN_KIND not in attributes:
                if attributes.get(semconv.OPERATION) in _APIS:
                    found = self._engine().suggestions(_request_of(attributes), _SEEN)
                    _suggest(_bounded(held), found)
            elif ends and semconv.FIX_IDS in attributes:  # of a call that a plugin of Arc's has seen too
                _suggest(_bounded(held), attributes.get(semconv.FIX_SUGGESTED) or ())
                _settle(_bounded(held), span.status.status_code)
        except Exception as error:  # noqa: BLE001 - the program that starts the span is not to hear of it
            _say("a span could not be looked at for fixes", error)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits here
        """Nothing waits here."""
        return True


def _suggest(attributes: BoundedAttributes, found: Iterable[str]) -> None:
    """Have a span suggest the entries `found`, but for those that were applied to its call."""
    applied: Any = attributes.get(semconv.FIX_IDS)
    suggested = tuple(one for one in found if one not in (applied or ()))
    with attributes._lock:  # noqa: SLF001 - the SDK has frozen them when the span ends
        if suggested:
            attributes._dict[semconv.FIX_SUGGESTED] = suggested  # noqa: SLF001
        elif applied is not None:
            attributes._dict.pop(semconv.FIX_SUGGESTED, None)  # noqa: SLF001


def _settle(attributes: BoundedAttributes, status: StatusCode) -> None:
    """Have a span that ends before Arc knows how its call went say so of the fix, as far as it knows itself."""
    if status is not StatusCode.UNSET and attributes.get(semconv.FIX_OUTCOME) == "unknown":
        with attributes._lock:  # noqa: SLF001 - as above
            attributes._dict[semconv.FIX_OUTCOME] = "error" if status is StatusCode.ERROR else "ok"  # noqa: SLF001


_APIS: Final = {"chat": "chat.completions", "text_completion": "completions", "embeddings": "embeddings"}
_FIELDS: Final = {
    semconv.REQUEST_MODEL: "model",
    semconv.REQUEST_TEMPERATURE: "temperature",
    semconv.REQUEST_TOP_P: "top_p",
    semconv.REQUEST_TOP_K: "top_k",
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_STOP_SEQUENCES: "stop",
    semconv.REQUEST_FREQUENCY_PENALTY: "frequency_penalty",
    semconv.REQUEST_PRESENCE_PENALTY: "presence_penalty",
    semconv.REQUEST_SEED: "seed",
    semconv.REQUEST_CHOICE_COUNT: "n",
}
"""Fields of a request that spans tell, by attribute."""
_SEEN: Final = frozenset({*_FIELDS.values(), "$provider", "$api", "$host"})


def _request_of(attributes: Mapping[str, AnyValue]) -> Request:
    body = {field: attributes[name] for name, field in _FIELDS.items() if name in attributes}
    provider = str(attributes.get(semconv.PROVIDER) or attributes.get("gen_ai.system") or "")
    api = "messages" if provider == "anthropic" else _APIS[str(attributes.get(semconv.OPERATION))]
    return Request(body, provider, api, str(attributes.get(semconv.SERVER_ADDRESS) or ""), stream=False)


class RedactingLogProcessor(LogRecordProcessor):
    """Redacts each log record and event; logs have no `_on_ending`, so it must be the first processor there is."""

    def __init__(self, on_shutdown: Callable[[], None] | None = None) -> None:
        self._on_shutdown = on_shutdown

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Redact body and attributes in place."""
        record = log_record.log_record
        try:
            _redact_scope(log_record.instrumentation_scope)
            tally = Tally()
            record.body = scrub(record.body, tally)  # type: ignore[assignment]
            record.event_name = scrub(record.event_name, tally)  # type: ignore[assignment]
            record.severity_text = scrub(record.severity_text, tally)  # type: ignore[assignment]
            if record.attributes:
                record.attributes = scrub(dict(record.attributes), tally)  # type: ignore[assignment]
            if tally:
                _measure(tally)
        except Exception as error:  # noqa: BLE001 - as above
            record.body = record.event_name = record.severity_text = _DROPPED
            record.attributes = {}
            log_record.instrumentation_scope = InstrumentationScope(_DROPPED)
            _say("a log record could not be redacted; it was emptied", error)

    def shutdown(self) -> None:
        """Tell who asked to know that the provider shuts down."""
        if self._on_shutdown is not None:
            self._on_shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits here
        """Nothing waits here."""
        return True


_said: Final[set[str]] = set()


def _say(what: str, error: Exception) -> None:
    """Log it, once in the process for each kind of error; never raises."""
    with suppress(Exception):  # a handler of the program's may raise, and the stack may have no room left
        if type(error).__name__ not in _said:
            _said.add(type(error).__name__)
            LOGGER.error(what, exc_info=error, extra={"cause": "redaction"})


def redact_resource(resource: Resource) -> None:
    """Redact the attributes of `resource` (a command line may hold a key) in place."""
    _redact_attributes(resource._attributes, Tally())  # noqa: SLF001 - the provider hands this object to every span


def _redact_span(span: Span) -> None:
    attributes = span._attributes  # noqa: SLF001
    _redact_scope(span._instrumentation_scope)  # noqa: SLF001
    tally = _redact_around(span)
    if isinstance(attributes, LateAttributes):
        attributes.finish(partial(_finish_late, tally=tally) if tally else _finish_late)
    else:
        _finish(_bounded(attributes), tally)


def _redact_scope(scope: InstrumentationScope | None) -> None:
    """Redact what the program calls its tracer or logger, in place: every span of that tracer has this very object."""
    if scope is None:
        return
    if not is_clean(scope._name):  # noqa: SLF001
        scope._name = str(scrub(scope._name, Tally()))  # noqa: SLF001
    if not is_clean(scope._version):  # noqa: SLF001
        scope._version = str(scrub(scope._version, Tally()))  # noqa: SLF001
    if scope._attributes:  # noqa: SLF001
        _redact_attributes(scope._attributes, Tally())  # noqa: SLF001


def _redact_around(span: Span) -> Tally | None:
    """Redact all of `span` but its attributes and late links; None when there was nothing to count."""
    events, links, status = span._events, span._links, span._status  # noqa: SLF001
    late = type(links) is LateLinks
    if not events and (late or not links) and status.description is None and is_clean(span._name):  # noqa: SLF001
        return None
    tally = Tally()
    span._name = str(scrub(span._name, tally))  # noqa: SLF001
    for event in events or ():
        event._name = str(scrub(event._name, tally))  # noqa: SLF001
        _redact_attributes(event._attributes, tally)  # noqa: SLF001
    if not late:
        _redact_links(links, tally)
    _redact_status(span, tally)
    return tally


def _redact_links(links: Iterable[Link], tally: Tally) -> None:
    for link in links or ():
        _redact_attributes(link._attributes, tally)  # noqa: SLF001


def _finish(attributes: BoundedAttributes, tally: Tally | None) -> None:
    """Redact `attributes`, and count what was found there and, in `tally`, elsewhere in the span."""
    tally = Tally() if tally is None else tally
    _redact_attributes(attributes, tally)
    if tally:
        _count(attributes, tally)


def _finish_late(attributes: BoundedAttributes, links: Sequence[Link], tally: Tally | None = None) -> None:
    """The same when they are first read, after the span has ended; late `links` with them."""
    try:
        if links:
            tally = Tally() if tally is None else tally
            _redact_links(links, tally)
        _finish(attributes, tally)
    except Exception as error:  # noqa: BLE001 - fail closed, as in `_on_ending`
        attributes._dict = _safe(attributes)  # noqa: SLF001
        for link in links:
            link._attributes = BoundedAttributes()  # noqa: SLF001
        _say(_UNREDACTED, error)


def _redact_status(span: Span, tally: Tally) -> None:
    status = span._status  # noqa: SLF001
    if status.description:
        clean = scrub(status.description, tally)
        if clean is not status.description:
            span._status = Status(status.status_code, str(clean))  # noqa: SLF001


def _redact_attributes(attributes: object, tally: Tally) -> None:
    if not attributes:
        return
    bounded = _bounded(attributes)
    with bounded._lock:  # noqa: SLF001
        values = bounded._dict  # noqa: SLF001
        if bounded.max_value_len is not None:
            _drop_cut_ends(values, bounded.max_value_len)
        by_key = bool(in_force().keys)
        for key in [key for key, value in values.items() if by_key or not (_is_harmless(key) and is_clean(value))]:
            _rewrite(values, key, tally)


@lru_cache(maxsize=1024)
def _is_harmless(key: str) -> bool:
    """Whether the name `key` itself is clean, and says nothing of what a bare value under it is."""
    return is_clean(key) and not tells(key)


def _rewrite(values: dict[str, AnyValue], key: str, tally: Tally) -> None:
    value = values[key]
    clean_key, clean = scrub(key, tally), scrub_item(key, value, tally)
    if clean_key is not key or (clean is None and value is not None):
        del values[key]
    if clean is None and value is not None:
        return
    if clean is not value or clean_key is not key:
        values[str(clean_key)] = clean  # type: ignore[assignment]


def _drop_cut_ends(values: dict[str, AnyValue], limit: int) -> None:
    """Take the last words off values that the SDK has cut to `limit`: half a secret can't be recognised any more."""
    for key, value in values.items():
        if isinstance(value, str) and len(value) == limit:
            values[key] = _CUT_END.sub("", value)


def _count(attributes: BoundedAttributes, tally: Tally) -> None:
    with attributes._lock:  # noqa: SLF001
        attributes._dict[semconv.REDACTION_COUNT] = tally.total()  # noqa: SLF001
        attributes._dict[semconv.REDACTION_TYPES] = tuple(sorted(tally))  # noqa: SLF001
    _measure(tally)


def _measure(tally: Tally) -> None:
    # Imported when something was replaced: most programs measure nothing.
    from arc_runtime.metrics import count_redactions

    count_redactions(tally)


def _bounded(attributes: object) -> BoundedAttributes:
    if not isinstance(attributes, BoundedAttributes):
        raise TypeError(f"attributes are held in {type(attributes).__name__}, which this version can't edit")
    return attributes


def _empty_span(span: Span) -> None:
    """Keep the span's place in the trace and what kind it is, nothing that came from outside.

    Everything is made anew: what could not be redacted may be in any shape.
    """
    span._attributes = BoundedAttributes(attributes=_safe(span._attributes))  # noqa: SLF001
    span._name = _DROPPED  # noqa: SLF001
    span._instrumentation_scope = InstrumentationScope(_DROPPED)  # noqa: SLF001
    span._events = BoundedList(0)  # noqa: SLF001
    span._links = BoundedList(0)  # noqa: SLF001
    status = span._status  # noqa: SLF001
    span._status = Status(status.status_code if isinstance(status, Status) else StatusCode.UNSET)  # noqa: SLF001


def _safe(held: object) -> dict[str, AnyValue]:
    """Of the attributes in `held` those that Arc itself made up, and the mark that the others were dropped."""
    known = held._dict if isinstance(held, BoundedAttributes) else {}  # noqa: SLF001
    kept = {key: value for key, value in known.items() if key in _SAFE_WHEN_FAILED}
    return {**kept, semconv.REDACTION_TYPES: (_DROPPED,)}
