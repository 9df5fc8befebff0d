"""What other instrumentations call the things that Arc Core has columns for.

Sources: OpenInference semantic conventions up to 0.1.42 (Arize), OpenLLMetry's semconv-ai up to 0.5.1 (Traceloop), and
the GenAI conventions of OpenTelemetry before 1.37. The view `spans_of_otel_traces` does the same in SQL; a test
holds them together.
"""

from collections.abc import Mapping
from typing import Final

from arc_semconv import attributes as names

COST: Final = names.COST_USD

CANONICAL: Final[Mapping[str, str]] = {
    # GenAI conventions before 1.37
    "gen_ai.system": names.PROVIDER,
    "gen_ai.usage.prompt_tokens": names.USAGE_INPUT_TOKENS,
    "gen_ai.usage.completion_tokens": names.USAGE_OUTPUT_TOKENS,
    "gen_ai.usage.cache_creation.input_tokens": names.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "gen_ai.prompt": names.INPUT_MESSAGES,
    "gen_ai.completion": names.OUTPUT_MESSAGES,
    "enduser.id": "user.id",
    "deployment.environment": "deployment.environment.name",
    # OpenLLMetry
    "gen_ai.usage.cache_read_input_tokens": names.USAGE_CACHE_READ_INPUT_TOKENS,
    "gen_ai.usage.cache_creation_input_tokens": names.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "gen_ai.usage.reasoning_tokens": names.USAGE_REASONING_OUTPUT_TOKENS,
    "llm.request.type": names.OPERATION,
    "traceloop.workflow.name": names.WORKFLOW_NAME,
    "traceloop.association.properties.session_id": names.CONVERSATION_ID,
    "traceloop.association.properties.user_id": "user.id",
    "traceloop.entity.input": names.INPUT_MESSAGES,
    "traceloop.entity.output": names.OUTPUT_MESSAGES,
    "llm.usage.reasoning_tokens": names.USAGE_REASONING_OUTPUT_TOKENS,
    "gen_ai.user": "user.id",
    "llm.user": "user.id",
    # OpenInference
    "llm.request.model_name": names.REQUEST_MODEL,
    "llm.response.model_name": names.RESPONSE_MODEL,
    "llm.token_count.prompt_details.cache_input": names.USAGE_CACHE_READ_INPUT_TOKENS,
    "decision.model_name": names.RESPONSE_MODEL,
    "decision.request.model_name": names.REQUEST_MODEL,
    "decision.response.model_name": names.RESPONSE_MODEL,
    "decision.provider": names.PROVIDER,
    "decision.system": names.PROVIDER,
    "decision.token_count.input": names.USAGE_INPUT_TOKENS,
    "decision.token_count.output": names.USAGE_OUTPUT_TOKENS,
    "llm.provider": names.PROVIDER,
    "llm.system": names.PROVIDER,
    "llm.model_name": names.RESPONSE_MODEL,
    "embedding.model_name": names.RESPONSE_MODEL,
    "reranker.model_name": names.RESPONSE_MODEL,
    "llm.token_count.prompt": names.USAGE_INPUT_TOKENS,
    "llm.token_count.completion": names.USAGE_OUTPUT_TOKENS,
    "llm.token_count.prompt_details.cache_read": names.USAGE_CACHE_READ_INPUT_TOKENS,
    "llm.token_count.prompt_details.cache_write": names.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "llm.token_count.completion_details.reasoning": names.USAGE_REASONING_OUTPUT_TOKENS,
    "llm.cost.total": names.COST_USD,
    "agent.name": names.AGENT_NAME,
    "tool.name": names.TOOL_NAME,
    "session.id": names.CONVERSATION_ID,
    "input.value": names.INPUT_MESSAGES,
    "output.value": names.OUTPUT_MESSAGES,
}
"""The name of the GenAI conventions, or of Arc, for each name that means the same."""

TOKENS: Final = frozenset(
    {names.USAGE_INPUT_TOKENS, names.USAGE_OUTPUT_TOKENS}
    | {other for other, name in CANONICAL.items() if name in (names.USAGE_INPUT_TOKENS, names.USAGE_OUTPUT_TOKENS)}
)
"""Names under which a span of a model call says how many tokens it took."""


def canonical(attributes: Mapping[str, str]) -> dict[str, str]:
    """`attributes` with the names of `CANONICAL` too, where they are not there already."""
    found = dict(attributes)
    for name, value in attributes.items():
        if (known := CANONICAL.get(name)) is not None:
            found.setdefault(known, value)
    return found
