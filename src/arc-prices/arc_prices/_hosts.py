"""Who is paid for a call to a host."""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

__all__ = ["behind_gateway", "charges"]

_OPENAI: Final = "openai"
_OPENAI_DOMAINS: Final = frozenset({"openai.com", "azure.com"})
"""Where calls of provider `openai` are charged; some instrumentors tell a model on Azure so, at the same price."""

_OWN_PROVIDERS: Final = frozenset(
    {"ollama", "vllm", "lmstudio", "lm_studio", "llama.cpp", "llama_cpp", "sglang", "tgi"}
)
"""Providers that run models on machines of one's own: nobody charges the list price for a token there."""

_OWN_DOMAINS: Final = frozenset({
    "localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "corp", "private", "test",
})  # fmt: skip
"""Names that lead nowhere on the internet: RFC 6761, RFC 6762, RFC 8375, and what networks of one's own use."""


@lru_cache(maxsize=1024)
def charges(provider: str, host: str, also: Collection[str] = frozenset()) -> bool:
    """Whether `provider` itself charges for a call to `host`, so that its list price is what the call costs.

    False for machines of one's own, and for a server that speaks OpenAI's protocol at somebody else's address: the
    conventions call its provider `openai` all the same. True where no host is told (""). `also` holds hosts, and
    domains with all that is below them, where the provider charges too, such as a gateway; it takes precedence.
    """
    if behind_gateway(host, also):
        return True
    name = _plain(host)
    if provider.strip().lower() in _OWN_PROVIDERS or (name and _own(name)):
        return False
    return not name or provider.strip().lower() != _OPENAI or _within(name, _OPENAI_DOMAINS)


def behind_gateway(host: str, gateways: Collection[str]) -> bool:
    """Whether `host` is one of `gateways`, or below one of them."""
    return _within(_plain(host), gateways)


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _own(name: str) -> bool:
    """Whether `name` is a machine or a network of one's own; a socket's path is one too."""
    try:
        return not ip_address(name).is_global
    except ValueError:
        return "." not in name or "/" in name or _within(name, _OWN_DOMAINS)


def _within(name: str, domains: Collection[str]) -> bool:
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
