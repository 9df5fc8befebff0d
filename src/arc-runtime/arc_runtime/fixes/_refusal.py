"""What a provider says when it refuses a request, as patterns see it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Optional

from arc_runtime.fixes._envelopes import unwrapped

__all__ = ["NOT_PROCESSED", "Refusal"]

NOT_PROCESSED: Final = frozenset({400, 404, 413, 422})
"""HTTP statuses with which a provider says that it did nothing with the request, so that another may be sent."""
_LIMITED: Final = 429
_TOO_LARGE: Final = "Request too large for"
_LONGEST: Final = 8192
_DEEPEST: Final = 4
"""Envelopes in one another that are taken off."""


class Refusal(NamedTuple):
    """An error that a provider answered; what it did not say is None."""

    status: int
    code: str | None = None
    param: str | None = None
    message: str = ""
    kind: str | None = None
    """`type` of the error, e.g. `invalid_request_error`."""
    within: Optional["Refusal"] = None
    """What the provider itself said, where this is the envelope that a gateway laid round it."""

    @property
    def own(self) -> "Refusal":
        """What the provider itself said."""
        return self if self.within is None else self.within

    @property
    def is_unprocessed(self) -> bool:
        """Whether the provider says that it did nothing with the request, and would not if it came later.

        Of the limits of an account that is so for one request that is larger than all it may ask in a minute.
        """
        return self.status in NOT_PROCESSED or (self.status == _LIMITED and self.own.message.startswith(_TOO_LARGE))

    @property
    def call(self) -> dict[str, object]:
        """The values of the `$` keys into a refusal."""
        call: dict[str, object] = {"$status": self.status, "$error.message": self.message}
        if self.code is not None:
            call["$error.code"] = self.code
        if self.param is not None:
            call["$error.param"] = self.param
        return call

    @classmethod
    def of(cls, status: int, body: object) -> "Refusal":
        """The refusal in `body`, the JSON that came with HTTP `status`.

        OpenAI's form, Anthropic's, that of vLLM and others (the error is the body), Google's (a list of one), FastAPI's
        (`detail`), and what gateways make of them are known.
        """
        return _of(status, body, 0)


def _of(status: int, body: object, depth: int) -> Refusal:
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, Mapping):
        return Refusal(status)
    message = error.get("message") or error.get("detail")
    if isinstance(message, Mapping):  # Mistral's form
        message = message.get("detail")
    if isinstance(message, list) and message and isinstance(message[0], Mapping):
        return _of_detail(status, message[0])
    outer = Refusal(
        status,
        _word(error.get("code")),
        _word(error.get("param")),
        message[:_LONGEST] if isinstance(message, str) else "",
        _word(error.get("type")),
    )
    inner = unwrapped(error, outer.message) if depth < _DEEPEST else None
    if inner is None:
        return outer
    if isinstance(inner, str):
        return outer._replace(within=outer._replace(message=inner))
    return outer._replace(within=_of(status, inner, depth + 1).own)


def _of_detail(status: int, detail: Mapping[Any, Any]) -> Refusal:
    """The first of the faults that pydantic found. Source: FastAPI, RequestValidationError."""
    place = detail.get("loc")
    steps = [str(step) for step in place if step != "body"] if isinstance(place, list) else []
    param = ".".join(steps) or None
    message = detail.get("msg")
    text = message if isinstance(message, str) else ""
    return Refusal(status, _word(detail.get("type")), param, f"{param}: {text}" if param else text, "validation_error")


def _word(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
