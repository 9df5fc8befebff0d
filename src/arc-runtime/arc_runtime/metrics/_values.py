"""Attribute values that are fit for metrics: clean, short and few."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.util.types import AttributeValue

from arc_runtime.redaction import Tally, scrub

__all__ = ["Values"]

_LONGEST: Final = 128
"""Characters; no model, host or class has a longer name."""
_MOST: Final = 200
"""Different values of one attribute. Each of them is a time series for as long as the process lives."""
_OTHER: Final = "_OTHER"
"""What stands for the rest, as the conventions have it for `error.type`."""


class Values:
    """Remembers what was let through: a program that sends made-up model names must not fill its own memory."""

    def __init__(self) -> None:
        self._known: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def of(self, attributes: Mapping[str, AttributeValue], names: Iterable[str]) -> dict[str, AttributeValue]:
        """Those of `attributes` that `names` lists, redacted and bounded; only text and numbers."""
        fit: dict[str, AttributeValue] = {}
        for name in names:
            value = attributes.get(name)
            if isinstance(value, str):
                fit[name] = self._fit(name, value)
            elif isinstance(value, int):
                fit[name] = value
        return fit

    def _fit(self, name: str, value: str) -> str:
        known = self._known[name]
        fit = known.get(value)
        if fit is None:
            if len(value) > _LONGEST or len(known) >= _MOST:
                return _OTHER
            fit = known[value] = str(scrub(value, Tally()))
        return fit
