"""What a command can't do, by the exit status it ends with."""

from arc_runtime.errors import ArcError

__all__ = ["CoreError", "NothingThereError", "UsageError"]


class UsageError(ArcError):
    """A value, file or program that was named can't be used."""

    exit_code = 2


class CoreError(ArcError):
    """Arc Core does not run, can't be reached, or refuses."""

    exit_code = 3


class NothingThereError(ArcError):
    """There is no trace or fix of that name."""

    exit_code = 4
