"""What is known of a pipeline so far: sums by agent, safe to add to and to read from any thread."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from arc_semconv import attributes as semconv

from arc_runtime.spans import EndedCall
from arc_runtime.tracking._summary import AgentSummary, Figures, Handoff

__all__ = ["Ledger"]

Cost = Callable[[float], float | None]

_MOST_AGENTS: Final = 1_000
"""Agents that are told apart at most: a name that is made up anew for each call must not fill the memory."""
_MOST_HANDOFFS: Final = 10_000
"""Hand-offs of which more is kept than that they were."""
_MOST_UNPRICED: Final = 256
"""Calls that wait for their price at most, once the prices are read."""


class _Row:
    """Sums over model calls."""

    def __init__(self) -> None:
        self.runs = self.calls = self.errors = self.fixes = self.estimated = self.unpriced = 0
        self.input_tokens = self.output_tokens = 0
        self.cost_usd: float | None = None
        self.seconds = 0.0
        self.models: dict[str, None] = {}

    def add(self, call: EndedCall) -> None:
        self.calls += 1
        self.errors += call.failed
        self.fixes += call.mended
        self.seconds += call.seconds
        self.input_tokens += _count(call, semconv.USAGE_INPUT_TOKENS)
        self.output_tokens += _count(call, semconv.USAGE_OUTPUT_TOKENS)
        self.estimated += call.answer.get(semconv.USAGE_ESTIMATED) is True
        if call.model is not None and len(self.models) < _MOST_AGENTS:
            self.models[call.model] = None

    def charge(self, usd: float | None) -> None:
        if usd is None:
            self.unpriced += 1
        else:
            self.cost_usd = (self.cost_usd or 0.0) + usd

    def figures(self, unpriced: int) -> Figures:
        return {
            "calls": self.calls,
            "errors": self.errors,
            "fixes": self.fixes,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "estimated_calls": self.estimated,
            "cost_usd": self.cost_usd,
            "unpriced_calls": self.unpriced + unpriced,
            "total_latency_ms": round(self.seconds * 1000, 3),
            "models": list(self.models),
        }


class Ledger:
    """The books of one pipeline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = _Row()
        self._agents: dict[str, _Row] = {}
        self._handoffs: list[Handoff] = []
        self._handoff_count = 0
        self._unpriced: deque[tuple[tuple[_Row, ...], Cost]] = deque()
        """Calls without a price as yet: pricing one takes longer than all else that is done here."""

    def ended(self, call: EndedCall) -> None:
        """Enter a model call."""
        with self._lock:
            rows = (self._total, self._row(call.agent)) if call.agent else (self._total,)
            for row in rows:
                row.add(call)
            self._unpriced.append((rows, call.cost))
            # The first has the prices read, in the background; later ones keep the number of those that wait bounded.
            if self._total.calls == 1 or len(self._unpriced) > _MOST_UNPRICED:
                self._price_oldest()

    def failed(self, agent: str | None) -> None:
        """Enter a failure, in the turn of `agent`, that is no model call's."""
        with self._lock:
            self._total.errors += 1
            if agent:
                self._row(agent).errors += 1

    def turned(self, agent: str) -> None:
        """Enter a run of `agent`."""
        with self._lock:
            self._row(agent).runs += 1

    def handed_over(self, handoff: Handoff) -> None:
        """Enter a hand-off."""
        with self._lock:
            self._row(handoff["from"])
            self._row(handoff["to"])
            self._handoff_count += 1
            if len(self._handoffs) < _MOST_HANDOFFS:
                self._handoffs.append(handoff)

    def forked(self) -> None:
        """Go on in a forked process: another thread may have held the lock when it was made."""
        self._lock = threading.Lock()

    def settle(self, within_seconds: float) -> None:
        """Have every call priced, waiting for the prices to be read, but not longer than that."""
        with self._lock:
            oldest = self._unpriced[0] if self._unpriced else None
        if oldest is not None:
            with suppress(TimeoutError):
                oldest[1](within_seconds)  # not while others wait for the lock
        with self._lock:
            while self._unpriced and self._price_oldest():
                pass

    def _price_oldest(self) -> bool:
        """Whether the prices are read, so that the call that waits longest has its own."""
        rows, cost = waiting = self._unpriced.popleft()
        try:
            usd = cost(0.0)
        except TimeoutError:
            self._unpriced.appendleft(waiting)
            return False
        for row in rows:
            row.charge(usd)
        return True

    def told(self) -> tuple[Figures, list[AgentSummary], list[Handoff], int]:
        """Sums over all calls, those by agent, the hand-offs that are kept, and how many there were."""
        with self._lock:
            waiting = Counter(id(row) for rows, _ in self._unpriced for row in rows)
            agents: list[AgentSummary] = [
                {"name": name, "runs": row.runs, **row.figures(waiting[id(row)])} for name, row in self._agents.items()
            ]
            total = self._total.figures(waiting[id(self._total)])
            return total, agents, [{**handoff} for handoff in self._handoffs], self._handoff_count

    def _row(self, agent: str) -> _Row:
        row = self._agents.get(agent)
        if row is None:
            if len(self._agents) >= _MOST_AGENTS:
                return _Row()  # it counts in the total alone
            row = self._agents[agent] = _Row()
        return row


def _count(call: EndedCall, name: str) -> int:
    count = call.answer.get(name)
    return count if isinstance(count, int) else 0
