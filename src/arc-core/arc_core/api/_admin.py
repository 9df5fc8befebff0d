"""Keys and the audit log of the caller's own tenant."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import msgspec
from arc_semconv.api import AuditPage, KeyList, KeyOrder, KeyView, RotationOrder

from arc_core.api._operation import Call, Operation
from arc_core.api._parameters import cursor, whole_number
from arc_core.api._summaries import audit_item, key_view
from arc_core.errors import MalformedError, TooLargeError
from arc_core.registry import Registry, scopes_of

T = TypeVar("T", bound=msgspec.Struct)

_KEY_ID: Final = "[a-z0-9]{12}"
_MAX_BODY: Final = 64 * 1024
_LIMIT: Final = whole_number("limit", "how many on a page", default=100, most=1000)


def _number(found: Any) -> int | None:
    return int(found[1])


class Holder(Protocol):
    """Where the registry is, opened when it is first needed."""

    def registry(self) -> Registry:
        """The registry; may block."""

    def refresh(self) -> None:
        """Let what was changed be in force here at once; may block."""


class Admin:
    """What the admins of a tenant may do."""

    def __init__(self, holder: Holder, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._holder = holder
        self._now_ms = now_ms

    def operations(self) -> list[Operation]:
        """All of them."""
        one = {"key_id": _KEY_ID}
        path = "/api/v1/admin/keys"
        return [
            _admin("GET", path, "list_keys", "The tenant's API keys", self.list_keys, KeyList),
            _admin("POST", path, "create_key", "Make an API key", self.create_key, KeyView, takes=KeyOrder, status=201),
            _admin("DELETE", f"{path}/{{key_id}}", "revoke_key", "End an API key", self.revoke_key, KeyView, path=one),
            _admin(
                "POST",
                f"{path}/{{key_id}}/rotate",
                "rotate_key",
                "Replace an API key",
                self.rotate_key,
                KeyView,
                takes=RotationOrder,
                status=201,
                path=one,
            ),
            _admin(
                "GET",
                "/api/v1/admin/audit",
                "audit",
                "The tenant's audit log, newest first",
                self.audit,
                AuditPage,
                parameters=(_LIMIT, cursor("after", "([0-9]{1,18})", _number)),
            ),
        ]

    async def list_keys(self, call: Call) -> KeyList:
        """The keys."""
        keyring = await asyncio.to_thread(lambda: self._holder.registry().keyring())
        found = [key for key in keyring.keys.values() if key.tenant == call.caller.tenant]
        return KeyList([key_view(key, self._now_ms()) for key in found])

    async def create_key(self, call: Call) -> KeyView:
        """A new key."""
        order = await _body(call, KeyOrder)
        scopes = scopes_of(order.scopes)
        expires_ms = None if order.expires_seconds is None else self._now_ms() + int(order.expires_seconds * 1000)

        def make() -> KeyView:
            caller = call.caller
            new = self._holder.registry().create_key(
                caller.tenant, scopes, caller.actor, name=order.name, expires_ms=expires_ms
            )
            self._holder.refresh()
            return key_view(new.key, self._now_ms(), new.text)

        return await asyncio.to_thread(make)

    async def revoke_key(self, call: Call) -> KeyView:
        """The key, ended."""

        def revoke() -> KeyView:
            caller = call.caller
            key = self._holder.registry().revoke_key(
                call.request.path_params["key_id"], caller.actor, tenant_id=caller.tenant
            )
            self._holder.refresh()
            return key_view(key, self._now_ms())

        return await asyncio.to_thread(revoke)

    async def rotate_key(self, call: Call) -> KeyView:
        """The key in place of another."""
        order = await _body(call, RotationOrder)
        overlap_ms = int(order.overlap_seconds * 1000)

        def rotate() -> KeyView:
            caller = call.caller
            new = self._holder.registry().rotate_key(
                call.request.path_params["key_id"], caller.actor, overlap_ms=overlap_ms, tenant_id=caller.tenant
            )
            self._holder.refresh()
            return key_view(new.key, self._now_ms(), new.text)

        return await asyncio.to_thread(rotate)

    async def audit(self, call: Call) -> AuditPage:
        """A page of the audit log."""
        limit = call["limit"]
        entries = await asyncio.to_thread(
            lambda: self._holder.registry().audit(tenant_id=call.caller.tenant, before=call["after"], limit=limit + 1)
        )
        following = str(entries[limit - 1].number) if len(entries) > limit else None
        return AuditPage([audit_item(entry) for entry in entries[:limit]], following)


def _admin(  # noqa: PLR0913, PLR0917 - a row of a table
    method: str,
    path_: str,
    name: str,
    says: str,
    handler: Any,
    answers: type[msgspec.Struct],
    /,
    *,
    takes: type[msgspec.Struct] | None = None,
    status: int = 200,
    path: dict[str, str] | None = None,
    parameters: Any = (),
) -> Operation:
    refusals = (*((404,) if path else ()), *((413,) if takes else ()), *((409,) if takes and path else ()))
    return Operation(
        method=method,
        path=path_,
        name=name,
        says=says,
        scope="admin",
        handler=handler,
        answers=answers,
        takes=takes,
        status=status,
        path_parameters=path or {},
        parameters=parameters,
        refusals=refusals,
    )


async def _body(call: Call, kind: type[T]) -> T:
    body = bytearray()
    async for piece in call.request.stream():
        body += piece
        if len(body) > _MAX_BODY:
            raise TooLargeError(f"the body is larger than {_MAX_BODY} bytes")
    if call.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise MalformedError("the body is to be JSON, with the Content-Type application/json")
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedError(f"the body cannot be used: {error}") from None
