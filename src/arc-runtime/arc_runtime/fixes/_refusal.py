"""What a provider says when it refuses a request, as patterns see it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

__all__ = ["NOT_PROCESSED", "Refusal"]

NOT_PROCESSED: Final = frozenset({400, 404, 413, 422})
"""HTTP statuses with which a provider says that it did nothing with the request, so that another may be sent."""
_LONGEST: Final = 8192


class Refusal(NamedTuple):
    """An error that a provider answered; what it did not say is None."""

    status: int
    code: str | None = None
    param: str | None = None
    message: str = ""
    kind: str | None = None
    """`type` of the error, e.g. `invalid_request_error`."""

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

        OpenAI's form, Anthropic's, that of vLLM and others (the error is the body), and FastAPI's (`detail`) are known.
        """
        error = body.get("error", body) if isinstance(body, Mapping) else body
        if isinstance(error, str):
            return cls(status, message=error[:_LONGEST])
        if not isinstance(error, Mapping):
            return cls(status)
        detail = error.get("detail")
        if isinstance(detail, list) and detail and isinstance(detail[0], Mapping):
            return _of_detail(status, detail[0])
        message = error.get("message") or detail
        return cls(
            status,
            _word(error.get("code")),
            _word(error.get("param")),
            message[:_LONGEST] if isinstance(message, str) else "",
            _word(error.get("type")),
        )


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
