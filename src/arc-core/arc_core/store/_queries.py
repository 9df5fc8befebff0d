"""The SQL that reads. Every statement names the tenant."""

from typing import Final

# Faces are what takes the time: they are merged for the candidates alone, 10 times faster with 100,000 traces. Filters
# on what a face shows need them all.
TRACES_PAGE: Final = """
SELECT
    TraceId AS trace_id,
    toUnixTimestamp64Nano(min(Start)) AS start_ns,
    toUnixTimestamp64Nano(max(End)) AS end_ns,
    argMinMerge(Face) AS face,
    face.1 AS name,
    face.2 AS service,
    multiIf(
        face.3 = 0, 'running',
        face.4 = 'Error', 'error',
        face.5 IN ('interrupted', 'cancelled'), face.5,
        'ok') AS status
FROM traces
WHERE TenantId = {tenant:String} AND TraceId IN (
    SELECT TraceId
    FROM traces
    WHERE TenantId = {tenant:String} AND ({trace_id:String} = '' OR TraceId = {trace_id:String})
        AND ({invocation:String} = '' OR TraceId IN (
            -- Repeated inside, as the list is made whether it is asked for or not.
            SELECT TraceId
            FROM spans
            WHERE {invocation:String} != '' AND TenantId = {tenant:String}
                AND Timestamp >= fromUnixTimestamp64Nano({since_ns:Int64})
                AND ResourceAttributes['arc.invocation.id'] = {invocation:String}
        ))
    GROUP BY TraceId
    HAVING ({service:String} = '' OR has(groupUniqArrayArray(Services), {service:String}))
        AND ({since_ns:Int64} = 0 OR toUnixTimestamp64Nano(min(Start)) >= {since_ns:Int64})
        AND ({before_id:String} = ''
            OR (toUnixTimestamp64Nano(min(Start)), TraceId) < ({before_ns:Int64}, {before_id:String}))
    ORDER BY min(Start) DESC, TraceId DESC
    LIMIT {candidates:UInt64}
)
GROUP BY TraceId
HAVING ({status:String} = '' OR status = {status:String})
    AND ({text:String} = ''
        OR positionCaseInsensitiveUTF8(name, {text:String}) > 0
        OR startsWith(TraceId, lower({text:String})))
ORDER BY start_ns DESC, TraceId DESC
LIMIT {limit:UInt32}
"""

_SPANS_OF_TRACES: Final = """
FROM spans
WHERE TenantId = {tenant:String} AND TraceId IN {trace_ids:Array(String)}
    AND Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({last_ns:Int64})
"""

# Of a span that came twice with other content, as one that was exported while open, the longest is meant, in both.
# The texts put together here are constants; values are always bound.
TRACE_TOTALS: Final = f"""
SELECT
    TraceId AS trace_id,
    count() AS spans,
    countIf(StatusCode = 'Error') AS errors,
    sumIf(InputTokens, Kind = 'llm') AS input_tokens,
    sumIf(OutputTokens, Kind = 'llm') AS output_tokens,
    sumOrNull(CostUsd) AS cost_usd,
    countIf(Kind = 'llm' AND CostUsd IS NULL) AS unpriced_calls,
    countIf(Kind = 'llm' AND notEmpty(FixIds) AND FixMode NOT IN ('shadow', 'control')) AS fixes,
    sum(RedactionCount) AS redactions,
    groupArrayIf((Timestamp, toString(AgentName)), Kind IN ('run', 'llm') AND AgentName != '') AS agent_runs,
    arrayDistinct(arrayMap(x -> x.2, arraySort(agent_runs))) AS agents,
    groupArrayIf((Timestamp, toString(Model)), Kind = 'llm' AND Model != '') AS model_calls,
    arrayDistinct(arrayMap(x -> x.2, arraySort(model_calls))) AS models
FROM (
    SELECT
        TraceId, Timestamp, StatusCode, Kind, AgentName, Model,
        InputTokens, OutputTokens, CostUsd, FixIds, FixMode, RedactionCount
    {_SPANS_OF_TRACES}
    ORDER BY Timestamp, Duration DESC, SpanId
    LIMIT 1 BY TraceId, SpanId
)
GROUP BY TraceId
"""  # noqa: S608

SPANS: Final = f"""
SELECT
    SpanId AS span_id,
    ParentSpanId AS parent_span_id,
    Kind AS kind,
    SpanName AS name,
    ServiceName AS service,
    ScopeName AS scope_name,
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
    `Links.Attributes` AS link_attributes
{_SPANS_OF_TRACES}
ORDER BY Timestamp, Duration DESC, SpanId
LIMIT 1 BY TraceId, SpanId
"""

SERVICES: Final = """
SELECT DISTINCT ServiceName AS service
FROM spans
WHERE TenantId = {tenant:String} AND ServiceName != ''
ORDER BY service
LIMIT 1000
"""
