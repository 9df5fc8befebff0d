"""The keyring of a running Arc Core, kept up to date."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from arc_core.access import Caller, Key, Keyring
from arc_core.errors import RegistryError, StartError
from arc_core.registry._limiter import Limiter
from arc_core.registry._model import DAY_MS
from arc_core.registry._service import Registry, open_registry

REFRESH_SECONDS: Final = 1.0
"""Until a key that was made or revoked elsewhere is so here."""

_COUNT_EVERY: Final = 5
"""Refreshes between two writes of what was used."""

_log = logging.getLogger("arc_core.registry")


class LiveRing:
    """Every tenant and key as they are in the registry, at most a second old; requests never wait for it.

    While the registry does not answer, what was known stays in force. A registry in a file that is not there is not
    opened, as it would be empty: nobody pays for keys who has none.
    """

    def __init__(self, url: str, is_there: Callable[[], bool], limiter: Limiter, now_ms: Callable[[], int]) -> None:
        self._url = url
        self._is_there = is_there
        self._limiter = limiter
        self._now_ms = now_ms
        self._opened = ExitStack()
        self._registry: Registry | None = None
        self._ring = Keyring()
        self._version = -1
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()
        self._turning = threading.Lock()
        self._is_closed = False
        self.trouble: str | None = None
        """Why the registry does not answer; None while it does."""

    def current(self) -> Keyring:
        """The newest keyring known."""
        return self._ring

    def note_use(self, key: Key) -> None:
        """Remember that `key` was used just now."""
        self._used[key.id] = self._now_ms()

    def registry(self) -> Registry:
        """The registry, opened or made if need be; raise StartError when it cannot be."""
        with self._lock:
            if self._registry is None:
                self._registry = self._opened.enter_context(open_registry(self._url, self._now_ms))
            return self._registry

    def note(self, caller: Caller, action: str) -> None:
        """Put into the audit log what `caller` did; where there is no registry there is no log. Errors as `refresh`."""
        if self._registry is not None:
            self._registry.note(caller.actor, action, caller.tenant, "", {})

    def refresh(self) -> None:
        """Read what changed; raise RegistryError or StartError when that cannot be."""
        if self._registry is None and not self._is_there():
            return
        registry = self.registry()
        version = registry.version()
        if version != self._version:
            self._ring = registry.keyring()
            self._version = version

    def count(self) -> None:
        """Tell the registry what was used, and learn what others used; raise RegistryError when that cannot be."""
        if self._registry is None:
            return
        used, self._used = self._used, {}
        fresh = self._limiter.uncounted()
        try:
            if fresh or used:
                self._registry.add_usage(fresh, used)
        except RegistryError:
            self._used = used | self._used
            raise
        self._limiter.settle(fresh, self._registry.usage(self._now_ms() // DAY_MS))

    async def keep(self) -> None:
        """Refresh and count until cancelled."""
        turn = 0
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            turn += 1
            await asyncio.to_thread(self._turn, is_counting=turn % _COUNT_EVERY == 0)

    def close(self) -> None:
        """Count what is left, and give the registry back."""
        with self._turning:  # a turn may still be under way in its thread
            try:
                self.count()
            except RegistryError as error:
                _log.warning("what tenants used last is not counted: %s", error)
            self._opened.close()
            self._is_closed = True

    def _turn(self, *, is_counting: bool) -> None:
        with self._turning:
            if self._is_closed:
                return
            try:
                self.refresh()
                if is_counting:
                    self.count()
            except (RegistryError, StartError) as error:
                if self.trouble is None:
                    _log.warning("%s; keys stay as they were", error)
                self.trouble = str(error)
            else:
                if self.trouble is not None:
                    _log.warning("the registry answers again")
                self.trouble = None
