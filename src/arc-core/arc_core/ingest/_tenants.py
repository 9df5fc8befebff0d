"""Requests in which each resource says whose it is, cut into one of each tenant."""

from typing import Final

from arc_semconv.attributes import TENANT_ID
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from arc_core.errors import MalformedError
from arc_core.ingest._frames import field
from arc_core.ingest._otlp_protobuf import read_resources
from arc_core.ingest._values import text

_MESSAGES: Final[dict[str, tuple[type[Message], type[Message]]]] = {
    "traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
    "metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}
_RECORDS: Final = {"traces": "spans", "logs": "log_records", "metrics": "data_points"}


def by_tenant(body: bytes) -> dict[str, bytes]:
    """Return what of `body` is of each tenant, as a request; what names none, or several, is under the empty string.

    The same body gives the same requests. Raise MalformedError when it is none, TooLargeError when it holds too many.
    """
    parts: dict[str, list[bytes]] = {}
    for where, resource in read_resources(body):
        named = {text(pair.value) for pair in resource.attributes if pair.key == TENANT_ID}
        tenant = named.pop() if len(named) == 1 else ""
        parts.setdefault(tenant, []).append(field(1, body[where.start : where.end]))
    return {tenant: b"".join(part) for tenant, part in parts.items()}


def rejection(signal: str, body: bytes, reason: str) -> Message:
    """Return the response that rejects all of `body`."""
    request, response = _MESSAGES[signal]
    records = _RECORDS[signal]
    try:
        count = _count(request.FromString(body), records)
    except DecodeError:
        raise MalformedError("the body is not protobuf of OTLP") from None
    return response(partial_success={f"rejected_{records}": count, "error_message": reason})


def joined(signal: str, responses: list[Message]) -> Message:
    """Return the one response that says what `responses` say."""
    name = f"rejected_{_RECORDS[signal]}"
    partial = [response.partial_success for response in responses]  # type: ignore[attr-defined]
    told = {name: sum(getattr(one, name) for one in partial)}
    message = next((one.error_message for one in partial if one.error_message), "")
    answer = _MESSAGES[signal][1]
    return answer(partial_success=told | {"error_message": message}) if message else answer()


def _count(message: Message, records: str) -> int:
    """How many records are in `message`; a metric's are its data points."""
    found = 0
    for descriptor, value in message.ListFields():
        if descriptor.name in (records, "data_points"):
            found += len(value)
        elif descriptor.message_type is not None:
            members = [value] if isinstance(value, Message) else value
            found += sum(_count(member, records) for member in members)
    return found
