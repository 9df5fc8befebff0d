"""Values of every kind, put everywhere by every plugin: none of them leaves the process, whatever carries telemetry out.

What is looked at is what a receiver was sent, what lies on disk and what was printed, byte for byte.
"""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import grpc
import pytest
from arc_testing import PLANTED, PLANTED_PARTS, Answer, Provider, eventually

PROGRAM = Path(__file__).parent / "programs" / "planted.py"
INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CONFIG = """
file_format: "1.0"
resource: {{attributes: [{{name: service.name, value: planted}}, {{name: owner, value: {owner}}}]}}
tracer_provider:
  processors:
    - simple: {{exporter: {{otlp_http: {{endpoint: "{url}/v1/traces"}}}}}}
    - simple: {{exporter: {{console: {{}}}}}}
logger_provider:
  processors:
    - simple: {{exporter: {{otlp_http: {{endpoint: "{url}/v1/logs"}}}}}}
meter_provider:
  readers:
    - periodic: {{exporter: {{otlp_http: {{endpoint: "{url}/v1/metrics"}}}}}}
"""


def answer(asked) -> Answer:
    """What was said, said back: whole, in a stream that splits it, as a tool's arguments, as a refusal."""
    body = asked.body
    said = json.dumps(body.get("messages") or body.get("input"))
    if asked.headers.get("x-fail"):
        text = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        if not body["model"].startswith("refuses"):
            text = f"{text} {said}"
        if "max_completion_tokens" not in body:
            error = {
                "message": text,
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            }
            return Answer(400, {"type": "error", "error": error})
    if asked.path.endswith("/embeddings"):
        return Answer(400, {"error": {"message": f"bad input {said}", "type": "invalid_request_error"}})
    return _of_anthropic(body, said) if asked.path == "/v1/messages" else _of_openai(body, said)


def _of_openai(body, said) -> Answer:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}
    if body.get("stream"):
        deltas = [{"content": said[at : at + 7]} for at in range(0, len(said), 7)]
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
        deltas.append({"tool_calls": [call]})
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": said[at : at + 5]}}]}
            for at in range(0, len(said), 5)
        ]
        chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        return Answer(
            events=[*chunks, {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, "[DONE]"]
        )
    function = {"name": "look", "arguments": json.dumps({"who": said})}
    message = {
        "role": "assistant",
        "content": said,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    if not body.get("tools"):
        del message["tool_calls"]
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return Answer(body={**head, "object": "chat.completion", "choices": choices, "usage": USAGE})


def _of_anthropic(body, said) -> Answer:
    block = {"type": "text", "text": said}
    whole = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": [block], "stop_reason": "end_turn",
        "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip
    if not body.get("stream"):
        return Answer(body=whole)
    pieces = [{"type": "text_delta", "text": said[at : at + 7]} for at in range(0, len(said), 7)]
    told = [
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": piece} for piece in pieces),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return Answer(events=[(event["type"], event) for event in told])


class Receiver:
    """Takes OTLP over HTTP and gRPC and keeps every byte."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                receiver.got.append(gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing on the tests' stderr."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self._grpc = grpc.server(ThreadPoolExecutor(2), handlers=[_Keeping(self.got)])
        self.http = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.grpc = f"http://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(None).wait()


class _Keeping(grpc.GenericRpcHandler):
    def __init__(self, got: list[bytes]) -> None:
        self._got = got

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def keep(raw: bytes, _context: object) -> bytes:
            self._got.append(raw)
            return b""

        return grpc.unary_unary_rpc_method_handler(keep)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def planted(tmp_path):
    """Run the program with the settings given; what it printed."""

    def run(look: Callable[[], object] = lambda: None, **env: str) -> bytes:
        base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
        with Provider(answer) as provider:
            given = {
                "PROVIDER": provider.url, "PLANTED": json.dumps(list(PLANTED.values())), "ARC_FIXES_DIR": str(tmp_path / "fixes"),
                "ARC_SPOOL_DIR": str(tmp_path / "spool"), "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
                "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true", "OTEL_LOG_LEVEL": "debug", "ARC_FIXES_RETRY": "on", **env,
            }  # fmt: skip
            command = [INSTRUMENT, sys.executable, PROGRAM]
            with subprocess.Popen(
                command, env=base | given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as program:
                try:
                    look()
                    out, err = program.communicate(b"\n", timeout=180)
                finally:
                    program.kill()
            assert len(provider.asked) > 30
        assert program.returncode == 0, err.decode()[-4000:]
        # What the program's own logging prints on stderr is the program's.
        return out + b"\n".join(line for line in err.splitlines() if line.startswith(b"arc:"))

    return run


def leaks(*sent: bytes) -> dict[str, list[str]]:
    """Which values are in `sent`, as they are or as URLs and JSON write them, with what stands round them."""
    found = {}
    whole = b"\x00".join(sent)
    for name, value in PLANTED.items():
        gone = PLANTED_PARTS.get(name, value)
        for form in {gone, quote(gone), quote(gone, safe=""), json.dumps(gone)[1:-1]}:
            at = whole.find(form.encode())
            if at >= 0:
                found.setdefault(name, []).append(repr(whole[max(0, at - 80) : at + 60]))
    return found


def on_disk(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def test_nothing_leaves_over_http_nor_by_the_console_nor_is_learned(planted, receiver, tmp_path):
    printed = planted(
        ARC_ENDPOINT=receiver.http,
        OTEL_TRACES_EXPORTER="otlp,console",
        OTEL_METRICS_EXPORTER="otlp",
        OTEL_LOGS_EXPORTER="otlp,console",
    )
    sent = b"".join(receiver.got)
    assert b"<EMAIL>" in sent
    assert b"<SECRET>" in sent
    assert b"<EMAIL>" in printed
    assert b"planted" in sent
    kept = on_disk(tmp_path / "fixes")
    assert any(b"max_completion_tokens" in one for one in kept)
    assert leaks(sent, printed, *kept) == {}


def test_nothing_leaves_over_grpc(planted, receiver):
    printed = planted(
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc,
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_METRICS_EXPORTER="otlp",
        OTEL_LOGS_EXPORTER="otlp",
    )
    assert b"<EMAIL>" in b"".join(receiver.got)
    assert leaks(*receiver.got, printed) == {}


def test_nothing_is_kept_on_disk_for_a_receiver_that_is_away(planted, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    printed = planted(ARC_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_LOGS_EXPORTER="otlp")
    kept = on_disk(tmp_path / "spool")
    assert any(b"<EMAIL>" in one for one in kept)
    assert leaks(*kept, printed) == {}


def test_nothing_leaves_where_a_file_configures_the_sdk(planted, receiver, tmp_path):
    file = tmp_path / "otel.yaml"
    file.write_text(CONFIG.format(url=receiver.http, owner=PLANTED["email"]))
    printed = planted(OTEL_CONFIG_FILE=str(file))
    assert b"<EMAIL>" in b"".join(receiver.got)
    assert b"<EMAIL>" in printed
    assert leaks(*receiver.got, printed) == {}


def test_nothing_is_on_the_page_for_prometheus(planted):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    pages: list[bytes] = []

    def page() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                pages.append(answer.read())
        except OSError:
            return False
        return b"arc_requests_intercepted_total 2" in pages[-1]  # past twenty

    printed = planted(
        lambda: eventually(page, within_seconds=120),
        ARC_METRICS_PORT=str(port), OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="none", HOLD="yes",
    )  # fmt: skip
    assert leaks(*pages, printed) == {}
