-- What writers see: the columns of the Collector's ClickHouse exporter, plus the tenant and the cost. It stores nothing.
CREATE TABLE IF NOT EXISTS otel_traces (
    TenantId LowCardinality(String) DEFAULT 'default',
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName String,
    ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String,
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)),
    CostUsd Nullable(Float64) DEFAULT toFloat64OrNull(SpanAttributes['arc.cost.usd'])
) ENGINE = Null;

-- What readers see. A retried request brings the same key again: merges keep the longest, and reads take LIMIT 1 BY.
CREATE TABLE IF NOT EXISTS spans (
    TenantId LowCardinality(String),
    Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (Timestamp DateTime64(9, 'UTC'), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    Kind LowCardinality(String),
    RunState LowCardinality(String),
    AgentName LowCardinality(String),
    Model LowCardinality(String),
    Provider LowCardinality(String),
    Operation LowCardinality(String),
    ToolName LowCardinality(String),
    ConversationId String CODEC(ZSTD(1)),
    InputTokens UInt64 CODEC(ZSTD(1)),
    OutputTokens UInt64 CODEC(ZSTD(1)),
    CostUsd Nullable(Float64) CODEC(ZSTD(1)),
    FixIds Array(LowCardinality(String)) CODEC(ZSTD(1)),
    FixMode LowCardinality(String),
    FailureType LowCardinality(String),
    RedactionCount UInt64 CODEC(ZSTD(1)),
    InputMessages String CODEC(ZSTD(1)),
    OutputMessages String CODEC(ZSTD(1)),
    SystemInstructions String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ReplacingMergeTree(Duration)
PARTITION BY toYYYYMM(Timestamp)
PRIMARY KEY (TenantId, ServiceName, toDateTime(Timestamp))
ORDER BY (TenantId, ServiceName, toDateTime(Timestamp), TraceId, SpanId)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Columns of the source are written `l.X`: a bare `SpanAttributes` would mean the one made here, without the messages.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_of_otel_traces TO spans AS
SELECT
    l.TenantId AS TenantId,
    l.Timestamp AS Timestamp,
    l.TraceId AS TraceId,
    l.SpanId AS SpanId,
    l.ParentSpanId AS ParentSpanId,
    l.TraceState AS TraceState,
    l.SpanName AS SpanName,
    l.SpanKind AS SpanKind,
    l.ServiceName AS ServiceName,
    l.ResourceAttributes AS ResourceAttributes,
    l.ScopeName AS ScopeName,
    l.ScopeVersion AS ScopeVersion,
    mapFilter((k, v) -> k NOT IN ('gen_ai.input.messages', 'gen_ai.output.messages', 'gen_ai.system_instructions'), l.SpanAttributes) AS SpanAttributes,
    l.Duration AS Duration,
    l.StatusCode AS StatusCode,
    l.StatusMessage AS StatusMessage,
    l.`Events.Timestamp` AS `Events.Timestamp`,
    l.`Events.Name` AS `Events.Name`,
    l.`Events.Attributes` AS `Events.Attributes`,
    l.`Links.TraceId` AS `Links.TraceId`,
    l.`Links.SpanId` AS `Links.SpanId`,
    l.`Links.TraceState` AS `Links.TraceState`,
    l.`Links.Attributes` AS `Links.Attributes`,
    l.SpanAttributes['gen_ai.operation.name'] AS Operation,
    multiIf(
        l.SpanAttributes['arc.span.kind'] IN ('job', 'run', 'tool', 'action', 'llm'), l.SpanAttributes['arc.span.kind'],
        l.SpanAttributes['arc.span.kind'] != '', 'other',
        l.SpanAttributes['gen_ai.operation.name'] = 'invoke_workflow', 'job',
        l.SpanAttributes['gen_ai.operation.name'] = 'invoke_agent', 'run',
        l.SpanAttributes['gen_ai.operation.name'] = 'execute_tool', 'tool',
        l.SpanAttributes['gen_ai.operation.name'] IN ('chat', 'text_completion', 'generate_content', 'embeddings'), 'llm',
        'other') AS Kind,
    l.SpanAttributes['arc.run.state'] AS RunState,
    l.SpanAttributes['gen_ai.agent.name'] AS AgentName,
    if(l.SpanAttributes['gen_ai.response.model'] != '', l.SpanAttributes['gen_ai.response.model'], l.SpanAttributes['gen_ai.request.model']) AS Model,
    l.SpanAttributes['gen_ai.provider.name'] AS Provider,
    l.SpanAttributes['gen_ai.tool.name'] AS ToolName,
    l.SpanAttributes['gen_ai.conversation.id'] AS ConversationId,
    accurateCastOrDefault(toFloat64OrZero(l.SpanAttributes['gen_ai.usage.input_tokens']), 'UInt64') AS InputTokens,
    accurateCastOrDefault(toFloat64OrZero(l.SpanAttributes['gen_ai.usage.output_tokens']), 'UInt64') AS OutputTokens,
    if(Kind = 'llm', l.CostUsd, NULL) AS CostUsd,
    JSONExtract(l.SpanAttributes['arc.fix.ids'], 'Array(String)') AS FixIds,
    l.SpanAttributes['arc.fix.mode'] AS FixMode,
    l.SpanAttributes['arc.failure.type'] AS FailureType,
    accurateCastOrDefault(toFloat64OrZero(l.SpanAttributes['arc.redaction.count']), 'UInt64') AS RedactionCount,
    l.SpanAttributes['gen_ai.input.messages'] AS InputMessages,
    l.SpanAttributes['gen_ai.output.messages'] AS OutputMessages,
    l.SpanAttributes['gen_ai.system_instructions'] AS SystemInstructions
FROM otel_traces AS l
SETTINGS prefer_column_name_to_alias = 1;

-- One row a trace, to list them without reading spans. Only sums that a repeated span cannot change are kept here.
CREATE TABLE IF NOT EXISTS traces (
    TenantId LowCardinality(String),
    TraceId String CODEC(ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    End SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    Services SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    -- The earliest root, or the earliest span while there is no root, the longest where it came twice: name, service, is it a root, status, state.
    Face AggregateFunction(argMin, Tuple(String, String, UInt8, String, String), Tuple(UInt8, DateTime64(9), String, UInt64))
) ENGINE = AggregatingMergeTree
ORDER BY (TenantId, TraceId)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_of_otel_traces TO traces AS
SELECT
    l.TenantId AS TenantId,
    l.TraceId AS TraceId,
    min(l.Timestamp) AS Start,
    max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(l.Timestamp) + toInt64(l.Duration))) AS End,
    groupUniqArray(toString(l.ServiceName)) AS Services,
    argMinState(
        tuple(toString(l.SpanName), toString(l.ServiceName), toUInt8(l.ParentSpanId = ''), toString(l.StatusCode), l.SpanAttributes['arc.run.state']),
        tuple(toUInt8(l.ParentSpanId != ''), l.Timestamp, l.SpanId, bitNot(l.Duration))) AS Face
FROM otel_traces AS l
GROUP BY l.TenantId, l.TraceId
SETTINGS prefer_column_name_to_alias = 1;

-- The exporter's columns, plus the tenant.
CREATE TABLE IF NOT EXISTS otel_logs (
    TenantId LowCardinality(String) DEFAULT 'default',
    Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(Timestamp)
PRIMARY KEY (TenantId, ServiceName, toDateTime(Timestamp))
ORDER BY (TenantId, ServiceName, toDateTime(Timestamp), Timestamp)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
