"""How the instrumentors of others mark a span that stands for one call of a model.

Sources: the GenAI conventions; OpenInference semantic conventions (`openinference.span.kind`); OpenLLMetry before 0.50
(`llm.request.type`); AgentOps 0.4 (`gen_ai.request.type`); Langfuse 3 to 5 (`langfuse.observation.type`).
"""

from typing import Final

from arc_semconv.attributes import OPERATION

__all__ = ["EMBEDDING", "FETCH_RESPONSE", "INFERENCE", "MODEL_CALL_MARKS", "call_of"]

INFERENCE: Final = "inference"
EMBEDDING: Final = "embedding"
FETCH_RESPONSE: Final = "fetch_response"

_OPERATIONS: Final = {
    "chat": INFERENCE,
    "text_completion": INFERENCE,
    "generate_content": INFERENCE,
    "embeddings": EMBEDDING,
    "fetch_response": FETCH_RESPONSE,
}
_TYPES: Final = {"chat": INFERENCE, "completion": INFERENCE, "embedding": EMBEDDING, "embeddings": EMBEDDING}

MODEL_CALL_MARKS: Final = {
    OPERATION: _OPERATIONS,
    "openinference.span.kind": {"LLM": INFERENCE, "EMBEDDING": EMBEDDING},
    "gen_ai.request.type": _TYPES,
    "llm.request.type": _TYPES,
    "langfuse.observation.type": {"generation": INFERENCE, "embedding": EMBEDDING},
}
"""Attribute name to its values that mean a call of a model, and which sort of call each means."""


def call_of(operation: str) -> str:
    """The sort of call that an operation of Arc's own (`gen_ai.operation.name`) is: inference, if it is no other."""
    return _OPERATIONS.get(operation, INFERENCE)
