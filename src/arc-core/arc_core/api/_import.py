"""Telemetry that comes as a file: OTLP's JSON, whole or a request a line, and recorded runs."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

import msgspec
from arc_semconv.api import Imported
from starlette.requests import Request

from arc_core.access import Caller
from arc_core.api._operation import Call, Operation
from arc_core.api._runs import run_request
from arc_core.errors import MalformedError, OverCapacityError, TooLargeError, UnsupportedError

_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"
_MAX_BYTES: Final = 64 * 1024 * 1024
"""Largest document, and largest line."""

_BATCH_BYTES: Final = 4 * 1024 * 1024
_BATCH_LINES: Final = 64
"""Lines that are stored together: each waits for the disk."""

_TRIES: Final = 60
"""So often is tried, half a second apart, when there is no room for more."""


class Taken(NamedTuple):
    """What became of a request."""

    rejected: int
    message: str


Take = Callable[[bytes, Caller], Awaitable[Taken]]
"""Stores an ExportTraceServiceRequest in JSON; raises as the OTLP endpoint does."""


class _Scope(msgspec.Struct):
    spans: list[msgspec.Raw] = []


class _Resource(msgspec.Struct):
    scope_spans: list[_Scope] = msgspec.field(name="scopeSpans", default_factory=list)


class _Shape(msgspec.Struct):
    """Enough of a document to know what it is."""

    resource_spans: list[_Resource] | None = msgspec.field(name="resourceSpans", default=None)


class Imports:
    """Takes files for the caller's tenant."""

    def __init__(self, take: Take, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._take = take
        self._now_ns = now_ns

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
        spans, rejected, message = 0, 0, ""
        async for batch in _batches(_pieces(call.request), is_lines=kind == _LINES):
            async with _together() as tasks:
                stored = [tasks.create_task(self._store(number, line, call.caller)) for number, line in batch]
            for task in stored:
                count, taken = task.result()
                spans += count - taken.rejected
                rejected += taken.rejected
                message = message or taken.message
        return Imported(spans, rejected, message)

    async def _store(self, number: int, line: bytes, caller: Caller) -> tuple[int, Taken]:
        try:
            shape = msgspec.json.decode(line, type=_Shape)
            if shape.resource_spans is None:
                line = msgspec.json.encode(run_request(line, self._now_ns()))
                shape = msgspec.json.decode(line, type=_Shape)
        except (msgspec.MsgspecError, RecursionError, MalformedError) as error:
            raise MalformedError(f"line {number}: {error}") from None
        count = sum(len(scope.spans) for one in shape.resource_spans or () for scope in one.scope_spans)
        for _ in range(_TRIES):
            try:
                return count, await self._take(line, caller)
            except OverCapacityError:
                await asyncio.sleep(0.5)
        return count, await self._take(line, caller)


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
        async for piece in request.stream():
            yield piece
        return
    if encoding != "gzip":
        raise UnsupportedError(f"Content-Encoding {encoding[:100]!r} is not read here; send gzip or none")
    inflater = zlib.decompressobj(wbits=31)
    try:
        async for piece in request.stream():
            left = piece
            while left:
                yield inflater.decompress(left, _BATCH_BYTES)
                left = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise MalformedError(f"the body is no gzip: {error}") from None
    if not inflater.eof:
        raise MalformedError("the body ends before its gzip does")


async def _batches(pieces: AsyncIterator[bytes], *, is_lines: bool) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Numbered lines, a few at a time; without `is_lines` all is one."""
    waiting: list[tuple[int, bytes]] = []
    size, number = 0, 0
    rest = bytearray()
    async for piece in pieces:
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
                    yield waiting
                    waiting, size = [], 0
        if len(rest) > _MAX_BYTES:
            what = "a line" if is_lines else "the document"
            raise TooLargeError(f"{what} is larger than {_MAX_BYTES} bytes; send a request a line, as {_LINES}")
    if rest.strip():
        waiting.append((number + 1, bytes(rest)))
    if waiting:
        yield waiting
