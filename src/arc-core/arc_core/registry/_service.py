"""What can be done with tenants and keys; each change leaves an entry in the audit log."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from arc_core.access import OPERATOR_TENANT, Key, Keyring, Limits, Scope, Tenant, digest, is_tenant_id
from arc_core.errors import ConflictError, NotFoundError, UsageError
from arc_core.registry._model import (
    ALPHABET,
    ID_ALPHABET,
    ID_LENGTH,
    SECRET_LENGTH,
    AuditEntry,
    AuditHead,
    NewKey,
    Usage,
    broken_link,
    checked_name,
    sealed,
)

if TYPE_CHECKING:
    from arc_core.registry._store import RegistryStore, Rows


class Registry:
    """Tenants, keys and the audit log; every method raises RegistryError when the database does not answer.

    Each call blocks for a round trip to the database: not for an event loop.
    """

    def __init__(self, store: "RegistryStore", now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._ensure_operator()

    def keyring(self) -> Keyring:
        """Every tenant and key."""
        with self._store.reading() as rows:
            return rows.keyring()

    def version(self) -> int:
        """How many changes there were; another number means another keyring."""
        with self._store.reading() as rows:
            return rows.version()

    def create_tenant(self, tenant_id: str, actor: str, *, name: str = "") -> Tenant:
        """Return the new tenant; raise UsageError for a bad id or name, ConflictError when the id is taken."""
        if not is_tenant_id(tenant_id):
            raise UsageError(
                f"tenant id {tenant_id[:100]!r} cannot be used: 1 to 63 of a-z, 0-9, - and _, with a letter or "
                "digit first"
            )
        tenant = Tenant(id=tenant_id, name=checked_name(name) or tenant_id, created_ms=self._now_ms())
        with self._store.changing() as rows:
            if tenant_id in rows.keyring().tenants:
                raise ConflictError(f"there is a tenant {tenant_id!r} already")
            rows.put_tenant(tenant, is_new=True)
            self._note(rows, actor, "tenant.create", tenant_id, tenant_id, {"name": tenant.name})
        return tenant

    def limit_tenant(self, tenant_id: str, actor: str, limits: Limits, retention_days: int | None) -> Tenant:
        """Return the tenant with other limits and retention; raise NotFoundError when there is none."""
        with self._changed_tenant(tenant_id) as (rows, tenant):
            changed = msgspec.structs.replace(tenant, limits=limits, retention_days=retention_days)
            rows.put_tenant(changed, is_new=False)
            detail = {"limits": msgspec.to_builtins(limits), "retention_days": retention_days}
            self._note(rows, actor, "tenant.limit", tenant_id, tenant_id, detail)
        return changed

    def disable_tenant(self, tenant_id: str, actor: str) -> Tenant:
        """Return the tenant, which nobody can send or read for any more; raise NotFoundError when there is none."""
        with self._changed_tenant(tenant_id) as (rows, tenant):
            changed = msgspec.structs.replace(tenant, disabled_ms=tenant.disabled_ms or self._now_ms())
            rows.put_tenant(changed, is_new=False)
            self._note(rows, actor, "tenant.disable", tenant_id, tenant_id, {})
        return changed

    def enable_tenant(self, tenant_id: str, actor: str) -> Tenant:
        """Return the tenant, no longer disabled; raise NotFoundError when there is none."""
        with self._changed_tenant(tenant_id) as (rows, tenant):
            changed = msgspec.structs.replace(tenant, disabled_ms=None)
            rows.put_tenant(changed, is_new=False)
            self._note(rows, actor, "tenant.enable", tenant_id, tenant_id, {})
        return changed

    def create_key(
        self, tenant_id: str, scopes: frozenset[Scope], actor: str, *, name: str = "", expires_ms: int | None = None
    ) -> NewKey:
        """Return a new key, in force until `expires_ms`.

        Raise NotFoundError when there is no such tenant, UsageError for a name that cannot be used.
        """
        new = self._made(tenant_id, scopes, name, expires_ms)
        with self._changed_tenant(tenant_id) as (rows, _):
            rows.add_key(new.key)
            self._note(rows, actor, "key.create", tenant_id, new.key.id, _told(new.key))
        return new

    def revoke_key(self, key_id: str, actor: str, *, tenant_id: str | None = None) -> Key:
        """Return the key, in force no more; raise NotFoundError when there is none (of `tenant_id`)."""
        with self._store.changing() as rows:
            key = _found(rows, key_id, tenant_id)
            if key.revoked_ms is None:
                key = msgspec.structs.replace(key, revoked_ms=self._now_ms())
                rows.end_key(key.id, expires_ms=key.expires_ms, revoked_ms=key.revoked_ms)
                self._note(rows, actor, "key.revoke", key.tenant, key.id, {})
        return key

    def rotate_key(self, key_id: str, actor: str, *, overlap_ms: int, tenant_id: str | None = None) -> NewKey:
        """Return a key for the same as `key_id`, which stays in force for `overlap_ms` more.

        Raise NotFoundError when there is none (of `tenant_id`), ConflictError when it is revoked or expired.
        """
        with self._store.changing() as rows:
            old = _found(rows, key_id, tenant_id)
            now_ms = self._now_ms()
            if old.revoked_ms is not None or (old.expires_ms is not None and old.expires_ms <= now_ms):
                raise ConflictError(f"the key {old.prefix}... is no longer in force; create another")
            lasts = None if old.expires_ms is None else now_ms + old.expires_ms - old.created_ms
            new = self._made(old.tenant, old.scopes, old.name, lasts)
            ends_ms = now_ms + overlap_ms if old.expires_ms is None else min(old.expires_ms, now_ms + overlap_ms)
            rows.add_key(new.key)
            rows.end_key(old.id, expires_ms=ends_ms, revoked_ms=None)
            detail = _told(new.key) | {"replaces": old.id, "old_expires_ms": ends_ms}
            self._note(rows, actor, "key.rotate", old.tenant, new.key.id, detail)
        return new

    def audit(self, *, tenant_id: str | None = None, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """At most `limit` entries, newest first: of one tenant or of all, older than the one numbered `before`."""
        with self._store.reading() as rows:
            return rows.entries(tenant_id, before, limit)

    def note(self, actor: str, action: str, tenant_id: str, subject: str, detail: dict[str, object]) -> None:
        """Put into the audit log what was done elsewhere, as a backup is."""
        with self._store.changing() as rows:
            self._note(rows, actor, action, tenant_id, subject, detail)

    def audit_head(self) -> AuditHead:
        """Where the audit log ends."""
        with self._store.reading() as rows:
            return rows.head()

    def broken_audit(self) -> int | None:
        """The number of the first entry that is missing or was altered; None when all is as it was written."""
        with self._store.reading() as rows:
            return broken_link(head=rows.head(), entries=rows.all_entries())

    def usage(self, first_day: int) -> list[Usage]:
        """What each tenant sent on `first_day` (days since 1970) and since."""
        with self._store.reading() as rows:
            return rows.usage(first_day)

    def add_usage(self, usage: list[Usage], used: Mapping[str, int]) -> None:
        """Count what was sent, and when keys were last used: milliseconds by key id."""
        self._store.add_usage(usage, used)

    def close(self) -> None:
        """Give all connections back."""
        self._store.close()

    def _ensure_operator(self) -> None:
        with self._store.reading() as rows:
            if OPERATOR_TENANT in rows.keyring().tenants:
                return
        with self._store.changing() as rows:
            if OPERATOR_TENANT not in rows.keyring().tenants:
                tenant = Tenant(id=OPERATOR_TENANT, name=OPERATOR_TENANT, created_ms=self._now_ms())
                rows.put_tenant(tenant, is_new=True)
                self._note(
                    rows, "operator", "tenant.create", OPERATOR_TENANT, OPERATOR_TENANT, {"name": OPERATOR_TENANT}
                )

    @contextmanager
    def _changed_tenant(self, tenant_id: str) -> Iterator[tuple["Rows", Tenant]]:
        with self._store.changing() as rows:
            tenant = rows.keyring().tenants.get(tenant_id)
            if tenant is None:
                raise NotFoundError(
                    f"there is no tenant {tenant_id[:100]!r}; `arc core tenants list` shows those there are"
                )
            yield rows, tenant

    def _made(self, tenant_id: str, scopes: frozenset[Scope], name: str, expires_ms: int | None) -> NewKey:
        public = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        text = f"arc_live_{public}_" + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
        key = Key(
            id=public,
            tenant=tenant_id,
            name=checked_name(name),
            scopes=scopes,
            digest=digest(text),
            created_ms=self._now_ms(),
            expires_ms=expires_ms,
        )
        return NewKey(key, text)

    def _note(  # noqa: PLR0913, PLR0917 - the fields of an entry
        self, rows: "Rows", actor: str, action: str, tenant: str, subject: str, detail: dict[str, object]
    ) -> None:
        head = rows.head()
        entry = AuditEntry(
            number=head.number + 1,
            at_ms=self._now_ms(),
            actor=actor,
            action=action,
            tenant=tenant,
            subject=subject,
            detail=detail,
            previous=head.hash,
        )
        rows.add_entry(sealed(entry))


@contextmanager
def open_registry(url: str, now_ms: Callable[[], int]) -> Iterator[Registry]:
    """The registry at `url`, closed at the end; raise StartError when it cannot be opened."""
    from arc_core.registry._store import open_store  # SQLAlchemy: not for those who have no registry

    store = open_store(url)
    try:
        yield Registry(store, now_ms)
    finally:
        store.close()


def _found(rows: "Rows", key_id: str, tenant_id: str | None) -> Key:
    key = rows.keyring().keys.get(key_id.removeprefix("arc_live_").rstrip("_."))
    if key is None or (tenant_id is not None and key.tenant != tenant_id):
        raise NotFoundError(f"there is no key {key_id[:100]!r}; `arc core keys list` shows those there are")
    return key


def _told(key: Key) -> dict[str, object]:
    return {"name": key.name, "scopes": sorted(key.scopes), "expires_ms": key.expires_ms}
