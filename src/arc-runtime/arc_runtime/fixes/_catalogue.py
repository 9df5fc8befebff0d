"""The entries that Arc brings along."""

from typing import Final

from arc_runtime.fixes._entry import Entry

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
