"""What of a call the patterns see."""

from collections.abc import Mapping

import msgspec

from arc_runtime.fixes._pattern import PREDICATE
from arc_runtime.fixes._refusal import Refusal

__all__ = ["Request"]


class Request(msgspec.Struct):
    """A request that is about to leave, or that the provider has refused."""

    body: Mapping[str, object]
    """The wire body as JSON values; never changed."""
    provider: str
    api: str
    """E.g. `chat.completions`."""
    host: str
    stream: bool
    agent: str | None = None
    refusal: Refusal | None = None
    """What the provider answered; None before the request leaves."""
    _call: dict[str, object] | None = None

    @property
    def call(self) -> Mapping[str, object]:
        """The values of the `$` keys."""
        call = self._call
        if call is None:
            call = self._call = {
                "$provider": self.provider,
                "$api": self.api,
                "$host": self.host,
                "$stream": self.stream,
            }
            if self.agent is not None:
                call["$agent"] = self.agent
            if self.refusal is not None:
                call.update(self.refusal.call)
                call[PREDICATE] = self.refusal.own
        return call

    def refused(self, body: Mapping[str, object], refusal: Refusal) -> "Request":
        """The request as it was sent, with `body`, and what the provider answered."""
        return Request(body, self.provider, self.api, self.host, self.stream, self.agent, refusal)
