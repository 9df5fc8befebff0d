"""The bundle of fixes in force is what Arc Core publishes: asked for by long poll, kept for a start without it."""

import http.client
import random
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from arc_runtime.fixes import _files
from arc_runtime.fixes._background import Background
from arc_runtime.fixes._bundle import LARGEST, Accepted, BundleError, Verify, accepted, entries_of, verifier
from arc_runtime.fixes._registry import Registry
from arc_runtime.settings import Settings

__all__ = ["BundleClient"]

_WAIT_SECONDS: Final = 50
_PATIENCE_SECONDS: Final = 10.0
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
        self._etag: str | None = None
        self._pause = _FIRST_PAUSE
        self.last: Accepted | None = None
        """The bundle in force."""
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
        if self._verify is None:
            return False
        try:
            new = accepted(
                envelope,
                keys=self._settings.fixes_public_keys,
                tenant=self._settings.fixes_tenant,
                last=self.last,
                now=self._clock(),
                verify=self._verify,
            )
        except BundleError as error:
            self._warn(str(error))
            return False
        self.last = new
        self._registry.replace("bundle", entries_of(new.bundle, self._warn), paused=new.bundle.mode == "off")
        return True

    def _start_from_disk(self) -> None:
        data = _files.read(self._path, LARGEST) if self._path is not None else None
        if data is not None and self.take(data) and self.last is not None:
            self._etag = f'"{self.last.digest}"'

    def _ask(self) -> float:
        """Ask once; the pause until the next time."""
        try:
            answer = self._fetched()
        except (OSError, http.client.HTTPException):
            return self._later()
        if answer is None:
            self._pause = _FIRST_PAUSE
            return 0.1
        envelope, etag = answer
        if not self.take(envelope):
            return self._later()
        self._etag, self._pause = etag, _FIRST_PAUSE
        if self._path is not None:
            try:
                _files.write(self._path, envelope)
            except OSError as error:
                self._warn(f"the bundle of fixes could not be kept for the next start: {error}")
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
