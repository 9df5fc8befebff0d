"""Requests handed to the engine as they came: checked by protobuf in C, and cut, but never walked value by value.

What cannot go this way (lists of pairs, arrays within arrays, empty arrays) is said by returning None, and `_rows`
takes it.
"""

import struct
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError, EncodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from arc_core.errors import MalformedError, TooLargeError
from arc_core.ingest._capacity import Held
from arc_core.ingest._group import Budget
from arc_core.ingest._otlp_protobuf import Slice, check_parts, fields
from arc_core.ingest._readable import filled_resource_spans, resource_spans
from arc_core.ingest._rows import CostOf, Origin, Rejected, Seen, flaw
from arc_core.ingest._values import texts
from arc_core.model.dialects import COST, TOKENS, canonical

MAX_FRAME_BYTES: Final = 512 * 1024
"""Above this the spans of one resource are parsed in parts: parsed at once, 2 bytes can become 200."""

MAX_REPEATED_BYTES: Final = 128 * 1024 * 1024
"""Most that the resources of one request may take once each span repeats its own."""

_EMPTY_ARRAY: Final = b"\x12\x02\x2a\x00"
"""An attribute whose value is an `array_value` without members, which the engine cannot tell from no value."""

_TOKEN_NAMES: Final = tuple(
    (stem.encode(), tuple(name.encode() for name in names))
    for stem, names in groupby(sorted(TOKENS), lambda name: name.rpartition(".")[0])
)
"""Names of counts of tokens by what they begin with: few requests hold more than one sort of them."""
_COST_NAME: Final = COST.encode()


class Frames(NamedTuple):
    """A request as `otlp_traces` takes it."""

    chunks: list[bytes | bytearray]
    spans: int


class _Piece(NamedTuple):
    """A `ResourceSpans` that is small enough to be parsed at once."""

    body: bytes
    scopes: int
    """How many `ScopeSpans` it has."""
    counted: bool
    """Whether its spans are taken off the budget."""


def trace_frames(body: bytes, origin: Origin, cost_of: CostOf, rejected: Rejected, held: Held) -> Frames | None:
    """Return the spans of `body` that are not `rejected`, framed; None when the engine cannot read all of it.

    Raise MalformedError when it is no request, TooLargeError when it holds too many, and what `held` raises.
    """
    tail = _tail(origin)
    chunks: list[bytes | bytearray] = []
    spans = repeated = 0
    parse = resource_spans().FromString
    budget, seen = Budget(), Seen()
    for piece in _pieces(body, budget):
        try:
            message = parse(piece.body)
        except DecodeError:
            raise MalformedError("the body is not protobuf: a ResourceSpans in it cannot be parsed") from None
        if _is_unread(message) or _has_empty_array(piece.body):
            return None
        count = sum(len(group.spans) for group in message.scope_spans)
        if not piece.counted:
            budget.spend(count)
        repeated += message.resource.ByteSize() * count
        if repeated > MAX_REPEATED_BYTES:
            raise TooLargeError(
                f"the spans of the request would repeat more than {MAX_REPEATED_BYTES} bytes of resources; "
                "send fewer at a time"
            )
        dropped = _drop(message, rejected, seen)
        priced = _price(piece.body, message, cost_of)
        kept = message.SerializeToString() if dropped or priced else piece.body
        spans += count - dropped
        held.grow(len(kept))
        chunks += _framed(kept, piece.scopes, tail)
    return Frames(chunks, spans)


def _is_unread(message: Any) -> bool:
    """Whether `message` holds what the engine cannot read.

    Writing it out fails where a required field is missing, and takes half as long as `IsInitialized`.
    """
    try:
        message.SerializeToString()
    except EncodeError:
        return True
    return False


def _has_empty_array(body: bytes) -> bool:
    return _EMPTY_ARRAY in body and not filled_resource_spans().FromString(body).IsInitialized()


def _pieces(body: bytes, budget: Budget) -> Iterator[_Piece]:
    for number, where in fields(body, Slice(0, len(body))):
        if number != 1:
            continue
        budget.spend()
        scopes = 0
        if where.end - where.start <= MAX_FRAME_BYTES:
            for inner, _ in fields(body, where):
                scopes += inner == 2  # noqa: PLR2004 - scope_spans
            budget.spend(scopes)
            yield _Piece(body[where.start : where.end], scopes, counted=False)
        else:
            yield from _cut(body, where, budget)


def _cut(body: bytes, where: Slice, budget: Budget) -> Iterator[_Piece]:
    """Cut a large `ResourceSpans` into some of one scope and few spans each."""
    resource = b""
    groups = []
    for number, part in fields(body, where):
        if number == 1:
            check_parts(body, part, Resource.DESCRIPTOR)
            resource += body[part.start : part.end]  # of several, protobuf makes one that holds what all say
        elif number == 2:  # noqa: PLR2004 - scope_spans
            budget.spend()
            groups.append(part)
    head = field(1, resource)
    for group in groups:
        scope = b""
        spans = []
        for number, part in fields(body, group):
            if number == 1:
                check_parts(body, part, InstrumentationScope.DESCRIPTOR)
                scope += body[part.start : part.end]
            elif number == 2:  # noqa: PLR2004 - spans
                budget.spend()
                check_parts(body, part, Span.DESCRIPTOR)
                spans.append(part)
        scope = field(1, scope)
        yield from (_Piece(head + field(2, scope + part), 1, counted=True) for part in _batched(body, spans))


def _batched(body: bytes, spans: list[Slice]) -> Iterator[bytes]:
    batch = bytearray()
    for span in spans:
        if batch and len(batch) + span.end - span.start > MAX_FRAME_BYTES:
            yield bytes(batch)
            batch.clear()
        batch += field(2, body[span.start : span.end])
    if batch:
        yield bytes(batch)


def _drop(message: Any, rejected: Rejected, seen: Seen) -> int:
    """Take the spans out of `message` that could not be found again, or were there before; return how many."""
    dropped = 0
    for group in message.scope_spans:
        if seen.takes(group.spans):
            continue
        bad = []
        for at, span in enumerate(group.spans):
            if reason := flaw(span):
                rejected.add(reason)
                bad.append(at)
            elif seen.has(span):
                bad.append(at)
        for at in reversed(bad):
            del group.spans[at]
        dropped += len(bad)
    return dropped


def _price(body: bytes, message: Any, cost_of: CostOf) -> bool:
    """Add what they cost to the spans of model calls that do not say so; return whether there were any."""
    costs = body.count(_COST_NAME)
    if not any(body.count(name) > costs for stem, names in _TOKEN_NAMES if stem in body for name in names):
        return False
    priced = False
    for group in message.scope_spans:
        for span in group.spans:
            if not any(pair.key in TOKENS for pair in span.attributes):
                continue
            cost = cost_of(canonical(texts(span.attributes)), span.start_time_unix_nano)
            if cost is not None:
                span.cost_usd = cost
                priced = True
    return priced


def _framed(body: bytes, scopes: int, tail: bytes) -> Iterator[bytes]:
    """Yield one message a scope."""
    if scopes <= 1:
        yield b"".join((_varint(len(body) + len(tail)), body, tail))
        return
    resource = b""
    groups = []
    for number, part in fields(body, Slice(0, len(body))):
        if number == 1:
            resource += body[part.start : part.end]
        elif number == 2:  # noqa: PLR2004 - scope_spans
            groups.append(body[part.start : part.end])
    head = field(1, resource)
    for group in groups:
        message = b"".join((head, field(2, group), tail))
        yield _varint(len(message)) + message


def _tail(origin: Origin) -> bytes:
    """Return fields 1000 and 1001 of `Request` in `store/otlp/traces.proto`; of two, the last one wins."""
    batch_id = _varint(1001 << 3 | 1) + struct.pack("<Q", origin.batch_id)
    return field(1000, origin.tenant.id.encode()) + batch_id


def field(number: int, content: bytes) -> bytes:
    return b"".join((_varint(number << 3 | 2), _varint(len(content)), content))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - what a byte of it holds
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
