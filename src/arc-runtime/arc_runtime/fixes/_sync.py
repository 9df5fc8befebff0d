"""The bundle of fixes in force is what Arc Core publishes: asked for by long poll, kept for a start without it."""

import http.client
import math
import random
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec

from arc_runtime.errors import PatternError
from arc_runtime.fixes import _files
from arc_runtime.fixes._background import Background
from arc_runtime.fixes._bundle import LARGEST, Accepted, BundleError, Verify, accepted, entries_of, verifier
from arc_runtime.fixes._entry import Entry
from arc_runtime.fixes._registry import Registry
from arc_runtime.settings import Settings

__all__ = ["BundleClient"]

_WAIT_SECONDS: Final = 50
_PATIENCE_SECONDS: Final = 10.0
_WHENEVER: Final = -math.inf
"""A time at which nothing has expired."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


class BundleClient:
    """Keeps the registry's layer of the bundle as Arc Core has it. Nothing of it is ever waited for by a call."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Starts from the last good bundle on disk, where there is one that is still valid."""
        self._registry = registry
        self._settings = settings
        self._warn = warn
        self._clock = clock
        self._path = settings.fixes_dir / "bundle.json" if settings.fixes_dir is not None else None
        self._chain_path = settings.fixes_dir / "bundle-keys.json" if settings.fixes_dir is not None else None
        self._etag: str | None = None
        self._pause = _FIRST_PAUSE
        self.last: Accepted | None = None
        """The bundle in force, or the last that was."""
        self._verify: Verify | None = None
        self._background = Background(
            "arc-fixes-bundle", self._ask, lambda error: warn(f"fixes from Arc Core: {error}")
        )
        try:
            self._verify = verifier()
        except BundleError as error:
            warn(str(error))
        else:
            self._start_from_disk()

    def start(self) -> None:
        """Ask from now on; nothing happens where there is no Arc Core to ask, or no way to verify what it says."""
        if self._verify is not None and self._settings.api_url is not None:
            self._background.start()

    def stop(self) -> None:
        """Ask no more."""
        self._background.stop()

    def take(self, envelope: bytes) -> bool:
        """Whether the bundle in `envelope` is in force now; where it must not be, that is warned of."""
        try:
            new = self._accepted(envelope, self.last, self._clock())
        except BundleError as error:
            self._warn(str(error))
            return False
        self._put_in_force(new)
        return True

    def _accepted(self, envelope: bytes, last: Accepted | None, now: float) -> Accepted:
        if self._verify is None:
            raise BundleError("a bundle of fixes can't be verified")
        return accepted(
            envelope,
            keys=self._settings.fixes_public_keys,
            tenant=self._settings.fixes_tenant,
            last=last,
            now=now,
            verify=self._verify,
        )

    def _put_in_force(self, new: Accepted) -> None:
        self.last = new
        entries = entries_of(new.bundle, self._warn)
        self._registry.replace("bundle", entries, paused=new.bundle.mode == "off", refused=self._refused)

    def _refused(self, entry: Entry, error: PatternError) -> None:
        self._warn(f"entry {entry.id!r} of the bundle of fixes is left out: {error}")

    def _start_from_disk(self) -> None:
        data = _files.read(self._path, LARGEST) if self._path is not None else None
        if data is None:
            return
        try:
            known: Accepted | None = None
            for envelope in self._chain():
                known = self._accepted(envelope, known, _WHENEVER)
            known = self._accepted(data, known, _WHENEVER)
        except BundleError as error:
            self._warn(str(error))
            return
        if known.bundle.expires <= self._clock():
            # Nothing of it is applied. But its keys count, and nothing older is taken in its place.
            self.last = known._replace(is_in_force=False)
            self._warn(f"the bundle of fixes on disk, version {known.bundle.version}, has expired")
            return
        self._put_in_force(known)
        self._etag = f'"{known.digest}"'

    def _chain(self) -> list[bytes]:
        """The envelopes on disk that lead to the keys of the bundle on disk."""
        data = _files.read(self._chain_path, LARGEST) if self._chain_path is not None else None
        try:
            return [bytes(one) for one in msgspec.json.decode(data or b"[]", type=list[msgspec.Raw])]
        except (msgspec.DecodeError, RecursionError):
            return []

    def _keep(self, new: Accepted) -> None:
        """Write `new` down for the next start, and before it what its keys are trusted by."""
        if self._path is None or self._chain_path is None:
            return
        try:
            if new.chain or self._chain_path.exists():
                _files.write(self._chain_path, b"[" + b",".join(new.chain) + b"]")
            _files.write(self._path, new.envelope)
        except OSError as error:
            self._warn(f"the bundle of fixes could not be kept for the next start: {error}")

    def _ask(self) -> float:
        """Ask once; the pause until the next time."""
        began = time.monotonic()
        try:
            answer = self._fetched()
        except (OSError, http.client.HTTPException):
            return self._later()
        if answer is None:
            self._pause = _FIRST_PAUSE
            # A server that does not wait is asked every second.
            return 0.1 if time.monotonic() - began > _FIRST_PAUSE else _FIRST_PAUSE
        envelope, etag = answer
        if not self.take(envelope) or self.last is None:
            return self._later()
        self._etag, self._pause = etag, _FIRST_PAUSE
        self._keep(self.last)
        return 0.0

    def _later(self) -> float:
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - so that a fleet does not ask at once

    def _fetched(self) -> tuple[bytes, str | None] | None:
        """The envelope that is new and its ETag; None when there is none. OSError where Arc Core does not answer so."""
        url = urlsplit(str(self._settings.api_url))
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=_WAIT_SECONDS + _PATIENCE_SECONDS)
        headers = {"accept": "application/json"}
        if self._etag is not None:
            headers["if-none-match"] = self._etag
        if self._settings.api_keyed and self._settings.api_key is not None:
            headers["x-api-key"] = self._settings.api_key
        wait = _WAIT_SECONDS if self._etag is not None else 0
        try:
            connection.request("GET", f"{url.path}/api/v1/fixes/bundle?wait={wait}", headers=headers)
            response = connection.getresponse()
            if response.status == HTTPStatus.NOT_MODIFIED:
                return None
            if response.status != HTTPStatus.OK:
                raise OSError(f"Arc Core answers {response.status}")
            body = response.read(LARGEST + 1)
            if response.length:  # less came than was announced
                raise OSError("the bundle was cut short")
            return body, response.getheader("etag")
        finally:
            connection.close()
