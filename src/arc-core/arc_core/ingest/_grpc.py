"""OTLP over gRPC (OTLP 1.10 §OTLP/gRPC)."""

from collections.abc import Awaitable, Callable
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
    StoreError,
    TooLargeError,
    UnauthenticatedError,
)
from arc_core.ingest._access import Authenticate
from arc_core.ingest._capacity import Capacity
from arc_core.ingest._receiver import SIGNALS, Receiver, Signal

_RETRY_SECONDS: Final = 1


class Call(Protocol):
    """What is used of `grpc.aio.ServicerContext`, which has no types."""

    async def abort(
        self, code: object, details: str = "", trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> NoReturn:
        """End the call with a status, by raising."""

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...] | None:
        """Return the headers of the call."""


Export = Callable[[bytes, Call], Awaitable[bytes]]


def grpc_handlers(receiver: Receiver, capacity: Capacity, authenticate: Authenticate) -> list[grpc.GenericRpcHandler]:
    """Return the `Export` methods of the three OTLP services."""
    return [_handler(signal, _export(signal, receiver, capacity, authenticate)) for signal in SIGNALS]


def _handler(signal: Signal, export: Export) -> grpc.GenericRpcHandler:
    # No deserializer: gRPC would answer malformed bytes with INTERNAL, which tells a client nothing.
    method = grpc.unary_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(signal.service, {"Export": method})


def _export(signal: Signal, receiver: Receiver, capacity: Capacity, authenticate: Authenticate) -> Export:
    async def export(body: bytes, context: Call) -> bytes:
        try:
            tenant = await authenticate(_headers(context))
            with capacity.hold() as held:
                held.grow(len(body))
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
        except (OverCapacityError, StoreError) as error:
            await _put_off(context, grpc.StatusCode.UNAVAILABLE, str(error), _RETRY_SECONDS)
        return response.SerializeToString()

    return export


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
