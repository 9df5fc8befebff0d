"""From the embedded store to a server: every row arrives once, also after an interruption."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

SERVER = Path(__file__).with_name("clickhouse_over_http.py")


@pytest.fixture
def server(tmp_path):
    """The address of ClickHouse's HTTP interface, and a way to ask it."""
    command = [sys.executable, SERVER, tmp_path / "server", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    port = int(re.fullmatch(r"ready (\d+)\n", process.stdout.readline())[1])

    def ask(sql):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/?database=arc", sql.encode())
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        assert response.status == 200, body
        return body.strip()

    yield f"clickhouse://127.0.0.1:{port}/arc", ask
    process.kill()
    process.wait()
    process.stdout.close()


def move(data, url, status=0):
    done = subprocess.run(
        [sys.executable, "-m", "arc_core", "move", "--to", url, "--data", str(data)],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


def test_every_row_is_moved_once_and_an_interrupted_move_goes_on(start, wire, server, tmp_path):
    url, ask = server
    core = start(data=tmp_path / "data")
    for number in range(3):
        spans = [wire.span(attributes={"n": number}, start_time_unix_nano=wire.START_NS - number * 40 * 86400 * 10**9)]
        core.export(wire.request(*spans, wire.call(spans[0], gen_ai__input__messages="[]")))
    shown = core.get("/api/v1/agents").json(), core.get("/api/v1/stats?interval=1d").json()
    assert "in use" in move(core.data, url, status=1).stderr
    assert core.stop() == 0

    # What a move that was interrupted left: its first piece is at the server already, and is not sent again.
    first = "spans/202607-1-of-1"
    done = {"target": url, "done": [first], "rows": 0}
    (core.data / "move.json").write_text(json.dumps(done))
    assert "has 5 rows in spans, and here are 6" in move(core.data, url, status=1).stderr
    (core.data / "move.json").unlink()
    assert "moved 6 rows" in move(core.data, url).stdout

    assert ask("SELECT count(), uniqExact(SpanId) FROM spans FINAL") == "6\t6"
    assert ask("SELECT uniqExact(TraceId) FROM traces") == "3"
    assert ask("SELECT count() FROM spans FINAL WHERE InputMessages = '[]'") == "3"
    assert "all was moved to clickhouse://127.0.0.1:" in move(core.data, url, status=1).stderr
    assert "moved 6 rows" in move(core.data, url.replace("/arc", "/other")).stdout
    moved = start("--store", url, data=tmp_path / "elsewhere")
    assert (moved.get("/api/v1/agents").json(), moved.get("/readyz").status) == (shown[0], 200)
    span = wire.span()
    moved.export(wire.request(span))
    assert moved.trace(span.trace_id)["trace"]["spans"] == 1
    assert moved.stop() == 0
    again = start(data=core.data)
    assert (again.get("/api/v1/agents").json(), again.get("/api/v1/stats?interval=1d").json()) == shown


class Cutting(BaseHTTPRequestHandler):
    """A way to the server that breaks once, after logs were stored and before the answer."""

    protocol_version = "HTTP/1.1"
    port = cuts = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if (
            type(self).cuts
            and "otel_logs" in (unquote_plus(self.path) + body[:200].decode("latin-1")).partition("INSERT")[2]
        ):
            type(self).cuts -= 1
            self.close_connection = True
            return
        self.send_response(response.status)
        for name in ("X-ClickHouse-Summary", "Content-Type"):
            if response.getheader(name):
                self.send_header(name, response.getheader(name))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - its name for what to do

    def log_message(self, *_):
        pass


def test_a_piece_that_was_stored_but_not_noted_is_not_stored_again(start, wire, server, tmp_path):
    url, ask = server
    core = start(data=tmp_path / "data")
    logs = ExportLogsServiceRequest()
    for n in range(30):
        logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=wire.START_NS + n, event_name="e")
    assert core.post(logs.SerializeToString(), wire.PROTOBUF, "/v1/logs").status == 200
    core.export(wire.request(wire.span()))
    assert core.stop() == 0
    Cutting.port, Cutting.cuts = int(urlsplit(url).port), 2  # the client itself tries once more
    way = ThreadingHTTPServer(("127.0.0.1", 0), Cutting)
    threading.Thread(target=way.serve_forever, daemon=True).start()
    through = f"clickhouse://127.0.0.1:{way.server_address[1]}/arc"

    move(core.data, through, status=1)
    assert ask("SELECT count() FROM otel_logs") == "30"
    Cutting.cuts = 0
    assert "moved 31 rows" in move(core.data, through).stdout
    assert "would store log records" in move(core.data, through, status=1).stderr
    way.shutdown()
    way.server_close()

    assert ask("SELECT count() FROM otel_logs") == "30"


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("http://127.0.0.1:8123", 2, "clickhouse://"),
        ("clickhouse://arc:secret@127.0.0.1:99999/arc", 2, "'127.0.0.1:99999/arc' is no ClickHouse"),
        ("clickhouse://arc:secret@127.0.0.1:1/arc", 1, "127.0.0.1:1"),
    ],
)
def test_a_server_that_cannot_be_used_is_told_without_its_password(tmp_path, url, status, words):
    (tmp_path / "clickhouse").mkdir()

    said = move(tmp_path, url, status=status).stderr

    assert words in said
    assert "secret" not in said
    assert said.count("\n") == 1


def test_a_server_that_is_not_there_is_one_line_when_arc_core_starts(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "arc_core", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "ARC_CORE_STORE": "clickhouse://arc:secret@127.0.0.1:1/arc"},
    )  # fmt: skip

    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "ClickHouse at 127.0.0.1:1 cannot be used" in done.stderr
    assert "secret" not in done.stderr


def test_a_folder_without_a_store_has_nothing_to_move(tmp_path):
    assert "holds no store" in move(tmp_path, "clickhouse://127.0.0.1:1/arc", status=1).stderr
