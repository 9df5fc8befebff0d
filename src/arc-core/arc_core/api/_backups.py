"""A backup of the whole Arc Core, for whoever runs it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.responses import Response

from arc_core.access import Caller
from arc_core.api._operation import Call, Operation
from arc_core.api._streams import Pieces, Streams, begun
from arc_core.errors import ForbiddenError
from arc_core.operations import archive
from arc_core.store import Database

_GZIP: Final = "application/gzip"


Note = Callable[[Caller, str], None]
"""Puts into the audit log that a caller did something, by its name; may block."""


class Backups:
    """Answers with an archive of the store and of the registry in a file."""

    def __init__(
        self,
        database: Database,
        registry: Path | None,
        note: Note,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """With the registry's file; None when it is elsewhere, where its own tools back it up."""
        self._database = database
        self._registry = registry
        self._note = note
        self._now_ms = now_ms
        self._streams = Streams(1, "a backup is under way; try again when it has ended")

    def operations(self) -> list[Operation]:
        """The one there is."""
        return [
            Operation(
                method="GET",
                path="/api/v1/admin/backup",
                name="backup",
                says="Everything of all tenants, for `arc core restore`; for the operator alone",
                scope="admin",
                handler=self.backup,
                answer_types=(_GZIP,),
            )
        ]

    async def backup(self, call: Call) -> Response:
        """The archive."""
        if not call.caller.is_operator:
            raise ForbiddenError("a backup holds all tenants: it is for admins of the tenant 'default' alone")
        headers = {"Content-Disposition": 'attachment; filename="arc-backup.tar.gz"'}
        return await self._streams.answer(call.caller.tenant, lambda: self._begun(call.caller), _GZIP, headers)

    async def _begun(self, caller: Caller) -> Pieces:
        # Who takes everything is told in the audit log, and in the copy of it that he takes.
        await asyncio.to_thread(self._note, caller, "backup.download")
        return await begun(archive(self._database, self._registry, self._now_ms()))
