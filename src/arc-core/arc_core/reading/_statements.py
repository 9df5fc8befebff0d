"""The SQL that reads. Every statement names the tenant for each table; what comes from outside is bound.

Where `{condition}` stands, a condition made by `arc_core.filters` is put, which holds constants and names of
parameters alone; braces of parameters are doubled in those.
"""

# ruff: noqa: S608 - what is put together here are constants

from typing import Final

from arc_core.filters import SPAN_STATUS

WINDOW: Final = """
SELECT toUInt32(min(Hour)) AS oldest_s, count() AS rows
FROM (
    SELECT Hour
    FROM traces
    WHERE TenantId = {tenant:String} AND Hour < toDateTime({end_s:UInt32}, 'UTC')
    ORDER BY TenantId DESC, Hour DESC
    LIMIT {rows:UInt64}
)
"""

# What a statement costs is mostly its analysis, by expressions: what can as well be made of few rows afterwards, is.
_TRACE_COLUMNS: Final = """
    TraceId AS trace_id,
    toUnixTimestamp64Nano(min(Start)) AS start_ns,
    toUnixTimestamp64Nano(max(End)) AS end_ns,
    argMinMerge(Face) AS face
"""

# What the first page mostly is. The columns of the window are the same in all rows. A trace may have begun before it,
# which `BEGUN_BEFORE` tells of those that are shown.
NEWEST: Final = f"""
WITH (
    SELECT (min(Hour), count())
    FROM (
        SELECT Hour
        FROM traces
        WHERE TenantId = {{{{tenant:String}}}} AND Hour < toDateTime({{{{end_s:UInt32}}}}, 'UTC')
        ORDER BY TenantId DESC, Hour DESC
        LIMIT {{{{rows:UInt64}}}}
    )
) AS newest
SELECT {_TRACE_COLUMNS}, toUInt32(newest.1) AS window_s, newest.2 AS window_rows
FROM traces
WHERE TenantId = {{{{tenant:String}}}} AND Hour >= newest.1 AND Hour < toDateTime({{{{end_s:UInt32}}}}, 'UTC')
GROUP BY TraceId
HAVING {{condition}}
ORDER BY start_ns DESC, trace_id DESC
LIMIT {{{{limit:UInt32}}}}
"""

BEGUN_BEFORE: Final = """
SELECT TraceId AS trace_id
FROM traces
WHERE TenantId = {tenant:String} AND TraceId IN {trace_ids:Array(String)}
    AND Hour < toDateTime({first_s:UInt32}, 'UTC')
LIMIT 1
"""

# A trace has a row for each hour; it belongs into the window that its first hour is in.
TRACES: Final = f"""
SELECT {_TRACE_COLUMNS}
FROM traces
WHERE TenantId = {{{{tenant:String}}}} AND TraceId IN (
    SELECT TraceId
    FROM traces
    WHERE TenantId = {{{{tenant:String}}}}
        AND Hour >= toDateTime({{{{first_s:UInt32}}}}, 'UTC') AND Hour < toDateTime({{{{end_s:UInt32}}}}, 'UTC')
)
GROUP BY TraceId
HAVING min(Hour) >= toDateTime({{{{first_s:UInt32}}}}, 'UTC') AND min(Hour) < toDateTime({{{{end_s:UInt32}}}}, 'UTC')
    AND ({{{{after_trace:String}}}} = ''
        OR (toUnixTimestamp64Nano(min(Start)), TraceId) < ({{{{after_ns:Int64}}}}, {{{{after_trace:String}}}}))
    AND {{condition}}
ORDER BY start_ns DESC, trace_id DESC
LIMIT {{{{limit:UInt32}}}}
"""

TRACE: Final = f"""
SELECT {_TRACE_COLUMNS}
FROM traces
WHERE TenantId = {{tenant:String}} AND TraceId = {{trace_id:String}}
GROUP BY TraceId
"""

_SPANS_OF_TRACES: Final = """
FROM spans
WHERE TenantId = {tenant:String} AND TraceId IN {trace_ids:Array(String)}
    AND Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({last_ns:Int64})
"""

_TOTALS: Final = """
SELECT
    TraceId AS trace_id,
    count() AS spans,
    uniqExact(SpanId) AS span_ids,
    countIf(StatusCode = 'Error') AS errors,
    sumIf(InputTokens, Kind = 'llm') AS input_tokens,
    sumIf(OutputTokens, Kind = 'llm') AS output_tokens,
    sumOrNull(CostUsd) AS cost_usd,
    countIf(Kind = 'llm' AND CostUsd IS NULL) AS unpriced_calls,
    countIf(Kind = 'llm' AND notEmpty(FixIds) AND FixMode NOT IN ('shadow', 'control')) AS fixes,
    sum(RedactionCount) AS redactions,
    minMapIf(map(AgentName, Timestamp), Kind IN ('run', 'llm') AND AgentName != '') AS agents,
    minMapIf(map(Model, Timestamp), Kind = 'llm' AND Model != '') AS models
"""

# Right where no span of these traces is there twice, which is mostly so, and told by `span_ids`.
TRACE_TOTALS: Final = f"""{_TOTALS}
{_SPANS_OF_TRACES}
GROUP BY TraceId
"""

# Of a span that came twice with other content, as one that was exported while open, the longest is meant.
TRACE_TOTALS_OF_EACH_ONCE: Final = f"""{_TOTALS}
FROM (
    SELECT
        TraceId, SpanId, Timestamp, StatusCode, Kind, AgentName, Model,
        InputTokens, OutputTokens, CostUsd, FixIds, FixMode, RedactionCount
    {_SPANS_OF_TRACES}
    ORDER BY Timestamp, Duration DESC, SpanId
    LIMIT 1 BY TraceId, SpanId
)
GROUP BY TraceId
"""

# Each span as often as it is stored: they are few, and sorted, and taken once, afterwards.
SPANS: Final = f"""
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    ParentSpanId AS parent_span_id,
    TraceState AS trace_state,
    SpanKind AS span_kind,
    Kind AS kind,
    SpanName AS name,
    ServiceName AS service,
    ScopeName AS scope_name,
    ScopeVersion AS scope_version,
    StatusCode AS status,
    StatusMessage AS status_message,
    RunState AS run_state,
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    Duration AS duration_ns,
    AgentName AS agent,
    Model AS model,
    ToolName AS tool,
    InputTokens AS input_tokens,
    OutputTokens AS output_tokens,
    CostUsd AS cost_usd,
    FixIds AS fix_ids,
    RedactionCount AS redaction_count,
    InputMessages AS input_messages,
    OutputMessages AS output_messages,
    SystemInstructions AS system_instructions,
    SpanAttributes AS attributes,
    ResourceAttributes AS resource,
    arrayMap(x -> toUnixTimestamp64Nano(x), `Events.Timestamp`) AS event_times_ns,
    `Events.Name` AS event_names,
    `Events.Attributes` AS event_attributes,
    `Links.TraceId` AS link_trace_ids,
    `Links.SpanId` AS link_span_ids,
    `Links.TraceState` AS link_trace_states,
    `Links.Attributes` AS link_attributes
{_SPANS_OF_TRACES}
"""

# Grouped, not distinct: so the rollup `agents_by_hour` is read.
SERVICES: Final = """
SELECT ServiceName AS service
FROM spans
WHERE TenantId = {tenant:String} AND ServiceName != ''
GROUP BY ServiceName
ORDER BY service
LIMIT 1000
"""

SPAN_COLUMNS: Final = f"""
    TraceId AS trace_id,
    SpanId AS span_id,
    ParentSpanId AS parent_span_id,
    Kind AS kind,
    SpanName AS name,
    ServiceName AS service,
    {SPAN_STATUS} AS status,
    StatusMessage AS status_message,
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    Duration AS duration_ns,
    AgentName AS agent,
    Model AS model,
    Provider AS provider,
    ToolName AS tool,
    ConversationId AS session,
    ErrorType AS error,
    InputTokens AS input_tokens,
    OutputTokens AS output_tokens,
    CostUsd AS cost_usd,
    FixIds AS fix_ids
"""

SPAN_LINES: Final = f"""
SELECT {SPAN_COLUMNS}
FROM spans
WHERE TenantId = {{{{tenant:String}}}}
    AND Timestamp >= fromUnixTimestamp64Nano({{{{first_ns:Int64}}}})
    AND Timestamp <= fromUnixTimestamp64Nano({{{{last_ns:Int64}}}})
    AND ({{{{after_trace:String}}}} = '' OR (toUnixTimestamp64Nano(Timestamp), TraceId, SpanId)
        < ({{{{after_ns:Int64}}}}, {{{{after_trace:String}}}}, {{{{after_span:String}}}}))
    AND {{condition}}
ORDER BY Timestamp DESC, TraceId DESC, SpanId DESC, Duration DESC
LIMIT 1 BY TraceId, SpanId
LIMIT {{{{limit:UInt32}}}}
"""

# How far back the newest spans go for which a condition holds, by little more than the condition.
MATCHES: Final = """
SELECT toUnixTimestamp64Nano(min(Timestamp)) AS oldest_ns, count() AS rows
FROM (
    SELECT Timestamp
    FROM spans
    WHERE TenantId = {{tenant:String}}
        AND Timestamp >= fromUnixTimestamp64Nano({{first_ns:Int64}})
        AND Timestamp <= fromUnixTimestamp64Nano({{last_ns:Int64}})
        AND {condition}
    ORDER BY Timestamp DESC
    LIMIT {{rows:UInt64}}
)
"""

TAIL: Final = f"""
SELECT {SPAN_COLUMNS}, toUInt32(ReceivedAt) AS received_s
FROM spans
WHERE TenantId = {{{{tenant:String}}}} AND ReceivedAt >= toDateTime({{{{since_s:UInt32}}}}, 'UTC') AND {{condition}}
ORDER BY ReceivedAt, Timestamp, TraceId, SpanId, Duration DESC
LIMIT 1 BY TraceId, SpanId
LIMIT {{{{limit:UInt32}}}}
"""

SESSIONS: Final = """
SELECT
    ConversationId AS session,
    toUnixTimestamp64Nano(min(Timestamp)) AS first_ns,
    toUnixTimestamp64Nano(max(Timestamp)) AS last_ns,
    uniqExact(TraceId) AS traces,
    count() AS spans,
    countIf(StatusCode = 'Error') AS errors,
    sumIf(InputTokens, Kind = 'llm') AS input_tokens,
    sumIf(OutputTokens, Kind = 'llm') AS output_tokens,
    sumOrNull(CostUsd) AS cost_usd,
    arraySort(groupUniqArrayIf(100)(toString(AgentName), AgentName != '')) AS agents,
    arraySort(groupUniqArrayIf(100)(toString(Model), Model != '')) AS models,
    arraySort(groupUniqArrayIf(100)(UserId, UserId != '')) AS users
FROM spans
WHERE TenantId = {{tenant:String}} AND ConversationId != '' AND {condition}
GROUP BY ConversationId
HAVING {{session:String}} = '' OR (last_ns, session) < ({{last_ns:Int64}}, {{session:String}})
ORDER BY last_ns DESC, session DESC
LIMIT {{limit:UInt32}}
"""

_QUANTILES: Final = "quantilesTDigest(0.5, 0.95, 0.99)(Duration)"

# The inner statement asks for what the rollup `agents_by_hour` has, in its own words.
AGENTS: Final = f"""
SELECT
    agent,
    sumIf(spans, kind = 'run') AS runs,
    sumIf(failed, kind = 'run') AS errors,
    sumIf(spans, kind = 'llm') AS calls,
    sumIf(spans, kind = 'tool') AS tools,
    anyIf(took, kind = 'run') AS quantiles,
    sumIf(sent, kind = 'llm') AS input_tokens,
    sumIf(received, kind = 'llm') AS output_tokens,
    sumOrNull(cost) AS cost_usd
FROM (
    SELECT
        toString(AgentName) AS agent,
        toString(Kind) AS kind,
        count() AS spans,
        countIf(StatusCode = 'Error') AS failed,
        {_QUANTILES} AS took,
        sum(InputTokens) AS sent,
        sum(OutputTokens) AS received,
        sum(CostUsd) AS cost
    FROM spans
    WHERE TenantId = {{{{tenant:String}}}} AND AgentName != '' AND {{condition}}
    GROUP BY AgentName, Kind
)
GROUP BY agent
ORDER BY runs DESC, calls DESC, agent
LIMIT {{{{limit:UInt32}}}}
"""

MODELS: Final = f"""
SELECT
    toString(Provider) AS provider,
    toString(Model) AS model,
    count() AS calls,
    countIf(StatusCode = 'Error') AS errors,
    countIf(isNull(CostUsd)) AS unpriced,
    {_QUANTILES} AS quantiles,
    sum(InputTokens) AS input_tokens,
    sum(OutputTokens) AS output_tokens,
    sum(CacheReadTokens) AS cache_read_tokens,
    sum(CacheWriteTokens) AS cache_write_tokens,
    sum(ReasoningTokens) AS reasoning_tokens,
    sum(CostUsd) AS cost_usd
FROM spans
WHERE TenantId = {{{{tenant:String}}}} AND Kind = 'llm' AND {{condition}}
GROUP BY Provider, Model
ORDER BY calls DESC, provider, model
LIMIT {{{{limit:UInt32}}}}
"""

COSTS: Final = """
SELECT
    toUInt32({bucket}) AS start_s,
    toString({key}) AS key,
    count() AS calls,
    countIf(isNull(CostUsd)) AS unpriced,
    sum(InputTokens) AS input_tokens,
    sum(OutputTokens) AS output_tokens,
    sum(CostUsd) AS cost_usd
FROM spans
WHERE TenantId = {{tenant:String}} AND Kind = 'llm' AND {condition}
GROUP BY start_s, key
ORDER BY start_s, cost_usd DESC NULLS LAST, key
LIMIT {{limit:UInt32}}
"""

FAILURES: Final = """
SELECT
    toString(Fingerprint) AS fingerprint,
    toString(Kind) AS kind,
    toString(ServiceName) AS service,
    toString(AgentName) AS agent,
    toString(ErrorType) AS error,
    toString(FailureType) AS failure,
    count() AS count,
    toUnixTimestamp64Nano(min(Timestamp)) AS first_ns,
    toUnixTimestamp64Nano(max(Timestamp)) AS last_ns,
    any(TraceId) AS trace_id,
    any(SpanId) AS span_id,
    toString(any(SpanName)) AS name,
    any(StatusMessage) AS message
FROM spans
WHERE TenantId = {{tenant:String}} AND (StatusCode = 'Error' OR FailureType != '') AND {condition}
GROUP BY Fingerprint, Kind, ServiceName, AgentName, ErrorType, FailureType
ORDER BY count DESC, last_ns DESC, fingerprint, service, agent
LIMIT {{limit:UInt32}}
"""

STATS: Final = f"""
SELECT
    toUInt32({{bucket}}) AS start_s,
    toString({{key}}) AS key,
    count() AS spans,
    countIf(StatusCode = 'Error') AS errors,
    {_QUANTILES} AS quantiles,
    sum(InputTokens) AS input_tokens,
    sum(OutputTokens) AS output_tokens,
    sum(CostUsd) AS cost_usd
FROM spans
WHERE TenantId = {{{{tenant:String}}}} AND {{condition}}
GROUP BY start_s, key
ORDER BY start_s, key
LIMIT {{{{limit:UInt32}}}}
"""
