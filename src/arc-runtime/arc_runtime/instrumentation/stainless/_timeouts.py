"""How much of a caller's time is left."""

from typing import Any, Final

__all__ = ["left"]

_LEAST_SECONDS: Final = 0.05
_PARTS: Final = ("connect", "read", "write", "pool")


def left(own: Any, default: Any, elapsed_seconds: float) -> Any:
    """The timeout for what is left of a call that has taken `elapsed_seconds`, in the caller's own form.

    None where nothing is left. `own` is the timeout of the call, `default` that of its client: a number of seconds, an
    object of httpx's with four of them, None for no limit; anything else is none of the call's own.
    """
    timeout = own if _is_timeout(own) else default
    if timeout is None:
        # The client reads None as its default: no limit of the caller's is none of an object's parts.
        return own
    if isinstance(timeout, int | float):
        seconds = timeout - elapsed_seconds
        return seconds if seconds > _LEAST_SECONDS else None
    longest = getattr(timeout, "read", None)
    if longest is None:
        return timeout
    seconds = longest - elapsed_seconds
    if seconds <= _LEAST_SECONDS:
        return None
    parts = {name: getattr(timeout, name, None) for name in _PARTS}
    return type(timeout)(**{name: seconds if part is None else min(part, seconds) for name, part in parts.items()})


def _is_timeout(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool)) or hasattr(value, "read")
