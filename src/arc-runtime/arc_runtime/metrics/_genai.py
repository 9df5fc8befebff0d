"""The client metrics of the GenAI conventions, under one of two sets of names.

Source: GenAI semantic conventions, metrics. The first set is that of 1.41, the last release that had them; it is what
dashboards and the upstream instrumentors use. The second is that of November 2026 (semantic-conventions-genai, pull
requests 374 and 521); `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental` asks for it.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from arc_semconv import attributes as semconv
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.util.types import AttributeValue

__all__ = ["FormerInstruments", "Instruments", "LatestInstruments"]

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_INFERENCE: Final = frozenset({"chat", "text_completion", "generate_content"})

Attributes = Mapping[str, AttributeValue]


class Instruments(Protocol):
    """What a call is recorded on; `attributes` are fit for metrics, `usage` holds `gen_ai.usage.*`."""

    def duration(self, seconds: float, attributes: Attributes, error: Attributes, context: Context) -> None:
        """How long it took, and how it failed, where it did."""

    def first_chunk(self, seconds: float, attributes: Attributes, context: Context) -> None:
        """How long its first chunk took."""

    def tokens(self, usage: Attributes, attributes: Attributes, error: Attributes, context: Context) -> None:
        """What it used."""


class FormerInstruments:
    """Names of the conventions 1.41."""

    def __init__(self, meter: Meter) -> None:
        self._duration = _seconds(meter, "gen_ai.client.operation.duration", "GenAI operation duration.")
        self._first_chunk = _seconds(
            meter, "gen_ai.client.operation.time_to_first_chunk", "Time to receive the first chunk of a stream."
        )
        self._tokens = _histogram(meter, "gen_ai.client.token.usage", "Number of input and output tokens used.")

    def duration(self, seconds: float, attributes: Attributes, error: Attributes, context: Context) -> None:
        """How long it took, and how it failed, where it did."""
        self._duration.record(seconds, {**attributes, **error}, context)

    def first_chunk(self, seconds: float, attributes: Attributes, context: Context) -> None:
        """How long its first chunk took."""
        self._first_chunk.record(seconds, attributes, context)

    def tokens(self, usage: Attributes, attributes: Attributes, error: Attributes, context: Context) -> None:  # noqa: ARG002 - this metric tells no error
        """What it used, by `gen_ai.token.type`; cached tokens are among those of the input."""
        for kind, name in (("input", semconv.USAGE_INPUT_TOKENS), ("output", semconv.USAGE_OUTPUT_TOKENS)):
            if (count := _count(usage, name)) is not None:
                self._tokens.record(count, {**attributes, semconv.TOKEN_TYPE: kind}, context)


class LatestInstruments:
    """Names of November 2026: inference has metrics of its own, and tokens are counters."""

    def __init__(self, meter: Meter) -> None:
        first = "gen_ai.client.inference"
        self._other = _seconds(meter, "gen_ai.client.operation.duration", "GenAI operation duration.")
        self._duration = _seconds(meter, f"{first}.duration", "GenAI inference duration.")
        self._first_chunk = _seconds(
            meter, f"{first}.time_to_first_chunk", "Time to receive the first chunk of a stream."
        )
        self._totals = [
            (total, meter.create_counter(f"{first}.usage.{total.removeprefix('gen_ai.usage.')}", "{token}"), parts)
            for total, parts in _USAGE.items()
        ]
        self._operations = [
            (semconv.USAGE_INPUT_TOKENS, _histogram(meter, f"{first}.operation.input_tokens", "Input tokens used.")),
            (semconv.USAGE_OUTPUT_TOKENS, _histogram(meter, f"{first}.operation.output_tokens", "Output tokens used.")),
        ]

    def duration(self, seconds: float, attributes: Attributes, error: Attributes, context: Context) -> None:
        """How long it took, and how it failed, where it did."""
        instrument = self._duration if attributes.get(semconv.OPERATION) in _INFERENCE else self._other
        instrument.record(seconds, {**attributes, **error}, context)

    def first_chunk(self, seconds: float, attributes: Attributes, context: Context) -> None:
        """How long its first chunk took."""
        self._first_chunk.record(seconds, attributes, context)

    def tokens(self, usage: Attributes, attributes: Attributes, error: Attributes, context: Context) -> None:
        """What an inference used: 0 where nothing told it, as the conventions ask."""
        if attributes.get(semconv.OPERATION) not in _INFERENCE:
            return
        for total, counter, parts in self._totals:
            for modality, count in _by_modality(usage, total, parts):
                counter.add(count, {**attributes, semconv.TOKEN_MODALITY: modality}, context)
        for name, histogram in self._operations:
            histogram.record(_count(usage, name) or 0, {**attributes, **error}, context)


_USAGE: Final[Mapping[str, Mapping[str, str]]] = {
    semconv.USAGE_INPUT_TOKENS: {
        "audio": semconv.USAGE_AUDIO_INPUT_TOKENS,
        "image": semconv.USAGE_IMAGE_INPUT_TOKENS,
    },
    semconv.USAGE_OUTPUT_TOKENS: {
        "audio": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
        "image": semconv.USAGE_IMAGE_OUTPUT_TOKENS,
    },
    semconv.USAGE_CACHE_READ_INPUT_TOKENS: {
        "audio": semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,
        "image": semconv.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS,
    },
    semconv.USAGE_CACHE_WRITE_INPUT_TOKENS: {},
    semconv.USAGE_REASONING_OUTPUT_TOKENS: {},
}
"""Attributes that hold a total, and by modality those that hold a part of it."""


def _by_modality(usage: Attributes, total: str, parts: Mapping[str, str]) -> list[tuple[str, int]]:
    """`total` broken down: what no part of a modality accounts for is text where there are parts, else unknown."""
    count = _count(usage, total)
    if count is None:
        main = total in (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)
        return [("unknown", 0)] if main else []
    told = [(modality, part) for modality, name in parts.items() if (part := _count(usage, name))]
    rest = count - sum(part for _, part in told)
    if rest < 0:
        return [("unknown", count)]
    return [*told, ("text" if told else "unknown", rest)]


def _count(usage: Attributes, name: str) -> int | None:
    count = usage.get(name)
    return count if isinstance(count, int) and count >= 0 else None


def _seconds(meter: Meter, name: str, says: str) -> Histogram:
    return meter.create_histogram(name, "s", says, explicit_bucket_boundaries_advisory=_SECONDS)


def _histogram(meter: Meter, name: str, says: str) -> Histogram:
    return meter.create_histogram(name, "{token}", says, explicit_bucket_boundaries_advisory=_TOKENS)
