-- What others emit comes to the same columns: OpenInference, OpenLLMetry, and the GenAI conventions of before.
-- `ks` holds the names as they came and then as the conventions have them, so that a name that came itself wins.
CREATE FUNCTION IF NOT EXISTS arcPick AS (ks, vs, name) ->
    vs[if(indexOf(ks, name) > length(vs), toUInt64(indexOf(ks, name) - length(vs)), indexOf(ks, name))];

-- Messages that came as an attribute for each of their fields.
CREATE FUNCTION IF NOT EXISTS arcMessages AS (ks, vs, prefix, middle, count) -> concat('[', arrayStringConcat(arrayMap(
    i -> concat('{"role":', toJSONString(vs[indexOf(ks, concat(prefix, toString(i), middle, '.role'))]),
        ',"parts":[{"type":"text","content":', toJSONString(vs[indexOf(ks, concat(prefix, toString(i), middle, '.content'))]), '}]}'),
    range(least(count, 1000))), ','), ']');

-- `by_trace` finds them faster, and costs less to write.
ALTER TABLE spans DROP INDEX IF EXISTS idx_trace_id;

DROP VIEW IF EXISTS spans_of_otel_traces;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_of_otel_traces TO spans AS
WITH
    arrayConcat(mapKeys(l.SpanAttributes), arrayMap(k -> transform(k, [
        'gen_ai.system', 'gen_ai.usage.prompt_tokens', 'gen_ai.usage.completion_tokens',
        'gen_ai.usage.cache_creation.input_tokens', 'gen_ai.prompt', 'gen_ai.completion', 'enduser.id',
        'deployment.environment', 'gen_ai.usage.cache_read_input_tokens',
        'gen_ai.usage.cache_creation_input_tokens', 'gen_ai.usage.reasoning_tokens', 'llm.request.type',
        'traceloop.workflow.name', 'traceloop.association.properties.session_id',
        'traceloop.association.properties.user_id', 'traceloop.entity.input', 'traceloop.entity.output',
        'llm.provider', 'llm.system', 'llm.model_name', 'embedding.model_name', 'reranker.model_name',
        'llm.token_count.prompt', 'llm.token_count.completion', 'llm.token_count.prompt_details.cache_read',
        'llm.token_count.prompt_details.cache_write', 'llm.token_count.completion_details.reasoning',
        'llm.cost.total', 'agent.name', 'tool.name', 'session.id', 'input.value', 'output.value'], [
        'gen_ai.provider.name', 'gen_ai.usage.input_tokens', 'gen_ai.usage.output_tokens',
        'gen_ai.usage.cache_write.input_tokens', 'gen_ai.input.messages', 'gen_ai.output.messages', 'user.id',
        'deployment.environment.name', 'gen_ai.usage.cache_read.input_tokens',
        'gen_ai.usage.cache_write.input_tokens', 'gen_ai.usage.reasoning.output_tokens',
        'gen_ai.operation.name', 'gen_ai.workflow.name', 'gen_ai.conversation.id', 'user.id',
        'gen_ai.input.messages', 'gen_ai.output.messages', 'gen_ai.provider.name', 'gen_ai.provider.name',
        'gen_ai.response.model', 'gen_ai.response.model', 'gen_ai.response.model',
        'gen_ai.usage.input_tokens', 'gen_ai.usage.output_tokens', 'gen_ai.usage.cache_read.input_tokens',
        'gen_ai.usage.cache_write.input_tokens', 'gen_ai.usage.reasoning.output_tokens', 'arc.cost.usd',
        'gen_ai.agent.name', 'gen_ai.tool.name', 'gen_ai.conversation.id', 'gen_ai.input.messages',
        'gen_ai.output.messages'], ''), mapKeys(l.SpanAttributes))) AS ks,
    mapValues(l.SpanAttributes) AS vs,
    lower(arcPick(ks, vs, 'openinference.span.kind')) AS inference_kind,
    arcPick(ks, vs, 'traceloop.span.kind') AS loop_kind,
    arcPick(ks, vs, 'traceloop.entity.name') AS loop_name
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
    multiIf(
        arcPick(ks, vs, 'gen_ai.operation.name') = 'completion', 'text_completion',
        arcPick(ks, vs, 'gen_ai.operation.name') = 'embedding', 'embeddings',
        arcPick(ks, vs, 'gen_ai.operation.name') != '', arcPick(ks, vs, 'gen_ai.operation.name'),
        inference_kind = 'llm', 'chat',
        inference_kind = 'embedding', 'embeddings',
        inference_kind = 'tool' OR loop_kind = 'tool', 'execute_tool',
        inference_kind = 'agent' OR loop_kind = 'agent', 'invoke_agent',
        loop_kind = 'workflow', 'invoke_workflow',
        '') AS Operation,
    multiIf(
        arcPick(ks, vs, 'arc.span.kind') IN ('job', 'run', 'tool', 'action', 'llm'), arcPick(ks, vs, 'arc.span.kind'),
        arcPick(ks, vs, 'arc.span.kind') != '', 'other',
        Operation = 'invoke_workflow', 'job',
        Operation = 'invoke_agent', 'run',
        Operation = 'execute_tool', 'tool',
        Operation IN ('chat', 'text_completion', 'generate_content', 'embeddings'), 'llm',
        inference_kind = 'chain' AND l.ParentSpanId = '', 'job',
        'other') AS Kind,
    arcPick(ks, vs, 'arc.run.state') AS RunState,
    multiIf(arcPick(ks, vs, 'gen_ai.agent.name') != '', arcPick(ks, vs, 'gen_ai.agent.name'), loop_kind = 'agent', loop_name, inference_kind = 'agent', l.SpanName, '') AS AgentName,
    if(arcPick(ks, vs, 'gen_ai.response.model') != '', arcPick(ks, vs, 'gen_ai.response.model'), arcPick(ks, vs, 'gen_ai.request.model')) AS Model,
    lower(arcPick(ks, vs, 'gen_ai.provider.name')) AS Provider,
    multiIf(arcPick(ks, vs, 'gen_ai.tool.name') != '', arcPick(ks, vs, 'gen_ai.tool.name'), loop_kind = 'tool', loop_name, inference_kind = 'tool', l.SpanName, '') AS ToolName,
    arcPick(ks, vs, 'gen_ai.conversation.id') AS ConversationId,
    accurateCastOrDefault(toFloat64OrZero(arcPick(ks, vs, 'gen_ai.usage.input_tokens')), 'UInt64') AS InputTokens,
    accurateCastOrDefault(toFloat64OrZero(arcPick(ks, vs, 'gen_ai.usage.output_tokens')), 'UInt64') AS OutputTokens,
    if(Kind = 'llm', coalesce(l.CostUsd, arcCost(arcPick(ks, vs, 'arc.cost.usd'))), NULL) AS CostUsd,
    JSONExtract(arcPick(ks, vs, 'arc.fix.ids'), 'Array(String)') AS FixIds,
    arcPick(ks, vs, 'arc.fix.mode') AS FixMode,
    arcPick(ks, vs, 'arc.failure.type') AS FailureType,
    accurateCastOrDefault(toFloat64OrZero(arcPick(ks, vs, 'arc.redaction.count')), 'UInt64') AS RedactionCount,
    multiIf(
        arcPick(ks, vs, 'gen_ai.input.messages') != '', arcPick(ks, vs, 'gen_ai.input.messages'),
        arrayCount(k -> startsWith(k, 'gen_ai.prompt.') AND endsWith(k, '.role'), mapKeys(l.SpanAttributes)) > 0, arcMessages(ks, vs, 'gen_ai.prompt.', '', arrayCount(k -> startsWith(k, 'gen_ai.prompt.') AND endsWith(k, '.role'), mapKeys(l.SpanAttributes))),
        arrayCount(k -> startsWith(k, 'llm.input_messages.') AND endsWith(k, '.message.role'), mapKeys(l.SpanAttributes)) > 0, arcMessages(ks, vs, 'llm.input_messages.', '.message', arrayCount(k -> startsWith(k, 'llm.input_messages.') AND endsWith(k, '.message.role'), mapKeys(l.SpanAttributes))), '') AS InputMessages,
    multiIf(
        arcPick(ks, vs, 'gen_ai.output.messages') != '', arcPick(ks, vs, 'gen_ai.output.messages'),
        arrayCount(k -> startsWith(k, 'gen_ai.completion.') AND endsWith(k, '.role'), mapKeys(l.SpanAttributes)) > 0, arcMessages(ks, vs, 'gen_ai.completion.', '', arrayCount(k -> startsWith(k, 'gen_ai.completion.') AND endsWith(k, '.role'), mapKeys(l.SpanAttributes))),
        arrayCount(k -> startsWith(k, 'llm.output_messages.') AND endsWith(k, '.message.role'), mapKeys(l.SpanAttributes)) > 0, arcMessages(ks, vs, 'llm.output_messages.', '.message', arrayCount(k -> startsWith(k, 'llm.output_messages.') AND endsWith(k, '.message.role'), mapKeys(l.SpanAttributes))), '') AS OutputMessages,
    arcPick(ks, vs, 'gen_ai.system_instructions') AS SystemInstructions,
    multiIf(
        arcPick(ks, vs, 'arc.span.kind') != '', 'arc',
        inference_kind != '', 'openinference',
        loop_kind != '' OR arcPick(ks, vs, 'llm.request.type') != '' OR arcPick(ks, vs, 'traceloop.workflow.name') != '', 'openllmetry',
        arcPick(ks, vs, 'gen_ai.provider.name') = '' AND arcPick(ks, vs, 'gen_ai.operation.name') = '', '',
        has(mapKeys(l.SpanAttributes), 'gen_ai.system'), 'genai before 1.37',
        'genai') AS Dialect,
    if(loop_kind = 'workflow' AND arcPick(ks, vs, 'gen_ai.workflow.name') = '', loop_name, arcPick(ks, vs, 'gen_ai.workflow.name')) AS WorkflowName,
    arcPick(ks, vs, 'user.id') AS UserId,
    arcPick(ks, vs, 'error.type') AS ErrorType,
    -- Failures that differ in numbers and ids alone are one.
    if(l.StatusCode = 'Error' OR FailureType != '',
        lower(hex(sipHash64(Kind, FailureType, ErrorType, replaceRegexpAll(left(l.StatusMessage, 300), '[0-9a-fA-F-]{8,}|[0-9]+', '#')))), '') AS Fingerprint,
    toUInt8OrZero(arcPick(ks, vs, 'arc.run.attempt')) AS Attempt,
    accurateCastOrDefault(toFloat64OrZero(arcPick(ks, vs, 'gen_ai.usage.cache_read.input_tokens')), 'UInt64') AS CacheReadTokens,
    accurateCastOrDefault(toFloat64OrZero(arcPick(ks, vs, 'gen_ai.usage.cache_write.input_tokens')), 'UInt64') AS CacheWriteTokens,
    accurateCastOrDefault(toFloat64OrZero(arcPick(ks, vs, 'gen_ai.usage.reasoning.output_tokens')), 'UInt64') AS ReasoningTokens,
    toFloat32OrZero(arcPick(ks, vs, 'gen_ai.response.time_to_first_chunk')) AS FirstChunkSeconds,
    if(l.ResourceAttributes['deployment.environment.name'] != '', l.ResourceAttributes['deployment.environment.name'], l.ResourceAttributes['deployment.environment']) AS Environment,
    l.ResourceAttributes['service.version'] AS ServiceVersion,
    l.BatchId AS BatchId,
    l.ReceivedAt AS ReceivedAt
FROM otel_traces AS l
SETTINGS prefer_column_name_to_alias = 1;
