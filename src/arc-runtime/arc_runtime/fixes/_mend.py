"""What a rewrite makes of a request."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from arc_semconv.fixes import Change

from arc_runtime.fixes._refusal import Refusal

__all__ = ["NO_AFTERWARDS", "Afterwards", "Asked", "Lesson", "Mend", "Rewrite"]


class Afterwards(NamedTuple):
    """What is to be done to the answer, so that the program gets what it asked for."""

    names: tuple[tuple[str, str], ...] = ()
    """Names of tools as they were sent, and as the program knows them."""
    stops: tuple[str, ...] = ()
    """Where the text ends: the provider was not told."""

    def and_also(self, other: "Afterwards") -> "Afterwards":
        """Both."""
        return Afterwards(self.names + other.names, self.stops + other.stops)


NO_AFTERWARDS: Final = Afterwards()


class Lesson(NamedTuple):
    """How the same can be done before the next request of that provider and model leaves."""

    pattern: Mapping[str, object]
    """Conditions beside provider, API and model."""
    fix: Mapping[str, object]


class Asked(NamedTuple):
    """What a rewrite works on; it changes nothing of it."""

    body: Mapping[str, object]
    api: str
    refusal: Refusal | None = None
    """What the provider answered; None before the request leaves."""
    provider: str = ""


class Mend(NamedTuple):
    """What a rewrite did."""

    body: Mapping[str, object]
    changes: tuple[Change, ...]
    lesson: Lesson | None = None
    """None where nothing can be told from this failure about the next request."""
    afterwards: Afterwards = NO_AFTERWARDS


class Rewrite(NamedTuple):
    """A reviewed change that data can't express; pure, and does nothing the second time."""

    run: Callable[[Asked], Mend | None]
    """None when there is nothing to do, or nothing that is known to help."""
    says: str
    """What it does, for the reference."""
    needs_refusal: bool = False
    """Whether it reads the provider's error, so that it is for use after one only."""
