"""Which provider a host belongs to (`gen_ai.provider.name`)."""

from functools import lru_cache
from typing import Final

__all__ = ["provider_of"]

_BY_DOMAIN: Final = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
}
"""Well-known values of the GenAI conventions where they have one, else the provider's usual id."""


@lru_cache(maxsize=256)
def provider_of(host: str, client: str) -> str:
    """The provider that serves `host`; `client` is the class of the client, which knows Azure behind any host.

    An unknown host speaks OpenAI's protocol: `openai`, as the conventions advise.
    """
    for domain, provider in _BY_DOMAIN.items():
        if host == domain or host.endswith(f".{domain}"):
            return provider
    return "azure.ai.openai" if "Azure" in client else "openai"
