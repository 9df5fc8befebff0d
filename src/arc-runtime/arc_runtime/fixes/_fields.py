"""The request fields that a fix may touch, API by API: sampling, limits, hints and output form.

`stream` changes the type the caller gets, credentials and URLs change who is asked, `store` what is kept of it: none of
them is ever in these tables. `model` and what is said change what is asked: only a reviewed rewrite may touch them.
"""

from typing import Final

__all__ = ["ANY_API", "CONTENT", "MENDABLE", "REWRITABLE"]

_NOTHING: Final[frozenset[str]] = frozenset()

MENDABLE: Final[dict[str, frozenset[str]]] = {
    "chat.completions": frozenset(
        {
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_completion_tokens",
            "max_tokens",
            "metadata",
            "n",
            "parallel_tool_calls",
            "prediction",
            "presence_penalty",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "response_format",
            "safety_identifier",
            "seed",
            "service_tier",
            "stop",
            "temperature",
            "thinking",
            "tool_choice",
            "top_k",
            "top_logprobs",
            "top_p",
            "user",
            "verbosity",
            "web_search_options",
        }
    ),
    "completions": frozenset(
        {
            "best_of",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_tokens",
            "n",
            "presence_penalty",
            "seed",
            "stop",
            "temperature",
            "top_p",
            "user",
        }
    ),
    # `encoding_format` is not among them: the client decodes base64 only when the caller left it out.
    "embeddings": frozenset({"dimensions", "user"}),
    "messages": frozenset(
        {
            "max_tokens",
            "metadata",
            "output_config",
            "service_tier",
            "stop_sequences",
            "temperature",
            "thinking",
            "tool_choice",
            "top_k",
            "top_p",
        }
    ),
    "responses": frozenset(
        {
            "include",
            "max_output_tokens",
            "max_tool_calls",
            "metadata",
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning",
            "safety_identifier",
            "service_tier",
            "temperature",
            "text",
            "tool_choice",
            "top_logprobs",
            "top_p",
            "truncation",
            "user",
        }
    ),
}
"""First step of the paths that a fix may change, by `$api`."""

REWRITABLE: Final[dict[str, frozenset[str]]] = {
    "chat.completions": frozenset({"functions", "messages", "model", "tools"}),
    "completions": frozenset({"model"}),
    "embeddings": frozenset({"model"}),
    "messages": frozenset({"messages", "model", "system", "tools"}),
    "responses": frozenset({"input", "instructions", "model", "tools"}),
}
"""What a named rewrite may change beside those, by `$api`."""

CONTENT: Final = frozenset(
    {
        "functions",
        "input",
        "instructions",
        "messages",
        "metadata",
        "prediction",
        "prompt_cache_key",
        "response_format",
        "safety_identifier",
        "stop",
        "stop_sequences",
        "system",
        "text",
        "tools",
        "user",
        "web_search_options",
    }
)
"""Fields of these whose values are words of the user's: recorded only where content is."""

ANY_API: Final = _NOTHING.union(*MENDABLE.values())
"""What some API lets a fix change: the check at registration, before the API of a request is known."""
