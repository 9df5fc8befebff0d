"""Who is let in: of which tenant a request is, and what it may do. Pure: all that it knows is handed in."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol

import msgspec
from arc_semconv.attributes import API_KEY_HEADER

from arc_core.errors import ForbiddenError, UnauthenticatedError
from arc_core.settings import is_loopback

Scope = Literal["ingest", "read", "admin"]
"""What a key opens: sending telemetry, reading it, or the tenant's keys and audit log."""

SCOPES: Final[tuple[Scope, ...]] = ("ingest", "read", "admin")

OPERATOR_TENANT: Final = "default"
"""The tenant whose admins run this Arc Core, and the one of whoever needs no key."""

GATEWAY_SECRET_HEADER: Final = "x-arc-gateway-secret"  # noqa: S105 - the name of a header
"""By this a gateway shows that the tenant it names is to be believed."""

ANY_TENANT: Final = "*"
"""What a gateway sends as the tenant when it has stamped each resource with its own; never the id of one."""

_HOST: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^\[\]:]+))(?::[0-9]{1,5})?")
"""The Host header (RFC 9110 §7.2)."""

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_KEY: Final = re.compile(r"arc_live_(?P<id>[a-z0-9]{12})_[A-Za-z0-9]{40}")


def is_tenant_id(text: str) -> bool:
    """Whether `text` can be the id of a tenant: it goes into SQL, file names and metrics as it is."""
    return _TENANT.fullmatch(text) is not None


def key_id(text: str) -> str | None:
    """The public part of the API key `text`; None when it is none that Arc Core made."""
    found = _KEY.fullmatch(text)
    return None if found is None else found["id"]


def digest(key: str) -> bytes:
    """What is stored of a key: SHA-256, enough for 238 random bits, which nobody can try through."""
    return hashlib.sha256(key.encode()).digest()


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tenant may use; None is no limit."""

    requests_per_second: float | None = None
    """Requests to the API, imports and exports among them."""
    spans_per_second: float | None = None
    """Spans, log records and data points taken."""
    spans_per_day: int | None = None
    """The same from midnight to midnight UTC."""
    bytes_per_day: int | None = None
    """Bytes of these, as they are put into the store, from midnight to midnight UTC."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """Someone whose telemetry is kept apart."""

    id: str
    """`[a-z0-9][a-z0-9_-]{0,62}`."""
    name: str
    created_ms: int
    """Since 1970, as all times here."""
    disabled_ms: int | None = None
    """Since when nobody is let in for it."""
    retention_days: int | None = None
    """After so many days its telemetry is deleted; None keeps it."""
    limits: Limits = Limits()


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret."""

    id: str
    """Twelve characters; they stand in the key itself."""
    tenant: str
    name: str
    scopes: frozenset[Scope]
    digest: bytes
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    last_used_ms: int | None = None
    """Within a minute."""

    @property
    def prefix(self) -> str:
        """What of it may be shown."""
        return f"arc_live_{self.id}_"


class Keyring(msgspec.Struct, frozen=True):
    """Every tenant and key there is, at one moment."""

    tenants: Mapping[str, Tenant] = {}
    keys: Mapping[str, Key] = {}
    """By their ids; those that are expired or revoked are among them."""


class Caller(msgspec.Struct, frozen=True):
    """Whoever a request is of."""

    tenant: str
    scopes: frozenset[Scope]
    key_id: str = ""
    """Empty for the operator's key, a gateway, and whoever needs no key."""
    limits: Limits = Limits()

    @property
    def is_operator(self) -> bool:
        """Whether it may see to all tenants."""
        return "admin" in self.scopes and self.tenant == OPERATOR_TENANT

    @property
    def actor(self) -> str:
        """Who it is in the audit log."""
        return f"key {self.key_id}" if self.key_id else "operator"


class Gateway(msgspec.Struct, frozen=True):
    """A proxy that has checked the caller already."""

    secret: str
    tenant_header: str
    """In which it names the tenant, e.g. Kong's `x-consumer-custom-id`; lower case."""


class Ring(Protocol):
    """Where keys come from, and what is told of their use."""

    def current(self) -> Keyring:
        """Every tenant and key, as far as it is known now; no I/O."""

    def note_use(self, key: Key) -> None:
        """Remember that `key` was used just now; no I/O."""


class Access:
    """What one Arc Core lets in."""

    def __init__(
        self,
        ring: Ring,
        now_ms: Callable[[], int],
        *,
        operator_key: str | None = None,
        gateway: Gateway | None = None,
        is_local: bool = True,
    ) -> None:
        """With `is_local`, only this machine can reach Arc Core; else a key is asked for whatever the ring holds."""
        self._ring = ring
        self._is_local = is_local
        self._now_ms = now_ms
        self._operator = None if operator_key is None else digest(operator_key)
        self._gateway = gateway
        self._nobody = Key(id="", tenant="", name="", scopes=frozenset(), digest=bytes(32), created_ms=0)

    @property
    def is_open(self) -> bool:
        """Whether no key is asked for: none was ever made, and none is configured. A revoked one still counts."""
        is_keyed = self._operator is not None or self._gateway is not None
        return self._is_local and not is_keyed and not self._ring.current().keys

    def authenticate(self, headers: Mapping[str, str], scope: Scope) -> Caller:
        """Return whoever sent `headers` (names in lower case), who may do `scope`.

        Raise UnauthenticatedError without a key that is known and in force, ForbiddenError when it is for other things
        or its tenant is disabled.
        """
        caller = self._caller(headers)
        if scope not in caller.scopes:
            raise ForbiddenError(
                f"the API key has no scope {scope!r} but {', '.join(sorted(caller.scopes)) or 'none'}; "
                f"`arc core keys create --scope {scope}` makes one that has"
            )
        return caller

    def of_stamped(self, tenant: str) -> Caller:
        """Return whoever sends what a gateway has stamped with `tenant`; raise ForbiddenError when it may not."""
        if not tenant:
            raise ForbiddenError("the gateway has stamped no tenant on a resource, or several")
        self._check_known(tenant)
        return self._of_tenant(tenant, frozenset(("ingest",)))

    def trusts_host(self, host: str) -> bool:
        """Whether a request for `host` (the Host header) may be answered.

        Without a key, a web page could reach a server on loopback by rebinding its own name to 127.0.0.1: the Host
        header then still carries that name.
        """
        if not self.is_open:
            return True
        found = _HOST.fullmatch(host)
        return found is not None and is_loopback(found["six"] or found["name"])

    def _caller(self, headers: Mapping[str, str]) -> Caller:
        if self._gateway is not None and (secret := headers.get(GATEWAY_SECRET_HEADER)):
            return self._behind(self._gateway, secret, headers)
        key = headers.get(API_KEY_HEADER) or _bearer(headers.get("authorization", ""))
        if key:
            return self._with_key(key)
        if self.is_open:
            return self._of_tenant(OPERATOR_TENANT, frozenset(SCOPES))
        raise UnauthenticatedError(f"an API key is needed: send it in the header {API_KEY_HEADER}")

    def _behind(self, gateway: Gateway, secret: str, headers: Mapping[str, str]) -> Caller:
        if not hmac.compare_digest(digest(secret), digest(gateway.secret)):
            raise UnauthenticatedError(f"the secret in the header {GATEWAY_SECRET_HEADER} is not the gateway's")
        tenant = headers.get(gateway.tenant_header, "")
        if not tenant:
            raise UnauthenticatedError(f"the gateway names no tenant in the header {gateway.tenant_header}")
        if tenant == ANY_TENANT:
            return Caller(ANY_TENANT, frozenset(("ingest",)))
        self._check_known(tenant)
        return self._of_tenant(tenant, frozenset(("ingest", "read")))

    def _check_known(self, tenant: str) -> None:
        if tenant not in self._ring.current().tenants and tenant != OPERATOR_TENANT:
            raise ForbiddenError(f"there is no tenant {tenant[:100]!r}; `arc core tenants create` makes one")

    def _with_key(self, text: str) -> Caller:
        """The same steps for every text: how long it takes says nothing about which part of a key is right."""
        given = digest(text)
        known = self._ring.current().keys.get(key_id(text) or "", self._nobody)
        is_known = hmac.compare_digest(given, known.digest)
        is_operator = hmac.compare_digest(given, self._operator or bytes(32))
        if is_operator:
            return self._of_tenant(OPERATOR_TENANT, frozenset(SCOPES))
        if self.is_open:
            # A program may carry a key for an Arc Core elsewhere; this one has asked for none.
            return self._of_tenant(OPERATOR_TENANT, frozenset(SCOPES))
        if not is_known:
            raise UnauthenticatedError("the API key is not one of this Arc Core")
        if known.revoked_ms is not None:
            raise UnauthenticatedError(f"the API key {known.prefix}... is revoked; ask for another")
        if known.expires_ms is not None and known.expires_ms <= self._now_ms():
            raise UnauthenticatedError(f"the API key {known.prefix}... has expired; ask for another")
        caller = self._of_tenant(known.tenant, known.scopes, known.id)
        self._ring.note_use(known)
        return caller

    def _of_tenant(self, tenant_id: str, scopes: frozenset[Scope], used: str = "") -> Caller:
        tenant = self._ring.current().tenants.get(tenant_id)
        if tenant is not None and tenant.disabled_ms is not None:
            raise ForbiddenError(f"the tenant {tenant_id!r} is disabled")
        return Caller(tenant_id, scopes, used, Limits() if tenant is None else tenant.limits)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
