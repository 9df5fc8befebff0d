"""Rows of many requests in few inserts."""

import asyncio
from collections import defaultdict
from typing import Final, NamedTuple

from arc_core.errors import OverCapacityError, StoreError
from arc_core.model import Batch
from arc_core.store._database import Database

_MAX_GROUP_BYTES: Final = 64 * 1024 * 1024
"""About what one insert carries; a single larger batch still goes in one."""


class _Waiting(NamedTuple):
    batch: Batch
    written: asyncio.Future[None]


class Writer:
    """One task that inserts whatever came in while its last insert ran.

    Groups grow with the load by themselves: an insert costs about the same for one row as for a thousand. What may wait
    is bounded by those who call `write`, each of which holds a share of one capacity until it returns.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._closed = False

    async def write(self, batch: Batch) -> None:
        """Return when `batch` is on disk; raise StoreError when it may not be, OverCapacityError while closing."""
        if self._closed:
            raise OverCapacityError("Arc Core is stopping; send this again in a second")
        waiting = _Waiting(batch, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        await waiting.written

    async def run(self) -> None:
        """Insert until `close`, and then what is left."""
        is_last = False
        while not is_last:
            group, is_last = await self._next_group()
            by_table: defaultdict[str, list[_Waiting]] = defaultdict(list)
            for waiting in group:
                by_table[waiting.batch.table].append(waiting)
            for same_table in by_table.values():
                await self._insert(same_table)

    def close(self) -> None:
        """Take no more; `run` ends when all that waits is inserted."""
        self._closed = True
        self._queue.put_nowait(None)

    async def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Return what waits now, at least one batch, and whether it is the end."""
        first = await self._queue.get()
        group = [] if first is None else [first]
        size = 0 if first is None else len(first.batch.lines)
        is_last = first is None
        while not is_last and size < _MAX_GROUP_BYTES and not self._queue.empty():
            waiting = self._queue.get_nowait()
            if waiting is None:
                is_last = True
            else:
                group.append(waiting)
                size += len(waiting.batch.lines)
        return group, is_last

    async def _insert(self, group: list[_Waiting]) -> None:
        try:
            table, lines = group[0].batch.table, [waiting.batch.lines for waiting in group]
            await self._database.insert(table, lines, "JSONEachRow")
        except StoreError as error:
            if len(group) == 1:
                _settle(group[0], error)
                return
            # One bad batch must not fail its neighbours; rows that did get in are the same rows, and shown once.
            for waiting in group:
                await self._insert([waiting])
        else:
            for waiting in group:
                _settle(waiting, None)


def _settle(waiting: _Waiting, error: StoreError | None) -> None:
    if waiting.written.done():  # the request was cancelled meanwhile
        return
    if error is None:
        waiting.written.set_result(None)
    else:
        waiting.written.set_exception(error)
