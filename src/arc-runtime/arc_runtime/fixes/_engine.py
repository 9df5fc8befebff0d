"""The engine: one request in, the mended request out, in microseconds and without ever raising into a call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from arc_semconv.fixes import Change

from arc_runtime.fixes._entry import Compiled
from arc_runtime.fixes._fields import MENDABLE
from arc_runtime.fixes._registry import Registry

__all__ = ["Engine", "Mended", "Request"]

_NO_CALL: Final[Mapping[str, object]] = {}


class Request(NamedTuple):
    """What of a call the patterns see."""

    body: Mapping[str, object]
    """The wire body as JSON values; never changed."""
    provider: str
    api: str
    """E.g. `chat.completions`."""
    host: str
    stream: bool
    agent: str | None = None

    @property
    def call(self) -> dict[str, object]:
        """The values of the `$` keys."""
        call: dict[str, object] = {
            "$provider": self.provider,
            "$api": self.api,
            "$host": self.host,
            "$stream": self.stream,
        }
        if self.agent is not None:
            call["$agent"] = self.agent
        return call


class Mended(NamedTuple):
    """What the engine decided on one request."""

    body: Mapping[str, object]
    """The body to send: the request's own object when nothing is to be changed."""
    ids: tuple[str, ...]
    """Entries that changed something, or would have."""
    changes: tuple[Change, ...]
    mode: Literal["on", "shadow"]


class Engine:
    """Applies the entries of a registry to requests."""

    def __init__(
        self,
        registry: Registry,
        *,
        mode: Literal["on", "shadow", "off"] = "on",
        level: Literal["safe", "ask"] = "safe",
        on_match: Callable[[int], None] | None = None,
    ) -> None:
        """With `on_match` told how many entries matched a request, where any did."""
        self.registry = registry
        self._on_match = on_match
        self._mode = mode
        self._levels = {"safe"} if level == "safe" else {"safe", "ask"}

    def before(self, request: Request) -> Mended | None:
        """What to change in `request` before it leaves; None when no entry has anything to change."""
        if self._mode == "off":
            return None
        candidates = self.registry.candidates(request.body.get("model"))
        matching = self._matching(request, candidates) if candidates else ()
        if not matching:
            return None
        if self._on_match is not None:
            self._on_match(len(matching))
        live = [one for one in matching if one.entry.state == "on" and self._mode == "on"]
        return _applied(request, live, "on") or _applied(request, matching, "shadow")

    def _matching(self, request: Request, candidates: Sequence[Compiled]) -> list[Compiled]:
        call: Mapping[str, object] | None = None
        matching: list[Compiled] = []
        for one in candidates:
            if one.entry.level not in self._levels:
                continue
            if call is None and one.pattern.asks_call:
                call = request.call
            if one.pattern.matches(request.body, call or _NO_CALL):
                matching.append(one)
        return matching


def _applied(request: Request, entries: Sequence[Compiled], mode: Literal["on", "shadow"]) -> Mended | None:
    body = request.body
    allowed = MENDABLE.get(request.api, frozenset())
    taken: set[str] = set()
    ids: list[str] = []
    changes: list[Change] = []
    for one in entries:
        changed: frozenset[str] = frozenset()
        for step in one.steps:
            if step.fields & taken or not step.fields <= allowed:
                continue
            if (outcome := step.apply(body)) is None:
                continue
            body, change = outcome
            changes.append(change)
            changed |= step.fields
        if changed:
            ids.append(one.entry.id)
            taken |= changed
    if not changes:
        return None
    return Mended(body if mode == "on" else request.body, tuple(ids), tuple(changes), mode)
