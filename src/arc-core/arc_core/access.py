"""Who is let in: the API key, and without one only this machine."""

import hmac
import re
from collections.abc import Mapping
from typing import Final

from arc_semconv.attributes import API_KEY_HEADER

from arc_core.errors import UnauthenticatedError
from arc_core.model import Tenant
from arc_core.settings import is_loopback

_HOST: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^\[\]:]+))(?::[0-9]{1,5})?")
"""The Host header (RFC 9110 §7.2)."""


class Access:
    """What one Arc Core lets in."""

    def __init__(self, api_key: str | None) -> None:
        self._key = None if api_key is None else api_key.encode()

    def check(self, key: str | None) -> None:
        """Return when `key` opens this Arc Core; raise UnauthenticatedError when it does not."""
        if self._key is None:
            return
        if not key:
            raise UnauthenticatedError(f"an API key is needed: send it in the header {API_KEY_HEADER}")
        if not hmac.compare_digest(key.encode(), self._key):
            raise UnauthenticatedError(f"the API key in the header {API_KEY_HEADER} is not the one of this Arc Core")

    async def authenticate(self, headers: Mapping[str, str]) -> Tenant:
        """Return whose telemetry a request with `headers` brings; raise UnauthenticatedError when its key is wrong."""
        self.check(headers.get(API_KEY_HEADER))
        return Tenant()

    def trusts_host(self, host: str) -> bool:
        """Whether a request for `host` (the Host header) may be answered.

        Without a key, a web page could reach a server on loopback by rebinding its own name to 127.0.0.1: the Host
        header then still carries that name.
        """
        if self._key is not None:
            return True
        found = _HOST.fullmatch(host)
        return found is not None and is_loopback(found["six"] or found["name"])
