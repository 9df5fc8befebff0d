"""`Arc()`: the one object through which a program starts Arc and talks to it."""

import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self, TypedDict, TypeVar, final

from arc_runtime._stderr import LOGGER, quieten
from arc_runtime.api._start import GUARD, leave_to_choice, started, switch_off, switch_on_all
from arc_runtime.distro import plugin_of, plugins
from arc_runtime.errors import PatternError
from arc_runtime.export import flush
from arc_runtime.fixes import Entry
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings, masked

if TYPE_CHECKING:
    from arc_runtime.tracking import MultiAgentContext

__all__ = ["Arc", "RegisteredPattern"]

C = TypeVar("C")

_LOCK: Final = threading.RLock()


class RegisteredPattern(TypedDict):
    """One entry of the registry."""

    id: str
    pattern: dict[str, object]
    fix: dict[str, object]
    origin: Literal["user", "catalogue", "learned", "bundle"]
    level: Literal["safe", "ask", "alert"]
    state: str
    priority: int
    reason: str


@final
class Arc:
    """Arc in this process: there is one, whatever it is called with; calling it again gives the same.

    Nothing of it raises into the program but what is said of a method, and where Arc is switched off
    (`ARC_DISABLE`, `OTEL_SDK_DISABLED`) every method works and nothing is recorded or changed.
    """

    _one: ClassVar["Arc | None"] = None
    _blocks: ClassVar[int] = 0
    """`with` blocks that are not at their end."""
    _runtime: Runtime

    def __new__(cls, *_args: object, **_options: object) -> "Arc":
        with _LOCK:
            if cls._one is None:
                cls._one = super().__new__(cls)
            return cls._one

    def __init__(
        self,
        endpoint: str | None = None,
        api_key: str | None = None,
        log_level: str | None = None,
        *,
        auto: bool = True,
    ) -> None:
        """Start Arc, before or after the program imports `openai`, in any thread, as often as wanted.

        `endpoint`, `api_key` and `log_level` stand in the place of ARC_ENDPOINT, ARC_API_KEY and ARC_LOG_LEVEL: a value
        that can't be used is one warning. The first start decides where spans go; a later one that says something else
        gets a warning. With `auto` every plugin that is installed is on for the whole process; without it none is, and
        `protect` takes on one client after the other.
        """
        texts = dict(_texts(endpoint=endpoint, api_key=api_key, log_level=log_level))
        with _LOCK:
            self._runtime = started(texts)
            GUARD.attempt("starting", self._settle, texts)
            if auto and self._runtime.settings.active:
                switch_on_all()
            elif not auto:
                leave_to_choice()

    def _settle(self, given: Mapping[str, str]) -> None:
        """What is `given` and not in force is said, or put in force where that can be done later."""
        wished, warnings = Settings.from_env(given)
        held = self._runtime.settings
        for warning in warnings:  # of the first start they are said already
            LOGGER.warning("%s", warning, extra={"cause": warning})
        if "ARC_LOG_LEVEL" in given and wished.log_level is not None and wished.log_level != held.log_level:
            quieten(wished.level)
        if wished.endpoint is not None and wished.endpoint != held.endpoint and held.active:
            where = masked(held.endpoint.url) if held.endpoint is not None else "as OpenTelemetry says"
            LOGGER.warning(
                "Arc(endpoint=%r) comes too late: Arc has started, and spans go %s; give it to the first Arc(), or set "
                "ARC_ENDPOINT", masked(given["ARC_ENDPOINT"]), where, extra={"cause": "endpoint too late"},
            )  # fmt: skip
        elif wished.api_key is not None and wished.api_key != held.api_key and held.active:
            LOGGER.warning(
                "Arc(api_key=...) comes too late: Arc has started with another key, or none; give it to the first "
                "Arc(), or set ARC_API_KEY", extra={"cause": "key too late"},
            )  # fmt: skip

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return self._runtime.settings

    # --- patterns and fixes ---

    def register_pattern(
        self,
        pattern: Mapping[str, object],
        fix: Mapping[str, object],
        *,
        priority: int = 0,
        state: Literal["on", "shadow", "off"] = "on",
        reason: str = "",
    ) -> str:
        """The id of `pattern`, whose requests get `fix` from now on, on every client that Arc sees.

        The same pattern and fix have the same id, and are registered once. Raise PatternError, naming the part at
        fault, when one is malformed. `state` `shadow` only records what would change.
        """
        for name, value in (("pattern", pattern), ("fix", fix)):
            if not isinstance(value, Mapping):
                raise PatternError(name, f"a {name} is a dict, and this is of type {type(value).__name__}")
        content = Entry.of(pattern, fix)
        entry = Entry(
            id=content.id, pattern=dict(pattern), fix=dict(fix), priority=priority, state=state, reason=reason
        )
        self._runtime.engine.registry.register(entry)
        return entry.id

    def get_registered_patterns(self) -> list[RegisteredPattern]:
        """Every pattern that is in force, the program's own and those that Arc brings along, in their order."""
        return [_told(entry) for entry in self._runtime.engine.registry.entries]

    def unregister_pattern(self, pattern: str | Mapping[str, object]) -> bool:
        """Whether there was a pattern with this id, or this pattern with any fix: it is in force no more.

        Raise PatternError for what is neither.
        """
        registry = self._runtime.engine.registry
        if isinstance(pattern, str):
            return registry.unregister(pattern)
        if not isinstance(pattern, Mapping):
            raise PatternError("pattern", f"it is an id or a dict, and this is of type {type(pattern).__name__}")
        found = [entry.id for entry in registry.entries if dict(entry.pattern) == dict(pattern)]
        return any([registry.unregister(one) for one in found])  # noqa: C419 - all of them, not up to the first

    # --- clients and pipelines ---

    def protect(self, client: C) -> C:
        """`client` itself, whose calls Arc sees and mends from now on, as do those that it makes with other options.

        For `Arc(auto=False)`; else every client is protected already. A client that no installed plugin is for is
        handed back as it is, and one line says so.
        """
        if self._runtime.settings.active:
            GUARD.attempt("protecting a client", self._protect, client)
        return client

    def _protect(self, client: object) -> None:
        settings = self._runtime.settings
        for entry_point in plugins():
            name = entry_point.name.removeprefix("arc_")
            off = {entry_point.name, "*"}.intersection(settings.disabled_instrumentations)
            if off or settings.instrument.get(name) == "disabled":
                continue
            plugin = plugin_of(entry_point)
            if plugin is None:
                continue
            plugin.prepare(self._runtime)
            if plugin.protect(client):
                return
        kind = f"{type(client).__module__}.{type(client).__qualname__}"
        LOGGER.warning(
            "a %s is not protected: no plugin that is installed and on is for it; `arc doctor` shows them", kind,
            extra={"cause": f"protect:{kind}"},
        )  # fmt: skip

    def create_multiagent_context(
        self, application_id: str | None = None, *, pipeline_id: str | None = None, name: str | None = None
    ) -> "MultiAgentContext":
        """A pipeline of agents about `application_id`; as `arc_runtime.create_multiagent_context`."""
        from arc_runtime.tracking import create_multiagent_context

        return create_multiagent_context(
            application_id, pipeline_id=pipeline_id, name=name, settings=self._runtime.settings
        )

    # --- the end ---

    def shutdown(self, timeout_seconds: float = 3.0) -> bool:
        """Whether all that was recorded is with its endpoint, within `timeout_seconds`; every plugin is off then.

        Nothing is lost that could not be delivered yet. `Arc()` starts it again, and nothing else does. At the end of
        the last `with` block that is open this is called.
        """
        with _LOCK:
            switch_off()
        return bool(GUARD.attempt("shutting down", flush, timeout_seconds))

    def __enter__(self) -> Self:
        with _LOCK:
            Arc._blocks += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _LOCK:
            Arc._blocks -= 1
            last = not Arc._blocks
        if last:  # else it is still the one of a block around this, or of another thread's
            self.shutdown()


def _texts(**given: object) -> Iterator[tuple[str, str]]:
    """What is given, by the variable in whose place it stands."""
    for name, value in given.items():
        if value is not None:
            try:
                yield f"ARC_{name.upper()}", str(value)
            except Exception as error:  # noqa: BLE001 - an object of the program's own may raise what it likes
                LOGGER.warning(
                    "Arc(%s=...) is of type %s, and can't be used; give it as a str", name, type(value).__qualname__,
                    exc_info=error, extra={"cause": f"no text:{name}"},
                )  # fmt: skip


def _told(entry: Entry) -> RegisteredPattern:
    return {
        "id": entry.id, "pattern": dict(entry.pattern), "fix": dict(entry.fix), "origin": entry.origin,
        "level": entry.level, "state": entry.state, "priority": entry.priority, "reason": entry.reason,
    }  # fmt: skip
