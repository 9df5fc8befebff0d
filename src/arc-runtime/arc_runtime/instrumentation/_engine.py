"""The fix engine of this process: its entries and where they come from, as the settings say."""

from collections.abc import Callable
from typing import Literal

from arc_semconv import attributes as semconv
from opentelemetry.trace import get_current_span

from arc_runtime._stderr import LOGGER
from arc_runtime.fixes import (
    DEFAULT_ENTRIES,
    Breaker,
    BundleClient,
    Engine,
    Learner,
    Registry,
    Request,
    UserFile,
    catalogue,
)
from arc_runtime.settings import Settings

__all__ = ["engine_of"]

_USERS = ("safety_identifier", "user")


def engine_of(settings: Settings, on_match: Callable[[int], None] | None = None) -> Engine:
    """An engine with the entries that Arc brings along, those learned, the user's file and Arc Core's bundle."""
    registry = Registry((*DEFAULT_ENTRIES, *catalogue()))
    if not settings.active or settings.fixes == "off":
        return Engine(registry, mode="off", level=settings.fixes_level)
    folder = settings.fixes_dir
    learner = Learner(registry, folder / "learned.json" if folder is not None else None)
    engine = Engine(
        registry,
        mode=settings.fixes,
        level=settings.fixes_level,
        on_match=on_match,
        key_of=_key_of,
        learner=learner,
        breaker=Breaker(registry, _tripped),
        repairs=settings.fixes_retry == "on",
    )
    if settings.fixes_file is not None:
        UserFile(registry, settings.fixes_file, _warn).start()
    if settings.fixes_public_keys:
        BundleClient(registry, settings, _warn).start()
    return engine


def _warn(problem: str) -> None:
    LOGGER.warning("%s", problem, extra={"cause": problem})


def _tripped(entry_id: str) -> None:
    LOGGER.error("fix %s does harm: it is off in this process", entry_id, extra={"cause": f"tripped {entry_id}"})


def _key_of(sticky: Literal["trace", "session", "user"], request: Request) -> str | None:
    """What a canary draws for; None where the call belongs to nothing of that kind."""
    span = get_current_span()
    if sticky == "trace":
        context = span.get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else None
    if sticky == "session":
        found = (getattr(span, "attributes", None) or {}).get(semconv.CONVERSATION_ID)
        return found if isinstance(found, str) else None
    metadata = request.body.get("metadata")
    told = [request.body.get(name) for name in _USERS]
    told.append(metadata.get("user_id") if isinstance(metadata, dict) else None)
    return next((user for user in told if isinstance(user, str)), None)
