"""How many values redaction replaced, by type, over all spans and log records."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache

from arc_semconv import attributes as semconv
from opentelemetry import metrics
from opentelemetry.metrics import Counter

__all__ = ["count_redactions"]


def count_redactions(tally: Mapping[str, int]) -> None:
    """Add `tally` (values by their type) to the metric `arc.redaction.count`; never raises."""
    with suppress(Exception):  # what was redacted goes on its way, counted or not
        counter = _counter()
        for type_, values in tally.items():
            counter.add(values, {semconv.REDACTION_TYPE: type_})


@cache
def _counter() -> Counter:
    # The global provider may be set later: the API hands out an instrument that goes over to it.
    return metrics.get_meter("arc_runtime.redaction").create_counter(
        semconv.REDACTION_COUNT, "{value}", "Values that redaction replaced in spans and log records."
    )
