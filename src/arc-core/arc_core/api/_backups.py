"""A backup of the whole Arc Core, for whoever runs it."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from starlette.responses import Response, StreamingResponse

from arc_core.api._operation import Call, Operation
from arc_core.errors import ForbiddenError, OverQuotaError
from arc_core.operations import archive
from arc_core.store import Database

_GZIP: Final = "application/gzip"


class Backups:
    """Answers with an archive of the store and of the registry in a file."""

    def __init__(
        self, database: Database, registry: Path | None, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        """With the registry's file; None when it is elsewhere, where its own tools back it up."""
        self._database = database
        self._registry = registry
        self._now_ms = now_ms
        self._is_running = False

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
        if self._is_running:
            raise OverQuotaError("a backup is under way; try again when it has ended", 10)
        pieces = archive(self._database, self._registry, self._now_ms())
        first = await anext(pieces)
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="arc-backup.tar.gz"'}
        return StreamingResponse(self._alone(first, pieces), headers=headers, media_type=_GZIP)

    async def _alone(self, first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._is_running = True
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            self._is_running = False
