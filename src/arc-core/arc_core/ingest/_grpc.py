"""OTLP over gRPC (OTLP 1.10 §OTLP/gRPC)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NoReturn, Protocol

import grpc  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from arc_core.errors import (
    ForbiddenError,
    MalformedError,
    OverCapacityError,
    OverQuotaError,
    SlowBodyError,
    StoreError,
    TooLargeError,
    UnauthenticatedError,
)
from arc_core.ingest._access import Authenticate
from arc_core.ingest._body import Bodies, inflate
from arc_core.ingest._capacity import Capacity, Held
from arc_core.ingest._receiver import MAX_REQUEST_BYTES, SIGNALS, Receiver, Signal

GRPC_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    # Messages are inflated here: gRPC would do so before anybody asks whether there is room, and calls damage INTERNAL.
    ("grpc.per_message_decompression", 0),
    ("grpc.compression_enabled_algorithms_bitset", 0b101),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
)
"""Of the server: gzip or none; whoever keeps a connection alive by pings may; no second Arc Core shares the port."""

_RETRY_SECONDS: Final = 1

_GZIP: Final = b"\x1f\x8b"
"""How gzip begins, and no protobuf: there is no wire type 7. gRPC tells nobody whether a message was compressed."""


class Call(Protocol):
    """What is used of `grpc.aio.ServicerContext`, which has no types."""

    async def abort(
        self, code: object, details: str = "", trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> NoReturn:
        """End the call with a status, by raising."""

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...] | None:
        """Return the headers of the call."""


Export = Callable[[AsyncIterator[bytes], Call], Awaitable[bytes]]


def grpc_handlers(
    receiver: Receiver, bodies: Bodies, capacity: Capacity, authenticate: Authenticate
) -> list[grpc.GenericRpcHandler]:
    """Return the `Export` methods of the three OTLP services."""
    return [_handler(signal, _export(signal, receiver, bodies, capacity, authenticate)) for signal in SIGNALS]


def _handler(signal: Signal, export: Export) -> grpc.GenericRpcHandler:
    # A stream of one message, on the wire the same as one message: it is read only once its sender is let in, and for a
    # limited time. No deserializer: gRPC would answer malformed bytes with INTERNAL, which tells a client nothing.
    method = grpc.stream_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(signal.service, {"Export": method})


def _export(
    signal: Signal, receiver: Receiver, bodies: Bodies, capacity: Capacity, authenticate: Authenticate
) -> Export:
    async def export(messages: AsyncIterator[bytes], context: Call) -> bytes:
        try:
            tenant = await authenticate(_headers(context))
            capacity.refuse_when_full()
            with capacity.hold() as held:
                body = await _body(await bodies.arrived(anext(messages, None)), held)
                response = await receiver.export(signal, body, held, tenant, is_json=False)
        except UnauthenticatedError as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except ForbiddenError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        except MalformedError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TooLargeError as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        except OverQuotaError as error:
            await _put_off(context, grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), error.retry_seconds)
        except (OverCapacityError, SlowBodyError, StoreError) as error:
            await _put_off(context, grpc.StatusCode.UNAVAILABLE, str(error), _RETRY_SECONDS)
        return response.SerializeToString()

    return export


async def _body(message: bytes | None, held: Held) -> bytes:
    if message is None:
        raise MalformedError("the call has no message, or one that ends too early")
    held.grow(len(message))
    if not message.startswith(_GZIP):
        return message
    return await asyncio.to_thread(inflate, message, held, MAX_REQUEST_BYTES)


def _headers(context: Call) -> dict[str, str]:
    metadata = context.invocation_metadata() or ()
    return {name: value if isinstance(value, str) else value.decode("latin-1") for name, value in metadata}


async def _put_off(context: Call, code: grpc.StatusCode, message: str, seconds: int) -> NoReturn:
    """End the call with a hint in both trailers: Python's exporter reads the one, Go's the other."""
    retry = RetryInfo(retry_delay=Duration(seconds=seconds))
    packed = AnyMessage()
    packed.Pack(retry)
    status = Status(code=code.value[0], message=message, details=[packed])
    await context.abort(
        code,
        message,
        trailing_metadata=(
            ("google.rpc.retryinfo-bin", retry.SerializeToString()),
            ("grpc-status-details-bin", status.SerializeToString()),
        ),
    )
