"""How much of a caller's time is left."""

from typing import Any, Final

__all__ = ["NOTHING", "left"]

NOTHING: Final = object()
"""No time is left."""
_LEAST_SECONDS: Final = 0.05
_PARTS: Final = ("connect", "read", "write", "pool")


def left(own: Any, default: Any, elapsed_seconds: float) -> Any:
    """The timeout for what is left of a call that has taken `elapsed_seconds`, in the caller's own form.

    `NOTHING` where that is so. `own` is the timeout of the call, `default` that of its client: a number of seconds, an
    object of httpx's with four of them, None for no limit; anything else is none of the call's own.
    """
    timeout = own if _is_timeout(own) else default
    if timeout is None:
        return own
    if isinstance(timeout, int | float):
        seconds = timeout - elapsed_seconds
        return seconds if seconds > _LEAST_SECONDS else NOTHING
    longest = getattr(timeout, "read", None)
    if longest is None:
        return timeout
    seconds = longest - elapsed_seconds
    if seconds <= _LEAST_SECONDS:
        return NOTHING
    parts = {name: getattr(timeout, name, None) for name in _PARTS}
    return type(timeout)(**{name: seconds if part is None else min(part, seconds) for name, part in parts.items()})


def _is_timeout(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool)) or hasattr(value, "read")
