"""Attribute, event and resource names.

Sources: GenAI semantic conventions (open-telemetry/semantic-conventions-genai, November 2026) for `gen_ai.*` and
`openai.*`; OpenTelemetry semantic conventions 1.42 for the rest. What the conventions lack lives under `arc.*`.
The constants of `opentelemetry-semantic-conventions` are not used: it marks every `gen_ai.*` name as moved.
"""

from typing import Final

# --- GenAI: what was asked ---
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
CONVERSATION_COMPACTED: Final = "gen_ai.conversation.compacted"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_API_TYPE: Final = "openai.api.type"

# --- GenAI: what came back ---
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_IMAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.image.cache_read.input_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - no secret
TOKEN_MODALITY: Final = "gen_ai.token.modality"  # noqa: S105 - no secret

# --- GenAI: content, recorded only when the user asks for it ---
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
EVENT_INFERENCE_DETAILS: Final = "gen_ai.client.inference.operation.details"

# --- GenAI: agents, workflows, tools ---
AGENT_NAME: Final = "gen_ai.agent.name"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"

# --- general ---
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
HTTP_STATUS_CODE: Final = "http.response.status_code"
HTTP_RESEND_COUNT: Final = "http.request.resend_count"
SERVICE_NAME: Final = "service.name"
SESSION_ID: Final = "session.id"
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
PROCESS_PID: Final = "process.pid"
PROCESS_PARENT_PID: Final = "process.parent_pid"
PROCESS_COMMAND_LINE: Final = "process.command_line"
PROCESS_EXECUTABLE_NAME: Final = "process.executable.name"
PROCESS_RUNTIME_NAME: Final = "process.runtime.name"
PROCESS_RUNTIME_VERSION: Final = "process.runtime.version"
DISTRO_NAME: Final = "telemetry.distro.name"
DISTRO_VERSION: Final = "telemetry.distro.version"

# --- Arc: the span itself ---
SPAN_KIND: Final = "arc.span.kind"
RUN_STATE: Final = "arc.run.state"
RUN_ATTEMPT: Final = "arc.run.attempt"
REQUEST_ID: Final = "arc.request.id"
AGENT_FRAMEWORK: Final = "arc.agent.framework"
AGENT_DOMAIN: Final = "arc.agent.domain"
PIPELINE_ID: Final = "arc.pipeline.id"
APPLICATION_ID: Final = "arc.application.id"
ACTION_ID: Final = "arc.action.id"
ACTION_TYPE: Final = "arc.action.type"
ACTION_OUTCOME: Final = "arc.action.outcome"
ACTION_WAIT_SECONDS: Final = "arc.action.wait_s"
ACTION_QUESTION: Final = "arc.action.question"
ACTION_ANSWER: Final = "arc.action.answer"
HANDOFF_FROM: Final = "arc.handoff.from"
HANDOFF_TO: Final = "arc.handoff.to"
HANDOFF_KEYS: Final = "arc.handoff.keys"
HANDOFF_STATE: Final = "arc.handoff.state"
LINK: Final = "arc.link"
HANDOFF_CONTEXT: Final = "arc.handoff.context"
EVENT_HANDOFF: Final = "arc.handoff"
LANGGRAPH_STEP: Final = "arc.langgraph.step"
LANGGRAPH_NODE: Final = "arc.langgraph.node"
LANGGRAPH_TRIGGERS: Final = "arc.langgraph.triggers"
LANGGRAPH_CHECKPOINT_NS: Final = "arc.langgraph.checkpoint_ns"
LANGGRAPH_CHECKPOINT_ID: Final = "arc.langgraph.checkpoint_id"

# --- Arc: the resource ---
INVOCATION_ID: Final = "arc.invocation.id"

# --- Arc: fixes ---
FIX_IDS: Final = "arc.fix.ids"
FIX_MODE: Final = "arc.fix.mode"
FIX_CHANGES: Final = "arc.fix.changes"
FIX_TRIGGER: Final = "arc.fix.trigger"
FIX_OUTCOME: Final = "arc.fix.outcome"
FIX_SUGGESTED: Final = "arc.fix.suggested"
FIX_ADVICE: Final = "arc.fix.advice"
FIX_PROPOSED: Final = "arc.fix.proposed"  # an attribute of spans, and the name of a log event
FIX_ENTRY: Final = "arc.fix.entry"
EVENT_FIX_TRIPPED: Final = "arc.fix.tripped"
EVENT_ATTEMPT: Final = "arc.attempt"
FAILURE_TYPE: Final = "arc.failure.type"
FAILURE_DETAIL: Final = "arc.failure.detail"

# --- Arc: model calls ---
REQUEST_API: Final = "arc.request.api"
USAGE_ESTIMATED: Final = "arc.usage.estimated"
ERROR_CODE: Final = "arc.error.code"
ERROR_PARAM: Final = "arc.error.param"

# --- Arc: sessions over one connection ---
SESSION_RECONNECTS: Final = "arc.session.reconnects"
SESSION_CLOSE_CODE: Final = "arc.session.close_code"

# --- Arc: redaction ---
REDACTION_COUNT: Final = "arc.redaction.count"
REDACTION_TYPES: Final = "arc.redaction.types"
REDACTION_TYPE: Final = "arc.redaction.type"
"""Of the metric `arc.redaction.count`: which type was replaced."""

# --- Arc: cost ---
COST_USD: Final = "arc.cost.usd"
COST_ESTIMATED: Final = "arc.cost.estimated"
COST_PRICE_LIST: Final = "arc.cost.price_list"
COST_PRICE_DATE: Final = "arc.cost.price_date"

# --- Arc: recorded runs that were imported ---
IMPORT_RUN_ID: Final = "arc.run.id"
IMPORT_SOURCE: Final = "arc.import.source"
IMPORT_FRAMEWORK: Final = "arc.import.framework"
IMPORT_TASK: Final = "arc.import.task"
IMPORT_TRIAL: Final = "arc.import.trial"
IMPORT_LABELS: Final = "arc.import.labels"

# --- on the wire, beside OTLP ---
API_KEY_HEADER: Final = "x-api-key"

# --- on the wire, from the program to Arc: read, then removed before the request leaves ---
AGENT_NAME_HEADER: Final = "x-agent-name"
APPLICATION_ID_HEADER: Final = "x-application-id"
FIXES_HEADER: Final = "x-arc-fixes"

# --- Arc: whose it is ---
TENANT_ID: Final = "arc.tenant.id"
"""On a resource, put there by a gateway; nobody else is believed."""
