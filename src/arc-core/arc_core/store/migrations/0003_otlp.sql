-- Values of attributes as text, in the way the Collector writes them: arrays as JSON, bytes as base64, numbers
-- almost as JavaScript does. `arc_core.ingest._values` says the same in Python.
CREATE FUNCTION IF NOT EXISTS arcElement AS (e) -> coalesce(
    toJSONString(tupleElement(e, 'string_value')), toString(tupleElement(e, 'int_value')),
    replaceRegexpOne(replaceOne(replaceOne(toString(tupleElement(e, 'double_value') + 0), 'nan', 'NaN'), 'inf', 'Infinity'), '^(-?[IN].*)$', '"\\1"'),
    toString(tupleElement(e, 'bool_value')), concat('"', base64Encode(tupleElement(e, 'bytes_value')), '"'), 'null');

CREATE FUNCTION IF NOT EXISTS arcText AS (v) -> coalesce(
    tupleElement(v, 'string_value'), toString(tupleElement(v, 'int_value')),
    replaceOne(replaceOne(toString(tupleElement(v, 'double_value') + 0), 'nan', 'NaN'), 'inf', 'Infinity'),
    toString(tupleElement(v, 'bool_value')), base64Encode(tupleElement(v, 'bytes_value')),
    if(empty(tupleElement(tupleElement(v, 'array_value'), 'values')), '', concat('[', arrayStringConcat(arrayMap(e -> arcElement(e), tupleElement(tupleElement(v, 'array_value'), 'values')), ','), ']')));

CREATE FUNCTION IF NOT EXISTS arcMap AS (attributes) ->
    CAST(mapFromArrays(tupleElement(attributes, 'key'), arrayMap(v -> arcText(v), tupleElement(attributes, 'value'))), 'Map(LowCardinality(String), String)');

CREATE FUNCTION IF NOT EXISTS arcTime AS (ns) -> fromUnixTimestamp64Nano(toInt64(least(ns, 9223372036854775807)), 'UTC');

CREATE FUNCTION IF NOT EXISTS arcCost AS (told) -> if(isFinite(toFloat64OrNull(told)) AND toFloat64OrNull(told) >= 0, toFloat64OrNull(told), NULL);

-- The spans of one resource and scope as they came, one such group a row: the engine reads the protobuf
-- (otlp/traces.proto). It stores nothing.
CREATE TABLE IF NOT EXISTS otlp_traces (
    tenant String,
    batch_id UInt64,
    resource Tuple(attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), array_value Tuple(values Array(Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))), bytes_value Nullable(String))))),
    scope_spans Tuple(
        scope Tuple(name String, version String),
        spans Array(Tuple(
                trace_id String, span_id String, trace_state String, parent_span_id String, name String, kind Int32,
                start_time_unix_nano UInt64, end_time_unix_nano UInt64,
                attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), array_value Tuple(values Array(Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))), bytes_value Nullable(String)))),
                events Array(Tuple(time_unix_nano UInt64, name String, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), array_value Tuple(values Array(Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))), bytes_value Nullable(String)))))),
                links Array(Tuple(trace_id String, span_id String, trace_state String, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), array_value Tuple(values Array(Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))), bytes_value Nullable(String)))))),
                status Tuple(message String, code Int32),
                cost_usd Nullable(Float64))))
) ENGINE = Null;


CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_of_otlp TO otel_traces AS
SELECT
    tenant AS TenantId,
    arcTime(s.start_time_unix_nano) AS Timestamp,
    lower(hex(s.trace_id)) AS TraceId,
    lower(hex(s.span_id)) AS SpanId,
    if(s.parent_span_id = unhex('0000000000000000'), '', lower(hex(s.parent_span_id))) AS ParentSpanId,
    s.trace_state AS TraceState,
    s.name AS SpanName,
    transform(s.kind, [1, 2, 3, 4, 5], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS SpanKind,
    Resource['service.name'] AS ServiceName,
    Resource AS ResourceAttributes,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    arcMap(s.attributes) AS SpanAttributes,
    if(s.end_time_unix_nano > s.start_time_unix_nano, least(s.end_time_unix_nano, 9223372036854775807) - s.start_time_unix_nano, 0) AS Duration,
    transform(s.status.code, [1, 2], ['Ok', 'Error'], 'Unset') AS StatusCode,
    s.status.message AS StatusMessage,
    arrayMap(e -> arcTime(e), s.events.time_unix_nano) AS `Events.Timestamp`,
    s.events.name AS `Events.Name`,
    arrayMap(a -> arcMap(a), s.events.attributes) AS `Events.Attributes`,
    arrayMap(i -> lower(hex(i)), s.links.trace_id) AS `Links.TraceId`,
    arrayMap(i -> lower(hex(i)), s.links.span_id) AS `Links.SpanId`,
    s.links.trace_state AS `Links.TraceState`,
    arrayMap(a -> arcMap(a), s.links.attributes) AS `Links.Attributes`,
    coalesce(s.cost_usd, arcCost(SpanAttributes['arc.cost.usd'])) AS CostUsd,
    batch_id AS BatchId,
    now('UTC') AS ReceivedAt
FROM (
    SELECT tenant, batch_id, arcMap(tupleElement(resource, 'attributes')) AS Resource,
        scope_spans.scope.name AS scope_name, scope_spans.scope.version AS scope_version, arrayJoin(scope_spans.spans) AS s
    FROM otlp_traces);
