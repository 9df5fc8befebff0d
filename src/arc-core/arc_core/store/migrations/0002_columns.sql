-- A kill may have come anywhere in here, so that each statement can be run again. `spans` is made anew beside the old one,
-- as its granules are smaller from now on: all columns of one are read to show a trace.
DROP VIEW IF EXISTS traces_of_otel_traces;

DROP VIEW IF EXISTS spans_of_otel_traces;

-- Merges keep one of equal spans, and make the projections anew where they took one away.
CREATE OR REPLACE TABLE spans_anew (
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
    Dialect LowCardinality(String),
    WorkflowName LowCardinality(String),
    UserId String CODEC(ZSTD(1)),
    ErrorType LowCardinality(String),
    Fingerprint LowCardinality(String),
    Attempt UInt8,
    CacheReadTokens UInt64 CODEC(ZSTD(1)),
    CacheWriteTokens UInt64 CODEC(ZSTD(1)),
    ReasoningTokens UInt64 CODEC(ZSTD(1)),
    FirstChunkSeconds Float32 CODEC(ZSTD(1)),
    Environment LowCardinality(String),
    ServiceVersion LowCardinality(String),
    BatchId UInt64 CODEC(ZSTD(1)),
    ReceivedAt DateTime('UTC') CODEC(Delta, ZSTD(1)),
    -- Rollups. They are parts of the parts: an insert brings both or neither, and no span is ever counted twice in one.
    -- A query that asks for these keys and aggregates, or some of them, reads them in place of the spans.
    PROJECTION agents_by_hour (
        SELECT TenantId, toStartOfHour(Timestamp), Kind, ServiceName, AgentName,
            count(), countIf(StatusCode = 'Error'), sum(Duration), max(Duration), quantilesTDigest(0.5, 0.95, 0.99)(Duration),
            sum(InputTokens), sum(OutputTokens), sum(CostUsd)
        GROUP BY TenantId, toStartOfHour(Timestamp), Kind, ServiceName, AgentName),
    PROJECTION models_by_hour (
        SELECT TenantId, toStartOfHour(Timestamp), Kind, Provider, Model,
            count(), countIf(StatusCode = 'Error'), countIf(isNull(CostUsd)), sum(Duration), max(Duration), quantilesTDigest(0.5, 0.95, 0.99)(Duration),
            sum(InputTokens), sum(OutputTokens), sum(CacheReadTokens), sum(CacheWriteTokens), sum(ReasoningTokens), sum(CostUsd)
        GROUP BY TenantId, toStartOfHour(Timestamp), Kind, Provider, Model),
    PROJECTION failures_by_hour (
        SELECT TenantId, toStartOfHour(Timestamp), Kind, ServiceName, AgentName, StatusCode, ErrorType, FailureType, Fingerprint,
            count(), min(Timestamp), max(Timestamp), any(TraceId), any(SpanId), any(SpanName), any(StatusMessage)
        GROUP BY TenantId, toStartOfHour(Timestamp), Kind, ServiceName, AgentName, StatusCode, ErrorType, FailureType, Fingerprint),
    -- Where the spans of a trace are: 6 bytes a span.
    PROJECTION by_trace (SELECT _part_offset ORDER BY TenantId, TraceId)
) ENGINE = ReplacingMergeTree(Duration)
PARTITION BY toYYYYMM(Timestamp)
PRIMARY KEY (TenantId, ServiceName, toDateTime(Timestamp))
ORDER BY (TenantId, ServiceName, toDateTime(Timestamp), TraceId, SpanId)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024,
    deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';

-- However many there are, few are in memory at a time. What is new has what their attributes say, also where this ran
-- before and the columns are there.
INSERT INTO spans_anew
SELECT
    * EXCEPT (Dialect, WorkflowName, UserId, ErrorType, Fingerprint, Attempt, CacheReadTokens, CacheWriteTokens,
        ReasoningTokens, FirstChunkSeconds, Environment, ServiceVersion, BatchId, ReceivedAt),
    '' AS Dialect,
    SpanAttributes['gen_ai.workflow.name'] AS WorkflowName,
    SpanAttributes['user.id'] AS UserId,
    if(SpanAttributes['error.type'] != '' OR StatusCode != 'Error', SpanAttributes['error.type'], `Events.Attributes`[indexOf(`Events.Name`, 'exception')]['exception.type']) AS ErrorType,
    if(StatusCode = 'Error' OR FailureType != '',
        lower(hex(sipHash64(Kind, FailureType, ErrorType, replaceRegexpAll(left(StatusMessage, 300), '[0-9a-fA-F-]{8,}|[0-9]+', '#')))), '') AS Fingerprint,
    toUInt8OrZero(SpanAttributes['arc.run.attempt']) AS Attempt,
    toUInt64OrZero(SpanAttributes['gen_ai.usage.cache_read.input_tokens']) AS CacheReadTokens,
    toUInt64OrZero(SpanAttributes['gen_ai.usage.cache_write.input_tokens']) AS CacheWriteTokens,
    toUInt64OrZero(SpanAttributes['gen_ai.usage.reasoning.output_tokens']) AS ReasoningTokens,
    toFloat32OrZero(SpanAttributes['gen_ai.response.time_to_first_chunk']) AS FirstChunkSeconds,
    ResourceAttributes['deployment.environment.name'] AS Environment,
    ResourceAttributes['service.version'] AS ServiceVersion,
    0 AS BatchId,
    toDateTime(0, 'UTC') AS ReceivedAt
FROM spans
SETTINGS max_memory_usage = 0, max_threads = 1, max_insert_threads = 1, max_block_size = 8192,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864;

EXCHANGE TABLES spans AND spans_anew;

DROP TABLE IF EXISTS spans_anew;

ALTER TABLE otel_traces
    ADD COLUMN IF NOT EXISTS BatchId UInt64 DEFAULT 0,
    ADD COLUMN IF NOT EXISTS ReceivedAt DateTime('UTC') DEFAULT now('UTC');

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
        Operation = 'invoke_workflow', 'job',
        Operation = 'invoke_agent', 'run',
        Operation = 'execute_tool', 'tool',
        Operation IN ('chat', 'text_completion', 'generate_content', 'embeddings'), 'llm',
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
    l.SpanAttributes['gen_ai.system_instructions'] AS SystemInstructions,
    '' AS Dialect,
    l.SpanAttributes['gen_ai.workflow.name'] AS WorkflowName,
    l.SpanAttributes['user.id'] AS UserId,
    l.SpanAttributes['error.type'] AS ErrorType,
    -- Failures that differ in numbers and ids alone are one.
    if(l.StatusCode = 'Error' OR FailureType != '',
        lower(hex(sipHash64(Kind, FailureType, ErrorType, replaceRegexpAll(left(l.StatusMessage, 300), '[0-9a-fA-F-]{8,}|[0-9]+', '#')))), '') AS Fingerprint,
    toUInt8OrZero(l.SpanAttributes['arc.run.attempt']) AS Attempt,
    toUInt64OrZero(l.SpanAttributes['gen_ai.usage.cache_read.input_tokens']) AS CacheReadTokens,
    toUInt64OrZero(l.SpanAttributes['gen_ai.usage.cache_write.input_tokens']) AS CacheWriteTokens,
    toUInt64OrZero(l.SpanAttributes['gen_ai.usage.reasoning.output_tokens']) AS ReasoningTokens,
    toFloat32OrZero(l.SpanAttributes['gen_ai.response.time_to_first_chunk']) AS FirstChunkSeconds,
    l.ResourceAttributes['deployment.environment.name'] AS Environment,
    l.ResourceAttributes['service.version'] AS ServiceVersion,
    l.BatchId AS BatchId,
    l.ReceivedAt AS ReceivedAt
FROM otel_traces AS l
SETTINGS prefer_column_name_to_alias = 1;

-- One row a trace and hour, to list them without reading spans; the newest are found by the key. All that is kept here
-- stays as it is when a span comes again: no sums, those are made from the spans of the traces that are shown.
CREATE OR REPLACE TABLE traces (
    TenantId LowCardinality(String),
    Hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    End SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    Services SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    Agents SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    Models SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    Kinds SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    FixIds SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    Conversations SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    HasError SimpleAggregateFunction(max, UInt8),
    -- The earliest root, or the earliest span while there is no root, the longest where it came twice: name, service, is it a root, status, state.
    Face AggregateFunction(argMin, Tuple(String, String, UInt8, String, String), Tuple(UInt8, DateTime64(9, 'UTC'), String, UInt64)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(Hour)
ORDER BY (TenantId, Hour, TraceId)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024;

INSERT INTO traces
SELECT
    TenantId,
    toStartOfHour(Timestamp) AS Hour,
    TraceId,
    min(Timestamp) AS Start,
    max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration))) AS End,
    groupUniqArray(toString(ServiceName)) AS Services,
    groupUniqArrayIf(toString(AgentName), AgentName != '') AS Agents,
    groupUniqArrayIf(toString(Model), Model != '') AS Models,
    groupUniqArray(toString(Kind)) AS Kinds,
    groupUniqArrayArray(arrayMap(x -> toString(x), FixIds)) AS FixIds,
    groupUniqArrayIf(ConversationId, ConversationId != '') AS Conversations,
    toUInt8(max(StatusCode = 'Error')) AS HasError,
    argMinState(
        tuple(toString(SpanName), toString(ServiceName), toUInt8(ParentSpanId = ''), toString(StatusCode), toString(RunState)),
        tuple(toUInt8(ParentSpanId != ''), Timestamp, SpanId, bitNot(Duration))) AS Face
FROM spans
GROUP BY TenantId, Hour, TraceId
SETTINGS max_memory_usage = 0, max_bytes_before_external_group_by = 400000000, max_bytes_ratio_before_external_group_by = 0;

-- After `spans`: a view takes what was stored there, so what is listed can be read.
CREATE MATERIALIZED VIEW IF NOT EXISTS traces_of_spans TO traces AS
SELECT
    TenantId,
    toStartOfHour(Timestamp) AS Hour,
    TraceId,
    min(Timestamp) AS Start,
    max(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration))) AS End,
    groupUniqArray(toString(ServiceName)) AS Services,
    groupUniqArrayIf(toString(AgentName), AgentName != '') AS Agents,
    groupUniqArrayIf(toString(Model), Model != '') AS Models,
    groupUniqArray(toString(Kind)) AS Kinds,
    groupUniqArrayArray(arrayMap(x -> toString(x), FixIds)) AS FixIds,
    groupUniqArrayIf(ConversationId, ConversationId != '') AS Conversations,
    toUInt8(max(StatusCode = 'Error')) AS HasError,
    argMinState(
        tuple(toString(SpanName), toString(ServiceName), toUInt8(ParentSpanId = ''), toString(StatusCode), toString(RunState)),
        tuple(toUInt8(ParentSpanId != ''), Timestamp, SpanId, bitNot(Duration))) AS Face
FROM spans
GROUP BY TenantId, Hour, TraceId;

ALTER TABLE otel_logs
    ADD COLUMN IF NOT EXISTS BatchId UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS ReceivedAt DateTime('UTC') DEFAULT now('UTC') CODEC(Delta, ZSTD(1));

-- Metrics, in the exporter's five tables, plus the tenant.
CREATE TABLE IF NOT EXISTS otel_metrics_gauge (
    TenantId LowCardinality(String) DEFAULT 'default',
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9, 'UTC'), Value Float64, SpanId String, TraceId String) CODEC(ZSTD(1)),
    BatchId UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ReceivedAt DateTime('UTC') DEFAULT now('UTC') CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toYYYYMM(TimeUnix)
PRIMARY KEY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix))
ORDER BY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix), Attributes, TimeUnix)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS otel_metrics_sum (
    TenantId LowCardinality(String) DEFAULT 'default',
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9, 'UTC'), Value Float64, SpanId String, TraceId String) CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    IsMonotonic Bool CODEC(ZSTD(1)),
    BatchId UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ReceivedAt DateTime('UTC') DEFAULT now('UTC') CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toYYYYMM(TimeUnix)
PRIMARY KEY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix))
ORDER BY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix), Attributes, TimeUnix)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS otel_metrics_histogram (
    TenantId LowCardinality(String) DEFAULT 'default',
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    BucketCounts Array(UInt64) CODEC(ZSTD(1)),
    ExplicitBounds Array(Float64) CODEC(ZSTD(1)),
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9, 'UTC'), Value Float64, SpanId String, TraceId String) CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    BatchId UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ReceivedAt DateTime('UTC') DEFAULT now('UTC') CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toYYYYMM(TimeUnix)
PRIMARY KEY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix))
ORDER BY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix), Attributes, TimeUnix)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS otel_metrics_exponential_histogram (
    TenantId LowCardinality(String) DEFAULT 'default',
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    Scale Int32 CODEC(ZSTD(1)),
    ZeroCount UInt64 CODEC(ZSTD(1)),
    PositiveOffset Int32 CODEC(ZSTD(1)),
    PositiveBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    NegativeOffset Int32 CODEC(ZSTD(1)),
    NegativeBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9, 'UTC'), Value Float64, SpanId String, TraceId String) CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    BatchId UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ReceivedAt DateTime('UTC') DEFAULT now('UTC') CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toYYYYMM(TimeUnix)
PRIMARY KEY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix))
ORDER BY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix), Attributes, TimeUnix)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS otel_metrics_summary (
    TenantId LowCardinality(String) DEFAULT 'default',
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested (Quantile Float64, Value Float64) CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    BatchId UInt64 DEFAULT 0 CODEC(ZSTD(1)),
    ReceivedAt DateTime('UTC') DEFAULT now('UTC') CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toYYYYMM(TimeUnix)
PRIMARY KEY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix))
ORDER BY (TenantId, ServiceName, MetricName, toDateTime(TimeUnix), Attributes, TimeUnix)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
