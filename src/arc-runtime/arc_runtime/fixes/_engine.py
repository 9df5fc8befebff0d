"""The engine: one request in, the mended request out, in microseconds and without ever raising into a call."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal

import msgspec
from arc_semconv.fixes import Change
from msgspec.structs import replace

from arc_runtime.fixes._breaker import Breaker
from arc_runtime.fixes._entry import Compiled, Entry
from arc_runtime.fixes._fields import MENDABLE, REWRITABLE
from arc_runtime.fixes._learning import Learner
from arc_runtime.fixes._mend import NO_AFTERWARDS, Afterwards, Asked, Lesson, Mend
from arc_runtime.fixes._plan import Item, passes
from arc_runtime.fixes._registry import Registry
from arc_runtime.fixes._request import Request
from arc_runtime.fixes._trial import Arm, KeyOf, arm_of

__all__ = ["Engine", "Mended", "applied"]

Mode = Literal["on", "shadow", "canary", "control"]

_NONE: Final[frozenset[str]] = frozenset()
_MAY_REWRITE: Final = {api: fields | REWRITABLE.get(api, _NONE) for api, fields in MENDABLE.items()}


class Mended(msgspec.Struct, frozen=True):
    """What the engine decided on one request."""

    body: Mapping[str, object]
    """The body to send: the request's own object when nothing is to be changed."""
    ids: tuple[str, ...]
    """Entries that changed something, or would have."""
    changes: tuple[Change, ...]
    mode: Mode
    trigger: Literal["before", "after_error", "after_answer"] = "before"
    suggested: tuple[str, ...] = ()
    """Entries that match and may not be applied: they ask, or only report."""
    advice: str = ""
    """What the person can do, where nothing was done."""
    afterwards: Afterwards = NO_AFTERWARDS
    """What is to be done to the answer."""
    lessons: tuple[tuple[str, Lesson], ...] = ()
    """What could be done before the next request, by the entry that says so."""
    trials: tuple[tuple[str, Arm], ...] = ()
    """Entries under test that match, and on which side of the test this call is."""

    @property
    def sends(self) -> bool:
        """Whether another body is sent than the program's."""
        return self.mode in ("on", "canary") and bool(self.ids)


class Engine:
    """Applies the entries of a registry to requests."""

    def __init__(  # noqa: PLR0913 - what an engine works with
        self,
        registry: Registry,
        *,
        mode: Literal["on", "shadow", "off"] = "on",
        level: Literal["safe", "ask"] = "safe",
        on_match: Callable[[int], None] | None = None,
        key_of: KeyOf | None = None,
        learner: Learner | None = None,
        breaker: Breaker | None = None,
        repairs: bool = False,
    ) -> None:
        """With `on_match` told how many entries matched a request and had something left to change, where any did.

        `key_of` gives what a canary draws for: the id of the trace, session or user of a request. With `repairs` an
        answer that is not as the request demands is asked for once more.
        """
        self.registry = registry
        self.mode: Literal["on", "shadow", "off"] = mode
        self.level: Literal["safe", "ask"] = level
        self._on_match = on_match
        self._key_of = key_of
        self.learner = learner
        self.breaker = breaker
        self.repairs = repairs and mode == "on"
        self._off = mode == "off"
        self._levels = frozenset({"safe"} if level == "safe" else {"safe", "ask"})

    def uncounted(self) -> "Engine":
        """The same engine, that tells nobody what it matches."""
        return Engine(self.registry, mode=self.mode, level=self.level, key_of=self._key_of)

    def before(self, request: Request) -> Mended | None:
        """What to change in `request` before it leaves; None when no entry has anything to change."""
        if self._off:
            return None
        found, fields = self.registry.found(request)
        if not found:
            return None
        if fields is not None and self.mode == "on":
            if len(fields) == 1:  # the way of nearly every request that has something to be mended
                return self._one_field(request, found)
            return self._at_once(request, found, fields)
        matching = [one for one, rest in found if not rest or passes(rest, request)]
        if not matching:
            return None
        if self._on_match is not None:
            self._on_match(len(matching))
        return self._decided(request, matching)

    def _one_field(self, request: Request, found: Sequence[Item]) -> Mended | None:
        """`_at_once`, for entries that all change one field: the first that has something to change is the last."""
        body, matched = request.body, 0
        may = found[0][0].steps[0].fields[0] in MENDABLE.get(request.api, _NONE)
        for one, rest in found:
            if rest and not passes(rest, request):
                continue
            matched += 1
            changes: tuple[Change, ...] = ()
            for step in one.steps:
                if may and (outcome := step.run(step, body)) is not None:
                    body, change = outcome
                    changes += (change,)
            if changes:
                if self._on_match is not None:
                    self._on_match(matched)
                return Mended(body, (one.rank[2],), changes, "on")
        if matched and self._on_match is not None:
            self._on_match(matched)
        return None

    def _at_once(self, request: Request, found: Sequence[Item], fields: frozenset[str]) -> Mended | None:
        """`applied`, for entries that apply as they are; ends once there is nothing left that they can change."""
        body, allowed = request.body, MENDABLE.get(request.api, _NONE)
        taken: tuple[str, ...] = ()
        ids: list[str] = []
        changes: list[Change] = []
        matched = 0
        for one, rest in found:
            if rest and not passes(rest, request):
                continue
            matched += 1
            changed: tuple[str, ...] = ()
            for step in one.steps:
                touched = step.fields
                field = touched[0]
                if field in taken or field not in allowed:
                    continue
                if len(touched) > 1 and (touched[1] in taken or touched[1] not in allowed):
                    continue
                if (outcome := step.run(step, body)) is not None:
                    body, change = outcome
                    changes.append(change)
                    changed += touched
            if changed:
                ids.append(one.rank[2])
                taken += changed
                if fields.issubset(taken):
                    break
        if matched and self._on_match is not None:
            self._on_match(matched)
        return Mended(body, tuple(ids), tuple(changes), "on") if changes else None

    def after_error(self, request: Request) -> Mended | None:
        """What to send in the place of a refused `request`, or what is known of its refusal; None when nothing is."""
        refusal = request.refusal
        if self._off or refusal is None:
            return None
        matching = self.registry.matching_error(request)
        if not matching:
            return None
        if self._on_match is not None:
            self._on_match(len(matching))
        mended = self._decided(request, matching) if refusal.is_unprocessed else None
        others = tuple(one for one in matching if mended is None or one.id not in mended.ids)
        reported = [one for one in others if one.level not in self._levels]
        if mended is None and not reported:
            return None
        advice = (
            ""
            if mended is not None and mended.sends
            else next(filter(None, (one.entry.advice for one in reported)), "")
        )
        if mended is None:
            mended = Mended(request.body, (), (), "on")
        return replace(mended, trigger="after_error", suggested=tuple(one.id for one in reported), advice=advice)

    def succeeded(self, request: Request, mended: Mended) -> tuple[Entry, ...]:
        """What was learned from `mended`, which the provider took after it had refused `request`."""
        if self.learner is None or mended.mode != "on":
            return ()
        learned = (self.learner.learn(request, entry_id, lesson) for entry_id, lesson in mended.lessons)
        return tuple(entry for entry in learned if entry is not None)

    def ended(self, mended: Mended, *, failed: bool, refused: bool) -> tuple[Entry, ...]:
        """The call of which this was decided before it left has ended; `refused`: as no valid request.

        The entries under test that are off in this process from now on, as calls with them fail more often.
        """
        tripped: tuple[str, ...] = ()
        if self.breaker is not None:
            breaker = self.breaker
            tripped = tuple(entry_id for entry_id, arm in mended.trials if breaker.ended(entry_id, arm, failed=failed))
        if refused and self.learner is not None and mended.sends:
            for entry_id in mended.ids:
                self.learner.forget(entry_id)
        return tuple(entry for entry in map(self.registry.get, tripped) if entry is not None)

    def suggestions(self, request: Request, seen: AbstractSet[str]) -> tuple[str, ...]:
        """Ids of the entries that match `request`, of which only the keys in `seen` are known."""
        if self._off:
            return ()
        return tuple(
            one.id
            for one in self.registry.matching(request)
            if all((condition.path[0] if condition.path else condition.key) in seen for condition in one.conditions)
        )

    def _decided(  # noqa: C901, PLR0912 - the table of levels and states
        self, request: Request, matching: Sequence[Compiled]
    ) -> Mended | None:
        live: list[Compiled] = []
        shadow: list[Compiled] = []
        alerts: list[str] = []
        arms: dict[str, Arm] = {}
        for one in matching:
            if one.level not in self._levels:
                if one.level == "alert":
                    alerts.append(one.id)
                continue
            shadow.append(one)
            if self.mode != "on":
                continue
            if one.state == "on":
                live.append(one)
            elif one.state == "canary":
                arm = arms[one.id] = arm_of(one.entry, request, self._key_of)
                if arm == "canary":
                    live.append(one)
                elif arm == "none":
                    shadow.pop()
        mended = applied(request, live, "on") if live else None
        if mended is not None and any(arms.get(entry_id) == "canary" for entry_id in mended.ids):
            mended = replace(mended, mode="canary")
        if mended is None and shadow:
            mended = applied(request, shadow, "shadow")
            if mended is not None and any(arms.get(entry_id) == "control" for entry_id in mended.ids):
                mended = replace(mended, mode="control")
        if alerts and mended is None:
            mended = Mended(request.body, (), (), "on")
        if mended is None:
            return None
        trials = tuple((entry_id, arm) for entry_id, arm in arms.items() if arm != "none") if arms else ()
        return replace(mended, suggested=tuple(alerts), trials=trials) if alerts or trials else mended


def applied(  # noqa: C901, PLR0912 - the conflict rule, in one place
    request: Request, entries: Sequence[Compiled], mode: Literal["on", "shadow"]
) -> Mended | None:
    """What `entries`, best first, do to `request`; in mode `shadow` its body stays as it is."""
    body = request.body
    allowed = MENDABLE.get(request.api, _NONE)
    taken: set[str] = set()
    ids: list[str] = []
    changes: list[Change] = []
    afterwards, rewritten = NO_AFTERWARDS, False
    lessons: tuple[tuple[str, Lesson], ...] = ()
    for one in entries:
        changed: set[str] | None = None
        for step in one.steps:
            fields = step.fields
            if len(fields) == 1:
                field = fields[0]
                if field in taken or field not in allowed:
                    continue
            elif not (taken.isdisjoint(fields) and allowed.issuperset(fields)):
                continue
            if (outcome := step.run(step, body)) is None:
                continue
            body, change = outcome
            changes.append(change)
            changed = {*(changed or ()), *fields}
        if one.rewrite is not None and not rewritten:
            mend = _rewritten(request, one, body, taken)
            if mend is not None:
                rewritten = request.refusal is not None  # one refusal, one cure
                changed = _touched(body, mend.body)
                body = mend.body
                changes += mend.changes
                if mend.afterwards is not NO_AFTERWARDS:
                    afterwards = afterwards.and_also(mend.afterwards)
                if mend.lesson is not None:
                    lessons = (*lessons, (one.id, mend.lesson))
        if changed:
            ids.append(one.id)
            taken |= changed
    if not changes:
        return None
    if mode != "on":
        return Mended(request.body, tuple(ids), tuple(changes), mode)
    return Mended(body, tuple(ids), tuple(changes), mode, "before", (), "", afterwards, lessons)


def _rewritten(request: Request, one: Compiled, body: Mapping[str, object], taken: set[str]) -> Mend | None:
    """What the rewrite of `one` makes of `body`; None where it fails, or touches what it may not."""
    if one.rewrite is None:
        return None
    try:
        refusal = request.refusal.own if request.refusal is not None else None
        mend = one.rewrite.run(Asked(body, request.api, refusal, request.provider))
    except Exception:  # noqa: BLE001 - a body may be of any shape: one that a rewrite can't read is not mended
        return None
    if mend is None:
        return None
    touched = _touched(body, mend.body)
    allowed = _MAY_REWRITE.get(request.api, _NONE)
    return mend if touched and touched <= allowed and touched.isdisjoint(taken) else None


def _touched(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The fields that are not the very same object in both."""
    fields = {field for field in after if field not in before or after[field] is not before[field]}
    return fields | {field for field in before if field not in after}
