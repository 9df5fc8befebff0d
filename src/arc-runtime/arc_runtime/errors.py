"""Everything Arc raises on purpose; nothing here ever reaches a user's call that Arc only watches."""

from collections.abc import Iterable


class ArcError(Exception):
    """Something Arc was asked to do and can't; the message says why and the way out."""

    exit_code = 1
    """Exit status of a command that ends with this error."""


class PatternError(ArcError):
    """A pattern or fix that was refused when it was registered; `key` is the part at fault."""

    def __init__(self, key: str, problem: str, *, allowed: Iterable[str] = ()) -> None:
        super().__init__(key, problem)
        self.key = key
        self.problem = problem
        self.allowed: tuple[str, ...] = tuple(allowed)

    def __str__(self) -> str:
        way_out = f"; there are: {' '.join(self.allowed)}" if self.allowed else ""
        return f"{self.key!r}: {self.problem}{way_out}"


class UnreachableError(ArcError):
    """The endpoint did not answer as asked; the message says what it answered."""
