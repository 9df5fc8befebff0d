"""Where imports go: the way that OTLP's JSON takes."""

from contextlib import AbstractContextManager

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from arc_core.access import Caller
from arc_core.api import Taken
from arc_core.ingest import SIGNALS, Capacity, Held, Receiver
from arc_core.model import Tenant
from arc_core.reading import TenantDatabase, Traces
from arc_core.store import Database


class Shelf:
    """Stores OTLP's JSON as the endpoint for it does."""

    def __init__(self, receiver: Receiver, capacity: Capacity, database: Database) -> None:
        self._receiver = receiver
        self._capacity = capacity
        self._database = database

    def hold(self) -> AbstractContextManager[Held]:
        """A share of what requests may hold in memory."""
        return self._capacity.hold()

    async def take(self, body: bytes, caller: Caller) -> Taken:
        """Store an ExportTraceServiceRequest in JSON; raises as the OTLP endpoint does."""
        with self._capacity.hold() as held:
            held.grow(len(body))
            response = await self._receiver.export(SIGNALS[0], body, held, Tenant(caller.tenant), is_json=True)
        assert isinstance(response, ExportTraceServiceResponse)  # noqa: S101 - the answer to what was asked
        return Taken(response.partial_success.rejected_spans, response.partial_success.error_message)

    async def start_of(self, trace_id: str, caller: Caller) -> int | None:
        """When a trace that is there began, in nanoseconds since 1970; None when it is not there."""
        return await Traces(TenantDatabase(self._database, caller.tenant)).start_of(trace_id)
