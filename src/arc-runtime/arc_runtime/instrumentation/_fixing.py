"""What is mended of one model call: before it leaves, and once more when the provider has refused it."""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
from arc_semconv import attributes as semconv
from arc_semconv.fixes import Change

from arc_runtime.capture import Recorder
from arc_runtime.fixes import (
    NOT_PROCESSED,
    Afterwards,
    Engine,
    Entry,
    Failure,
    Mended,
    Refusal,
    Request,
    ask_again,
    without_content,
)
from arc_runtime.instrumentation._account import Attributes

__all__ = ["Arguments", "Fixing", "Mendable"]

Arguments = tuple[tuple[object, ...], dict[str, object]]

_NO_AFTERWARDS: Final = Afterwards()
_NAMING: Final = ("tools", "functions", "messages", "input")
"""Fields in which tools are named."""


class Mendable(Protocol):
    """What of a call the fixes need; the methods with a body are for what not every plugin can do."""

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""

    def with_body(self, body: Mapping[str, object]) -> Arguments:
        """The call's own arguments with `body` in place of its body; nothing of the caller's is changed."""

    @property
    def mends(self) -> bool:
        """Whether the caller lets this call be mended."""
        return True

    def refusal(self, error: BaseException) -> Refusal | None:  # noqa: ARG002 - for those who can tell
        """What the provider said, where `error` is its answer to the request and nothing of an answer was seen."""
        return None

    def again(self, body: Mapping[str, object], elapsed_seconds: float) -> Arguments | None:  # noqa: ARG002 - as above
        """The arguments for sending once more, with `body`, within what is left of the caller's timeout; else None."""
        return None

    @property
    def restores(self) -> bool:
        """Whether `restore` can do its work on the answer to this call."""
        return False

    def restore(self, result: object, afterwards: Afterwards) -> None:  # noqa: ARG002 - as above
        """Have `result`, which the program has not seen yet, say what `afterwards` demands."""
        return  # only asked of those who can


class Fixing:
    """The fixes of one call."""

    def __init__(self, call: Mendable, engine: Engine) -> None:
        self._call = call
        self._engine = engine
        self.before: Mended | None = None
        self.again: Mended | None = None
        """What was sent after the provider had refused the first, or is known of the refusal."""
        self.repair: Mended | None = None
        """What was sent after an answer that was not as demanded."""
        self.refusal: Refusal | None = None
        self.learned: tuple[Entry, ...] = ()
        """Entries that came of this call."""
        self.tripped: tuple[Entry, ...] = ()
        """Entries that this call was the last straw for."""

    @property
    def engine(self) -> Engine:
        """What decides."""
        return self._engine

    @property
    def body(self) -> Mapping[str, object]:
        """The body that was sent last."""
        for mended in (self.repair, self.again, self.before):
            if mended is not None and mended.sends:
                return mended.body
        return self._call.request.body

    @property
    def demanded(self) -> Mapping[str, object]:
        """`body`, with names as they are in the answer that the program gets: tools have its own again."""
        sent = self.body
        if not self._afterwards.names:
            return sent
        own = self._call.request.body
        return {**sent, **{field: own[field] for field in _NAMING if field in own}}

    @property
    def _afterwards(self) -> Afterwards:
        """What is to be undone in the answer."""
        afterwards = _NO_AFTERWARDS
        for mended in (self.before, self.again):
            if mended is not None and mended.sends:
                afterwards = afterwards.and_also(mended.afterwards)
        return afterwards

    @property
    def count(self) -> int:
        """How many entries changed what was sent."""
        told = (self.before, self.again, self.repair)
        return sum(len(mended.ids) for mended in told if mended is not None and mended.sends)

    @property
    def repairs(self) -> bool:
        """Whether an answer that is not as demanded may be asked for once more: nobody has seen anything of it."""
        call = self._call
        if not self._engine.repairs or not call.mends or call.request.stream or not call.restores:
            return False
        return self.again is None or not self.again.sends  # a call is two requests at most

    def __bool__(self) -> bool:
        return self.before is not None or self.again is not None or self.repair is not None

    def depart(self) -> Arguments | None:
        """What to send in the place of the program's own arguments; None to leave them."""
        call = self._call
        if not call.mends:
            return None
        mended = self._engine.before(call.request)
        if mended is None or (mended.afterwards != _NO_AFTERWARDS and not call.restores):
            return None
        arguments = call.with_body(mended.body) if mended.sends else None
        self.before = mended
        return arguments

    def refused(self, error: BaseException, elapsed_seconds: float) -> Arguments | None:
        """What to send once more after `error`; None when that is not known to help, or there is no time for it."""
        call = self._call
        refusal = call.refusal(error) if call.mends else None
        if refusal is None:
            return None
        self.refusal = refusal
        mended = self._engine.after_error(call.request.refused(self.body, refusal))
        if mended is None or (mended.afterwards != _NO_AFTERWARDS and not call.restores):
            return None
        if not mended.sends:
            self.again = mended
            return None
        arguments = call.again(mended.body, elapsed_seconds)
        if arguments is not None:
            self.again = mended
        return arguments

    def refused_again(self, error: BaseException) -> None:
        """Note what was sent once more was answered by `error`: with another known fault, the first one is gone."""
        again, refusal = self.again, self._call.refusal(error)
        if again is None or refusal is None or refusal == self.refusal:
            return
        other = self._engine.after_error(self._call.request.refused(again.body, refusal))
        if other is None or not other.sends:
            return
        if {change.path for change in other.changes}.isdisjoint(change.path for change in again.changes):
            self._learn(again)

    def unfit(self, failure: Failure, elapsed_seconds: float) -> Arguments | None:
        """What to send once more after an answer with `failure`; None when that is not known to help, or too late."""
        found = ask_again(self.body, self._call.request.api, failure)
        arguments = self._call.again(found.body, elapsed_seconds) if found is not None else None
        if found is not None and arguments is not None:
            entry_id = f"arc.retry.{failure.type}"
            self.repair = Mended(found.body, (entry_id,), (found.change,), "on", "after_answer")
        return arguments

    def ended(self, outcome: str) -> None:
        """The call is over."""
        if outcome == "ok" and self.again is not None and self.again.sends:
            self._learn(self.again)
        if self.before is not None:
            refused = self.refusal is not None and self.refusal.status in NOT_PROCESSED and not self.learned
            self.tripped = self._engine.ended(self.before, failed=outcome == "error", refused=refused)

    def _learn(self, again: Mended) -> None:
        self.learned = self._engine.succeeded(self._call.request, again)

    def restore(self, result: object) -> None:
        """Undo in the answer what the program is not to see of the fixes."""
        afterwards = self._afterwards
        if afterwards != _NO_AFTERWARDS:
            self._call.restore(result, afterwards)

    def attributes(self, outcome: str, recorder: Recorder | None) -> Attributes:
        """What was mended; with the words of the user's that changed where there is a `recorder` for them."""
        told = [mended for mended in (self.before, self.again, self.repair) if mended is not None]
        attributes: Attributes = {}
        changed = [mended for mended in told if mended.ids]
        if changed:
            last = changed[-1]
            changes = tuple(change for mended in changed for change in mended.changes)
            attributes = {
                semconv.FIX_IDS: tuple(entry_id for mended in changed for entry_id in mended.ids),
                semconv.FIX_MODE: last.mode,
                semconv.FIX_TRIGGER: last.trigger,
                semconv.FIX_CHANGES: _told(changes, recorder),
                semconv.FIX_OUTCOME: outcome,
            }
        if suggested := tuple(entry_id for mended in told for entry_id in mended.suggested):
            attributes[semconv.FIX_SUGGESTED] = suggested
        if self.learned:
            attributes[semconv.FIX_PROPOSED] = tuple(entry.id for entry in self.learned)
        if advice := next((mended.advice for mended in told if mended.advice), ""):
            attributes[semconv.FIX_ADVICE] = advice
        return attributes


def _told(changes: tuple[Change, ...], recorder: Recorder | None) -> str:
    if recorder is None:
        return msgspec.json.encode(tuple(map(without_content, changes))).decode()
    return recorder.text(msgspec.to_builtins(changes))
