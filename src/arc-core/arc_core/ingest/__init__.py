"""OTLP over gRPC and HTTP, turned into rows (OTLP 1.10)."""

from arc_core.ingest._access import Authenticate
from arc_core.ingest._body import Bodies
from arc_core.ingest._capacity import Capacity, Held
from arc_core.ingest._grpc import grpc_handlers
from arc_core.ingest._http import http_routes, otlp_refusal
from arc_core.ingest._receiver import MAX_REQUEST_BYTES, SIGNALS, Receiver, Signal
from arc_core.ingest._tenants import by_tenant, joined, rejection

__all__ = [
    "MAX_REQUEST_BYTES",
    "SIGNALS",
    "Authenticate",
    "Bodies",
    "Capacity",
    "Held",
    "Receiver",
    "Signal",
    "by_tenant",
    "grpc_handlers",
    "http_routes",
    "joined",
    "otlp_refusal",
    "rejection",
]
