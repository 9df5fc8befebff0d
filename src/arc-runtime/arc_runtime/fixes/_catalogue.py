"""The entries that Arc brings along.

`DEFAULT_ENTRIES` mend before a request leaves. `catalogue()` are the failures seen at providers, as data: those that a
reviewed rewrite mends after the error, and those of which Arc only says what can be done.
"""

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from arc_runtime.fixes._entry import Entry

__all__ = ["DEFAULT_ENTRIES", "catalogue"]

_REASON: Final = "above 0.9 this model's answers grow unreliable: malformed tool arguments, lost instructions"

DEFAULT_ENTRIES: Final = tuple(
    Entry(
        id=f"arc.{model}.temperature",
        pattern={"model": model, "temperature": {">": 0.9}},
        fix={"temperature": 0.7},
        origin="catalogue",
        reason=_REASON,
    )
    for model in ("gpt-4.1", "gpt-4")
)


@cache
def catalogue() -> tuple[Entry, ...]:
    """The entries for use after an error, as they came with this version; read once."""
    data = (files("arc_runtime.fixes") / "catalogue.json").read_bytes()
    return tuple(msgspec.json.decode(data, type=list[Entry]))
