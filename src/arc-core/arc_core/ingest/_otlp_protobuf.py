"""OTLP's protobuf, cut into records before any of it is parsed.

An empty message takes 2 bytes on the wire and some 200 in memory: 64 MiB parsed at once can become 6 GB. So the outer
levels are walked here, and protobuf parses one record at a time.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from arc_core.errors import MalformedError, TooLargeError
from arc_core.ingest._group import Budget, Group
from arc_core.ingest._values import texts

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

M = TypeVar("M", bound=Message)

MAX_PARTS: Final = 200_000
"""Messages that one record may hold inside: attributes, events, links and values, at all depths."""

_UNCOUNTED_BYTES: Final = 2 * MAX_PARTS
"""A message takes 2 bytes at least, so what is no larger than this cannot hold more."""

_LAST_SHIFT: Final = 63
"""A varint has 10 bytes of 7 bits at most."""


class Slice(NamedTuple):
    """A part of a body."""

    start: int
    end: int


class _Parts(NamedTuple):
    """Fields 1, 2 and 3, which mean the same in what holds spans, log records and metrics."""

    origin: list[Slice]
    """The resource or scope; of several, protobuf makes one that holds what all say."""
    members: list[Slice]
    schema_url: list[Slice]


def read_traces(body: bytes) -> Iterator[Group[Span]]:
    """Yield the spans of `body`; raise MalformedError when it is no request, TooLargeError when it holds too many."""
    return _groups(body, Span)


def read_logs(body: bytes) -> Iterator[Group[LogRecord]]:
    """Yield the log records of `body`; errors as in `read_traces`."""
    return _groups(body, LogRecord)


def read_metrics(body: bytes) -> Iterator[Group[Metric]]:
    """Yield the metrics of `body`; errors as in `read_traces`."""
    return _groups(body, Metric)


def read_resources(body: bytes) -> Iterator[tuple[Slice, Resource]]:
    """Yield where in `body`, of any signal, each group of one resource is, and that resource; errors as above."""
    budget = Budget()
    for outer in _parts(body, Slice(0, len(body)), budget).origin:
        yield outer, _parsed(body, _parts(body, outer, budget).origin, Resource)


def _groups(body: bytes, record: type[M]) -> Iterator[Group[M]]:
    budget = Budget()
    for outer in _parts(body, Slice(0, len(body)), budget).origin:
        of_resource = _parts(body, outer, budget)
        resource = texts(_parsed(body, of_resource.origin, Resource).attributes)
        resource_url = _text(body, of_resource.schema_url)
        for inner in of_resource.members:
            of_scope = _parts(body, inner, budget)
            scope = _parsed(body, of_scope.origin, InstrumentationScope)
            records = (_parsed(body, [each], record) for each in of_scope.members)
            yield Group(resource, resource_url, scope, _text(body, of_scope.schema_url), records)


def _parts(body: bytes, where: Slice, budget: Budget) -> _Parts:
    parts = _Parts([], [], [])
    for number, part in fields(body, where):
        if 1 <= number <= len(parts):
            budget.spend()
            parts[number - 1].append(part)
    return parts


def _parsed(body: bytes, slices: list[Slice], kind: type[M]) -> M:
    for part in slices:
        check_parts(body, part, cast("Descriptor", kind.DESCRIPTOR))
    try:
        return kind.FromString(b"".join([body[start:end] for start, end in slices]))
    except DecodeError:
        raise MalformedError(f"the body is not protobuf: a {kind.DESCRIPTOR.name} in it cannot be parsed") from None


def _text(body: bytes, slices: list[Slice]) -> str:
    return body[slice(*slices[-1])].decode("utf-8", "replace") if slices else ""


def check_parts(body: bytes, where: Slice, kind: "Descriptor") -> None:
    """Raise TooLargeError when the message of `kind` holds more than `MAX_PARTS` others."""
    if where.end - where.start <= _UNCOUNTED_BYTES:
        return
    left = MAX_PARTS
    waiting = [(where, kind)]
    while waiting:
        where, kind = waiting.pop()
        for number, part in fields(body, where):
            if (child := _messages_in(kind).get(number)) is not None:
                left -= 1
                waiting.append((part, child))
            if left < 0:
                raise TooLargeError(f"one record holds more than {MAX_PARTS} attributes, events and values; send fewer")


@cache
def _messages_in(kind: "Descriptor") -> "dict[int, Descriptor]":
    """Return the fields of `kind` that are messages themselves, by number."""
    return {field.number: field.message_type for field in kind.fields if field.message_type is not None}


def fields(body: bytes, where: Slice) -> Iterator[tuple[int, Slice]]:
    """Yield number and content of each field in `where` that has a length, and step over the others."""
    at, end = where
    while at < end:
        tag, at = _varint(body, at)
        match tag & 7:  # the wire type (protobuf, Encoding §Message Structure)
            case 2:
                size, start = _varint(body, at)
                at = start + size
                if at <= end:
                    yield tag >> 3, Slice(start, at)
            case 0:
                _, at = _varint(body, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case kind:
                raise MalformedError(f"the body is not protobuf: there is no wire type {kind} in OTLP")
    if at > end:
        raise MalformedError("the body is not protobuf: a field is longer than the message it is in")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at `at`, and where it ends."""
    number = shift = 0
    while shift <= _LAST_SHIFT:
        if at >= len(body):
            raise MalformedError("the body is not protobuf: it ends too early")
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that another byte follows
            return number, at
        shift += 7
    raise MalformedError("the body is not protobuf: a number is too long")
