"""The request fields that a fix may touch, API by API: sampling, limits and output form.

`model` and `messages` change what is asked, `stream` changes the type the caller gets, credentials and URLs change who
is asked: none of them is ever in this table.
"""

from typing import Final

MENDABLE: Final[dict[str, frozenset[str]]] = {
    "chat.completions": frozenset(
        {
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_completion_tokens",
            "max_tokens",
            "n",
            "parallel_tool_calls",
            "presence_penalty",
            "reasoning_effort",
            "response_format",
            "seed",
            "service_tier",
            "stop",
            "temperature",
            "tool_choice",
            "top_k",
            "top_logprobs",
            "top_p",
            "verbosity",
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
        }
    ),
    # `encoding_format` is not among them: the client decodes base64 only when the caller left it out.
    "embeddings": frozenset({"dimensions"}),
    "responses": frozenset(
        {
            "max_output_tokens",
            "max_tool_calls",
            "parallel_tool_calls",
            "reasoning",
            "service_tier",
            "temperature",
            "text",
            "tool_choice",
            "top_logprobs",
            "top_p",
            "truncation",
        }
    ),
}
"""First step of the paths that a fix may change, by `$api`."""

CONTENT: Final = frozenset({"stop", "response_format", "text"})
"""Fields of these whose values are words of the user's: recorded only where content is."""

ANY_API: Final = frozenset().union(*MENDABLE.values())
"""What some API lets a fix change: the check at registration, before the API of a request is known."""
