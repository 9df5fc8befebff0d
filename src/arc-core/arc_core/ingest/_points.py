"""Data points of metrics as rows of the exporter's five tables."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from arc_semconv import attributes as names
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from arc_core.ingest._group import Group
from arc_core.ingest._rows import Origin, Rejected, seconds
from arc_core.ingest._values import texts

PointRow = dict[str, object]
"""Columns of a point."""

_TABLE: Final = "otel_metrics_"


def point_rows(groups: Iterable[Group[Metric]], origin: Origin, rejected: Rejected) -> Iterator[tuple[str, PointRow]]:
    """Yield table and row of each point in `groups`; a metric of a kind that is not known is `rejected`."""
    for group in groups:
        of_scope = _of_scope(group, origin)
        for metric in group.records:
            kind = metric.WhichOneof("data")
            if kind is None:
                rejected.add(f"metric {metric.name!r} has no points of a kind that is known here")
                continue
            data = getattr(metric, kind)
            of_metric = of_scope | {
                "MetricName": metric.name,
                "MetricDescription": metric.description,
                "MetricUnit": metric.unit,
            }
            columns = _KINDS[kind]
            for point in data.data_points:
                yield _TABLE + kind, of_metric | _of_point(point) | columns(point, data)


def _of_scope(group: Group[Metric], origin: Origin) -> PointRow:
    return {
        "TenantId": origin.tenant.id,
        "BatchId": origin.batch_id,
        "ResourceAttributes": group.resource,
        "ResourceSchemaUrl": group.resource_schema_url,
        "ScopeName": group.scope.name,
        "ScopeVersion": group.scope.version,
        "ScopeAttributes": texts(group.scope.attributes),
        "ScopeDroppedAttrCount": group.scope.dropped_attributes_count,
        "ScopeSchemaUrl": group.scope_schema_url,
        "ServiceName": group.resource.get(names.SERVICE_NAME, ""),
    }


def _of_point(point: Any) -> PointRow:
    return {
        "Attributes": texts(point.attributes),
        "StartTimeUnix": seconds(point.start_time_unix_nano),
        "TimeUnix": seconds(point.time_unix_nano),
        "Flags": point.flags,
    }


def _gauge(point: Any, _: Any) -> PointRow:
    return {"Value": _value(point)} | _exemplars(point)


def _sum(point: Any, data: Any) -> PointRow:
    return _gauge(point, data) | {
        "AggregationTemporality": data.aggregation_temporality,
        "IsMonotonic": data.is_monotonic,
    }


def _histogram(point: Any, data: Any) -> PointRow:
    return (
        _summed(point, data)
        | _exemplars(point)
        | {
            "BucketCounts": list(point.bucket_counts),
            "ExplicitBounds": [_number(bound) for bound in point.explicit_bounds],
        }
    )


def _exponential(point: Any, data: Any) -> PointRow:
    return (
        _summed(point, data)
        | _exemplars(point)
        | {
            "Scale": point.scale,
            "ZeroCount": point.zero_count,
            "PositiveOffset": point.positive.offset,
            "PositiveBucketCounts": list(point.positive.bucket_counts),
            "NegativeOffset": point.negative.offset,
            "NegativeBucketCounts": list(point.negative.bucket_counts),
        }
    )


def _summary(point: Any, _: Any) -> PointRow:
    return {
        "Count": point.count,
        "Sum": _number(point.sum),
        "ValueAtQuantiles.Quantile": [_number(one.quantile) for one in point.quantile_values],
        "ValueAtQuantiles.Value": [_number(one.value) for one in point.quantile_values],
    }


def _summed(point: Any, data: Any) -> PointRow:
    return {
        "Count": point.count,
        "Sum": _number(point.sum),
        "Min": _number(point.min),
        "Max": _number(point.max),
        "AggregationTemporality": data.aggregation_temporality,
    }


def _exemplars(point: Any) -> PointRow:
    exemplars = point.exemplars
    return {
        "Exemplars.FilteredAttributes": [texts(one.filtered_attributes) for one in exemplars],
        "Exemplars.TimeUnix": [seconds(one.time_unix_nano) for one in exemplars],
        "Exemplars.Value": [_value(one) for one in exemplars],
        "Exemplars.SpanId": [one.span_id.hex() for one in exemplars],
        "Exemplars.TraceId": [one.trace_id.hex() for one in exemplars],
    }


def _value(point: Any) -> float | str:
    """Return the value of a number; 0 where there is none, as `Flags` then says."""
    return _number(point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int))


def _number(value: float) -> float | str:
    """JSON has no word for what is not finite; ClickHouse reads these."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


_KINDS: Final[dict[str, Callable[[Any, Any], PointRow]]] = {
    "gauge": _gauge,
    "sum": _sum,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}
