"""Regular expressions that are compiled when they are first used: all of them would take a program's start long."""

import re
from typing import Any, cast

__all__ = ["lazily"]


class _Lazy:
    def __init__(self, form: str, flags: int) -> None:
        self._form, self._flags = form, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._form, self._flags)
        # From now on these are found without coming here.
        self.match, self.search, self.finditer = compiled.match, compiled.search, compiled.finditer
        self.fullmatch, self.findall, self.sub = compiled.fullmatch, compiled.findall, compiled.sub
        return getattr(compiled, name)


def lazily(form: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` gives, once something is asked of it."""
    return cast("re.Pattern[str]", _Lazy(form, flags))
