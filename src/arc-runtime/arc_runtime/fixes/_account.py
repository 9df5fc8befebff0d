"""Errors about the account, the hour, or what is said, not about the form of the request: they are only told of.

Source: llm_api_failures (November 2026), and the providers' tables of error codes: OpenAI, Azure, Anthropic, Groq,
Mistral, DeepSeek, OpenRouter, Qwen.
"""

import re
from typing import Final

from arc_runtime.fixes._refusal import Refusal

__all__ = ["has_no_credit", "is_filtered", "is_overloaded", "is_rate_limited"]

_LIMITED: Final = 429
_PAYMENT: Final = 402
_OVERLOADED: Final = 529
_NO_CREDIT_CODES: Final = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "arrearage", "insufficient_balance"}
)
_NO_CREDIT: Final = re.compile(
    r"exceeded your current quota|credit balance is too low|insufficient (?:balance|credits?|funds)"
    r"|billing hard limit|account is not active, please check your billing",
    re.IGNORECASE,
)
_FILTER_CODES: Final = frozenset(
    {"content_filter", "content_policy_violation", "data_inspection_failed", "responsibleaipolicyviolation"}
)
_FILTERED: Final = re.compile(
    r"content management policy|content filtering policy|content exists risk|inappropriate content"
    r"|rejected (?:by|as a result of) (?:our|the) safety system|blocked by .{0,40}content filter",
    re.IGNORECASE,
)
_BUSY: Final = re.compile(r"overloaded|over capacity|out of capacity|capacity exceeded|no capacity", re.IGNORECASE)
_RELAYED: Final = "Provider returned error"
_TOO_LARGE: Final = "Request too large"


def has_no_credit(refusal: Refusal) -> bool:
    """Whether the error says that the account has nothing left to pay with."""
    codes = {(refusal.code or "").lower(), (refusal.kind or "").lower()}
    if refusal.status == _PAYMENT or not codes.isdisjoint(_NO_CREDIT_CODES):
        return True
    return _NO_CREDIT.search(refusal.message) is not None


def is_rate_limited(refusal: Refusal) -> bool:
    """Whether more is asked than the account may in a time, so that waiting helps."""
    if refusal.status != _LIMITED or has_no_credit(refusal):
        return False
    return not refusal.message.startswith((_TOO_LARGE, _RELAYED))


def is_overloaded(refusal: Refusal) -> bool:
    """Whether the provider says that it has too much to do."""
    return (
        refusal.status == _OVERLOADED or refusal.kind == "overloaded_error" or _BUSY.search(refusal.message) is not None
    )


def is_filtered(refusal: Refusal) -> bool:
    """Whether the error says that what is said in the request was not let through."""
    codes = {(refusal.code or "").lower(), (refusal.kind or "").lower()}
    return not codes.isdisjoint(_FILTER_CODES) or _FILTERED.search(refusal.message) is not None
