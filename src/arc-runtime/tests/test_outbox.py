"""Exports against real endpoints on loopback that answer what a test tells them to."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from arc_runtime.export import Exports, counters
from arc_runtime.settings import Settings
from arc_testing import eventually
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

GRPC = {
    503: grpc.StatusCode.UNAVAILABLE,
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
}


class Endpoint:
    """What one test says to the endpoint and sees of it."""

    def __init__(self):
        self.status = 200
        self.rejected = 0
        self.hang = threading.Event()
        self.hang.set()
        self.tries = 0
        self.spans = []

    def take(self, body):
        self.tries += 1
        self.hang.wait(20)
        request = wire.ExportTraceServiceRequest.FromString(body)
        if self.status == 200:
            self.spans += [
                span.name for one in request.resource_spans for scope in one.scope_spans for span in scope.spans
            ]
        answer = wire.ExportTraceServiceResponse()
        if self.rejected:
            answer.partial_success.rejected_spans = self.rejected
            answer.partial_success.error_message = "too old"
        return answer


@contextmanager
def http_endpoint(state, port=0):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            answer = state.take(self.rfile.read(int(self.headers["content-length"]))).SerializeToString()
            self.send_response(state.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield HttpExporter(f"http://127.0.0.1:{server.server_port}/v1/traces")
        finally:
            state.hang.set()
            server.shutdown()


@contextmanager
def grpc_endpoint(state):
    class Servicer(TraceServiceServicer):
        def Export(self, request, context):  # noqa: N802
            answer = state.take(request.SerializeToString())
            if state.status != 200:
                context.abort(GRPC[state.status], "said no")
            return answer

    server = grpc.server(ThreadPoolExecutor(4))
    add_TraceServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield GrpcExporter(f"127.0.0.1:{port}", insecure=True)
    finally:
        state.hang.set()
        server.stop(0).wait()


@pytest.fixture
def state():
    counters._reset()
    return Endpoint()


@pytest.fixture(params=["http", "grpc"])
def exporter(request, state):
    with {"http": http_endpoint, "grpc": grpc_endpoint}[request.param](state) as found:
        yield found


def provider_of(exporter, tmp_path, **settings):
    exports = Exports(Settings(spool_dir=tmp_path / "spool", **settings))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(exports.batching_spans(exporter))
    return provider


def write(provider, *names):
    for name in names:
        provider.get_tracer("test").start_span(name).end()


def files(tmp_path):
    return list((tmp_path / "spool").glob("*/*.otlp"))


def test_what_the_endpoint_takes_is_counted_and_not_kept(exporter, state, tmp_path):
    provider = provider_of(exporter, tmp_path)
    write(provider, "one", "two")
    assert provider.force_flush()
    assert (state.spans, counters.now().delivered, files(tmp_path)) == (["one", "two"], 2, [])
    provider.shutdown()


@pytest.mark.parametrize("spool_mib", [64, 0])
def test_rejections_are_counted_and_said(exporter, state, tmp_path, caplog, spool_mib):
    state.rejected = 2
    provider = provider_of(exporter, tmp_path, spool_mib=spool_mib)
    write(provider, "one", "two", "three")
    provider.force_flush()
    assert counters.now().rejected == 2
    assert [record.getMessage() for record in caplog.records] == ["the endpoint rejected 2 spans: too old"]
    provider.shutdown()
    assert state.tries == 1


def test_while_the_endpoint_is_away_batches_are_kept_and_sent_once_it_is_back(exporter, state, tmp_path):
    state.status = 503
    provider = provider_of(exporter, tmp_path)
    write(provider, "one")
    assert not provider.force_flush()
    write(provider, "two")
    assert not provider.force_flush()
    assert len(files(tmp_path)) == 2
    assert counters.now().spooled == 2
    state.status = 200
    eventually(lambda: state.spans == ["one", "two"])
    eventually(lambda: files(tmp_path) == [])
    assert counters.now().resent == 2
    provider.shutdown()
    assert state.spans == ["one", "two"]


def test_the_next_process_sends_what_this_one_could_not(exporter, state, tmp_path):
    state.status = 503
    first = provider_of(exporter, tmp_path)
    write(first, "one")
    first.shutdown()
    assert len(files(tmp_path)) == 1
    state.status = 200
    fresh = type(exporter)(exporter._endpoint, **({"insecure": True} if type(exporter) is GrpcExporter else {}))
    second = provider_of(fresh, tmp_path)
    eventually(lambda: state.spans == ["one"])
    second.shutdown()
    assert files(tmp_path) == []


def test_what_is_refused_for_good_is_dropped_and_counted(exporter, state, tmp_path, caplog):
    state.status = 400
    provider = provider_of(exporter, tmp_path)
    write(provider, "one")
    assert not provider.force_flush()
    provider.shutdown()
    assert (files(tmp_path), counters.now().dropped, state.tries) == ([], 1, 1)
    assert "dropped" in caplog.text


def test_what_is_refused_for_good_does_not_block_what_waits_behind_it(exporter, state, tmp_path):
    state.status = 503
    provider = provider_of(exporter, tmp_path)
    write(provider, "one")
    provider.force_flush()
    state.status = 400
    eventually(lambda: files(tmp_path) == [])
    assert counters.now().dropped == 1
    provider.shutdown()


def test_what_a_refused_key_came_with_is_kept_and_not_tried_over_and_over(exporter, state, tmp_path):
    state.status = 401
    provider = provider_of(exporter, tmp_path)
    queue = provider._active_span_processor._span_processors[0]._batch_processor
    for _ in range(11):
        write(provider, "one")
        queue.force_flush()  # not the processor's, which would try once more
    time.sleep(0.3)
    assert state.tries == 1
    assert len(files(tmp_path)) == 11
    provider.shutdown()


def test_an_endpoint_that_hangs_holds_the_end_up_no_longer_than_it_may(exporter, state, tmp_path):
    state.hang.clear()
    provider = provider_of(exporter, tmp_path, exit_seconds=0.5)
    write(provider, "one")
    begun = time.monotonic()
    provider.shutdown()
    assert time.monotonic() - begun < 1.5
    assert len(files(tmp_path)) == 1


def test_a_spool_that_can_t_be_written_is_one_line_and_the_spans_are_counted(exporter, state, tmp_path, caplog):
    (tmp_path / "spool").write_text("in the way")
    state.status = 503
    provider = provider_of(exporter, tmp_path)
    write(provider, "one")
    provider.force_flush()
    assert counters.now().dropped == 1
    assert "they are lost" in caplog.text
    provider.shutdown()


def test_nothing_in_the_spool_goes_to_another_endpoint_or_tenant(state, tmp_path):
    state.status = 503
    with http_endpoint(state) as first, http_endpoint(Endpoint()) as second:
        provider = provider_of(first, tmp_path)
        write(provider, "one")
        provider.shutdown()
        state.status = 200
        for other in (second, HttpExporter(first._endpoint, headers={"x-api-key": "another"})):
            provider_of(other, tmp_path).shutdown()
        assert len(files(tmp_path)) == 1
        assert state.spans == []


def test_log_records_are_kept_too(state, tmp_path):
    exports = Exports(Settings(spool_dir=tmp_path / "spool"))
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(exports.batching_logs(OTLPLogExporter("http://127.0.0.1:9/v1/logs")))
    provider.get_logger("test").emit(body="hello", event_name="event")
    provider.shutdown()
    assert len(files(tmp_path)) == 1
