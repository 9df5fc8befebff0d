"""How a run of the demo ends."""

from enum import IntEnum

from arc_core.errors import ArcCoreError


class Exit(IntEnum):
    """The exit status of `arc demo`."""

    SHOWN = 0
    """The trace arrived and shows all that the demo promises."""
    APP_FAILED = 1
    """The demo application failed."""
    NOT_READY = 2
    """What the demo stands on is missing: an extra is not installed, or Arc Core did not start or stay up."""
    NO_TELEMETRY = 3
    """The application succeeded and its trace did not arrive in Arc Core."""
    PROMISE_MISSING = 4
    """The trace arrived and lacks something promised; the message says what."""
    INTERRUPTED = 130
    """Ctrl-C before the trace was shown; afterwards Ctrl-C is the way to leave, with status 0."""


class DemoError(ArcCoreError):
    """The demo can't go on; the message says why, and `exit_code` is the status to leave with."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message, exit_code)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.args[0])
