"""Telemetry that comes as a file: OTLP's JSON, whole or a request a line, and recorded runs."""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

import msgspec
from arc_semconv.api import Imported
from starlette.requests import Request

from arc_core.access import Caller
from arc_core.api._operation import Call, Operation
from arc_core.api._runs import Run, run_of, run_request, start_of, trace_of
from arc_core.errors import (
    MalformedError,
    OverCapacityError,
    OverQuotaError,
    SlowBodyError,
    TooLargeError,
    UnsupportedError,
)
from arc_core.ingest import Held

_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"
_MAX_BYTES: Final = 64 * 1024 * 1024
"""Largest document, and largest line."""

_MS_NS: Final = 1_000_000
_BATCH_BYTES: Final = 4 * 1024 * 1024
_BATCH_LINES: Final = 64
"""Lines that are stored together: each waits for the disk."""

_TRIES: Final = 60
"""So often is tried, half a second apart, when there is no room for more."""

_AT_A_TIME: Final = 4
"""Imports of one tenant that run together."""

_PIECE_SECONDS: Final = 60.0
"""Longest time that nothing of a body may arrive."""


class Taken(NamedTuple):
    """What became of a request."""

    rejected: int
    message: str


class Shelf(Protocol):
    """Where telemetry goes."""

    def hold(self) -> AbstractContextManager[Held]:
        """A share of what requests may hold in memory."""

    async def take(self, body: bytes, caller: Caller) -> Taken:
        """Store an ExportTraceServiceRequest in JSON; raises as the OTLP endpoint does."""

    async def start_of(self, trace_id: str, caller: Caller) -> int | None:
        """When a trace that is there began, in nanoseconds since 1970; None when it is not there."""


class _Scope(msgspec.Struct):
    spans: list[msgspec.Raw] = []


class _Resource(msgspec.Struct):
    scope_spans: list[_Scope] = msgspec.field(name="scopeSpans", default_factory=list)


class _Shape(msgspec.Struct):
    """Enough of a document to know what it is."""

    resource_spans: list[_Resource] | None = msgspec.field(name="resourceSpans", default=None)


class Imports:
    """Takes files for the caller's tenant."""

    def __init__(self, shelf: Shelf, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._shelf = shelf
        self._now_ns = now_ns
        self._running: Counter[str] = Counter()

    def operations(self) -> list[Operation]:
        """The one there is."""
        return [
            Operation(
                method="POST",
                path="/api/v1/import",
                name="import",
                says="Store traces from OTLP's JSON, one document or a request a line, or from recorded runs",
                scope="ingest",
                handler=self.import_all,
                media_types=(_JSON, _LINES),
                answers=Imported,
                refusals=(413, 415),
            )
        ]

    async def import_all(self, call: Call) -> Imported:
        """What was in the body; with an error, what came before it is stored."""
        kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (_JSON, _LINES):
            raise UnsupportedError(f"Content-Type {kind[:100]!r} is not read here; send {_JSON} or {_LINES}")
        tenant = call.caller.tenant
        if self._running[tenant] >= _AT_A_TIME:
            raise OverQuotaError(f"{_AT_A_TIME} imports are under way; try again when one has ended", 10)
        self._running[tenant] += 1
        try:
            with self._shelf.hold() as held:
                return await self._stored(_batches(_pieces(call.request), held, is_lines=kind == _LINES), call.caller)
        finally:
            self._running[tenant] -= 1

    async def _stored(self, batches: AsyncIterator[list[tuple[int, bytes]]], caller: Caller) -> Imported:
        spans, rejected, message = 0, 0, ""
        now_ns = self._now_ns()  # one for all: a run that is in the file twice is one
        async for batch in batches:
            async with _together() as tasks:
                stored = [tasks.create_task(self._store(number, line, caller, now_ns)) for number, line in batch]
            for task in stored:
                count, taken = task.result()
                spans += count - taken.rejected
                rejected += taken.rejected
                message = message or taken.message
        return Imported(spans, rejected, message)

    async def _store(self, number: int, line: bytes, caller: Caller, now_ns: int) -> tuple[int, Taken]:
        try:
            shape = msgspec.json.decode(line, type=_Shape)
            if shape.resource_spans is None:
                run = run_of(line)
                line = msgspec.json.encode(run_request(run, await self._start(run, caller, now_ns)))
                shape = msgspec.json.decode(line, type=_Shape)
        except (msgspec.MsgspecError, RecursionError, MalformedError) as error:
            raise MalformedError(f"line {number}: {error}") from None
        count = sum(len(scope.spans) for one in shape.resource_spans or () for scope in one.scope_spans)
        for _ in range(_TRIES):
            try:
                return count, await self._shelf.take(line, caller)
            except OverCapacityError:
                await asyncio.sleep(0.5)
        return count, await self._shelf.take(line, caller)

    async def _start(self, run: Run, caller: Caller, now_ns: int) -> int:
        """When `run` began: one without times ends now, and where it is here already it began when it did."""
        told = start_of(run) or await self._shelf.start_of(trace_of(run), caller)
        return told or now_ns - (len(run.steps) + 1) * _MS_NS


class _together(asyncio.TaskGroup):  # noqa: N801 - used like a function
    """Tasks whose first error is raised as it is, not in a group."""

    async def __aexit__(self, *told: object) -> None:
        try:
            await super().__aexit__(*told)  # type: ignore[arg-type]
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body, inflated."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for piece in _arriving(request):
            yield piece
        return
    if encoding != "gzip":
        raise UnsupportedError(f"Content-Encoding {encoding[:100]!r} is not read here; send gzip or none")
    inflater = zlib.decompressobj(wbits=31)
    try:
        async for piece in _arriving(request):
            left = piece
            while left:
                if inflater.eof:  # another member: files that were put behind each other
                    inflater = zlib.decompressobj(wbits=31)
                yield inflater.decompress(left, _BATCH_BYTES)
                left = inflater.unused_data or inflater.unconsumed_tail
    except zlib.error as error:
        raise MalformedError(f"the body is no gzip: {error}") from None
    if not inflater.eof:
        raise MalformedError("the body ends before its gzip does")


async def _arriving(request: Request) -> AsyncIterator[bytes]:
    pieces = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(_PIECE_SECONDS):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise SlowBodyError(f"nothing of the body arrived for {_PIECE_SECONDS:.0f} seconds") from None
        yield piece


async def _batches(
    pieces: AsyncIterator[bytes], held: Held, *, is_lines: bool
) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Numbered lines, a few at a time; without `is_lines` all is one.

    `held` holds what is read, until it is given out: then whoever stores it does.
    """
    waiting: list[tuple[int, bytes]] = []
    size, number = 0, 0
    rest = bytearray()
    async for piece in pieces:
        held.grow(len(piece))
        rest += piece
        if is_lines and b"\n" in piece:
            *lines, tail = bytes(rest).split(b"\n")
            rest = bytearray(tail)
            for line in lines:
                number += 1
                if line.strip():
                    waiting.append((number, line))
                    size += len(line)
                if size > _BATCH_BYTES or len(waiting) >= _BATCH_LINES:
                    held.shrink(held.size_bytes - len(rest))
                    yield waiting
                    waiting, size = [], 0
        if len(rest) > _MAX_BYTES:
            what = "a line" if is_lines else "the document"
            raise TooLargeError(f"{what} is larger than {_MAX_BYTES} bytes; send a request a line, as {_LINES}")
    if rest.strip():
        waiting.append((number + 1, bytes(rest)))
    held.shrink(held.size_bytes)
    if waiting:
        yield waiting
