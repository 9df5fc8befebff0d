"""Rows of many requests in few inserts, each request once."""

import asyncio
import logging
from collections import OrderedDict
from itertools import groupby
from typing import Final

from arc_core.errors import ArcCoreError, OverCapacityError, RowsError, StoreError
from arc_core.model import Batch
from arc_core.store._database import Database
from arc_core.store._retries import arrived_before, stored_of

_MAX_GROUP_BYTES: Final = 16 * 1024 * 1024
"""About what one insert carries; a single larger batch still goes in one."""

_LINGER_SECONDS: Final = 1.0
"""How long the first batch of a group waits for more, while many come."""

_QUIET_SHARE: Final = 0.25
"""Of the time the last insert took: when none has come for so long, each sender waits for its answer."""

_REMEMBERED: Final = 200_000
"""Requests whose end is known, so that they are not stored again: some hours of them, in 20 MB."""

_LOG: Final = logging.getLogger(__name__)

_Key = tuple[str, int]
"""Table and id of a batch."""


class _Waiting:
    """A batch that is to be inserted, and those who wait for it."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.key: _Key = (batch.stored, batch.id)
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters = 0

    def settle(self, error: ArcCoreError | None) -> None:
        if self.written.done():
            return
        if error is None:
            self.written.set_result(None)
        else:
            self.written.set_exception(error)
            self.written.exception()  # whoever waited may have gone


class Writer:
    """One task that inserts whatever came in while its last insert ran.

    An insert of one row costs as much as one of a thousand, so a lone batch is inserted at once, but where several came
    together the next group waits a little for more. What may wait is bounded by those who call `write`, each of which
    holds a share of one capacity until it returns.

    A batch that comes again is stored once. While the first is under way both wait for it; once it is stored the second
    is answered at once; and where the end of the first is not known, because its insert failed or Arc Core was killed,
    the database is asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._under_way: dict[_Key, _Waiting] = {}
        self._stored: OrderedDict[_Key, None] = OrderedDict()
        self._unsure: set[_Key] = set()
        self._many = [False, False]
        self._seconds = 0.0
        self._closed = False

    async def remember(self) -> None:
        """Ask the database which requests it has; their ends are not known to whoever sent them."""
        self._unsure = await arrived_before(self._database)

    async def write(self, batch: Batch) -> None:
        """Return when `batch` is on disk.

        Raise StoreError when it may not be, OverCapacityError while closing, and what its `instead` raises.
        """
        key = (batch.stored, batch.id)
        if key in self._stored:
            return
        waiting = self._under_way.get(key)
        if waiting is None:
            if self._closed:
                raise OverCapacityError("Arc Core is stopping; send this again in a second")
            waiting = self._under_way[key] = _Waiting(batch)
            self._queue.put_nowait(waiting)
        waiting.waiters += 1
        try:
            await asyncio.shield(waiting.written)
        finally:
            waiting.waiters -= 1

    async def run(self) -> None:
        """Insert until `close`, and then what is left."""
        is_last = False
        while not is_last:
            group, is_last = await self._next_group()
            began = asyncio.get_running_loop().time()
            for _, same in groupby(sorted(group, key=_kind), key=_kind):
                await self._attempt(list(same))
            self._seconds = asyncio.get_running_loop().time() - began

    def close(self) -> None:
        """Take no more; `run` ends when all that waits is inserted."""
        self._closed = True
        self._queue.put_nowait(None)

    async def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Return what waits now and whether it is the end."""
        loop = asyncio.get_running_loop()
        waiting = await self._queue.get()
        until = loop.time() + _LINGER_SECONDS
        group: list[_Waiting] = []
        size = 0
        while waiting is not None:
            group.append(waiting)
            size += waiting.batch.size_bytes
            if size >= _MAX_GROUP_BYTES:
                break
            try:
                waiting = await self._soon(until - loop.time())
            except TimeoutError:
                break
        is_last = waiting is None
        self._many = [self._many[1], len(group) > 1]
        wanted = [waiting for waiting in group if waiting.waiters]
        for waiting in group:
            if not waiting.waiters:  # given up; whoever sent it will come again
                del self._under_way[waiting.key]
        return wanted, is_last

    async def _soon(self, seconds: float) -> _Waiting | None:
        """Return the next in the queue; raise TimeoutError when there is none, nor likely to be one in `seconds`."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        if not any(self._many) or seconds <= 0:
            raise TimeoutError
        async with asyncio.timeout(min(seconds, self._seconds * _QUIET_SHARE)):
            return await self._queue.get()

    async def _attempt(self, group: list[_Waiting]) -> None:
        """Insert `group`, all for one table in one form, and tell those who wait; whatever happens, go on."""
        try:
            await self._insert(group)
        except ArcCoreError as error:
            self._fail(group, error)
        except Exception:  # noqa: BLE001 - a writer that ends takes Arc Core with it; what failed will come again
            _LOG.exception("a group of %d requests could not be inserted", len(group))
            self._fail(group, StoreError("the store met something unforeseen; its log says what"))

    async def _insert(self, group: list[_Waiting]) -> None:
        try:
            stored = await self._stored_of(group)
            new = [waiting for waiting in group if waiting.key not in stored]
            if new:
                batch = new[0].batch
                chunks = [chunk for waiting in new for chunk in waiting.batch.chunks]
                await self._database.insert(batch.table, chunks, batch.form)
        except RowsError as error:
            await self._insert_apart(group, error)
        else:
            for waiting in group:
                self._remember_stored(waiting.key)
                self._end(waiting, None)

    async def _insert_apart(self, group: list[_Waiting], error: RowsError) -> None:
        """Insert each of `group` alone: one bad batch must not fail its neighbours."""
        self._unsure |= {waiting.key for waiting in group}
        if len(group) > 1:
            for waiting in group:
                await self._attempt([waiting])
        elif (instead := group[0].batch.instead) is not None:
            group[0].batch = await asyncio.to_thread(instead)
            await self._insert(group)
        else:
            raise error

    async def _stored_of(self, group: list[_Waiting]) -> set[_Key]:
        """Return the keys of those that a failed attempt, or an Arc Core that was killed, has stored all the same."""
        unsure = [waiting.batch for waiting in group if waiting.key in self._unsure]
        return await stored_of(self._database, unsure) if unsure else set()

    def _fail(self, group: list[_Waiting], error: ArcCoreError) -> None:
        for waiting in group:
            if not waiting.written.done():
                self._unsure.add(waiting.key)
                self._end(waiting, error)

    def _remember_stored(self, key: _Key) -> None:
        self._unsure.discard(key)
        self._stored[key] = None
        if len(self._stored) > _REMEMBERED:
            self._stored.popitem(last=False)

    def _end(self, waiting: _Waiting, error: ArcCoreError | None) -> None:
        self._under_way.pop(waiting.key, None)
        waiting.settle(error)


def _kind(waiting: _Waiting) -> tuple[str, str]:
    return waiting.batch.table, waiting.batch.form
