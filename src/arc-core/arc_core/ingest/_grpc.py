"""OTLP over gRPC (OTLP 1.10 §OTLP/gRPC)."""

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, Protocol

import grpc  # type: ignore[import-untyped]
from arc_semconv.attributes import API_KEY_HEADER
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from arc_core.access import Access
from arc_core.errors import MalformedError, OverCapacityError, StoreError, TooLargeError, UnauthenticatedError
from arc_core.ingest._capacity import Capacity
from arc_core.ingest._receiver import SIGNALS, Receiver, Signal

_RETRY: Final = RetryInfo(retry_delay=Duration(seconds=1))


class Call(Protocol):
    """What is used of `grpc.aio.ServicerContext`, which has no types."""

    async def abort(
        self, code: object, details: str = "", trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> NoReturn:
        """End the call with a status, by raising."""

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...] | None:
        """Return the headers of the call."""


Export = Callable[[bytes, Call], Awaitable[bytes]]


def grpc_handlers(receiver: Receiver, capacity: Capacity, access: Access) -> list[grpc.GenericRpcHandler]:
    """Return the `Export` methods of the three OTLP services."""
    return [_handler(signal, _export(signal, receiver, capacity, access)) for signal in SIGNALS]


def _handler(signal: Signal, export: Export) -> grpc.GenericRpcHandler:
    # No deserializer: gRPC would answer malformed bytes with INTERNAL, which tells a client nothing.
    method = grpc.unary_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(signal.service, {"Export": method})


def _export(signal: Signal, receiver: Receiver, capacity: Capacity, access: Access) -> Export:
    async def export(body: bytes, context: Call) -> bytes:
        try:
            access.check(_key(context))
            with capacity.hold() as held:
                held.grow(len(body))
                response = await receiver.export(signal, body, held, is_json=False)
        except UnauthenticatedError as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except MalformedError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TooLargeError as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        except (OverCapacityError, StoreError) as error:
            await _put_off(context, str(error))
        return response.SerializeToString()

    return export


def _key(context: Call) -> str | None:
    for name, value in context.invocation_metadata() or ():
        if name == API_KEY_HEADER:
            return value if isinstance(value, str) else value.decode("latin-1")
    return None


async def _put_off(context: Call, message: str) -> NoReturn:
    """End the call with UNAVAILABLE and a hint in both trailers: Python's exporter reads the one, Go's the other."""
    packed = AnyMessage()
    packed.Pack(_RETRY)
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=message, details=[packed])
    await context.abort(
        grpc.StatusCode.UNAVAILABLE,
        message,
        trailing_metadata=(
            ("google.rpc.retryinfo-bin", _RETRY.SerializeToString()),
            ("grpc-status-details-bin", status.SerializeToString()),
        ),
    )
