"""What is acknowledged is there, whatever happens next."""

import http.client
import json
import subprocess
import sys
import threading

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

ROUNDS = 4
WRITERS = 3


def test_a_kill_loses_nothing_that_was_acknowledged(start, wire, tmp_path, eventually):
    acknowledged = []
    for round_number in range(ROUNDS):
        core = start(data=tmp_path / "data")
        writers = [
            threading.Thread(target=_write_until_it_dies, args=(core, wire, acknowledged)) for _ in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        enough = len(acknowledged) + (1 + round_number) * WRITERS
        eventually(lambda enough=enough: len(acknowledged) > enough)
        core.kill()
        for writer in writers:
            writer.join()

    core = start(data=tmp_path / "data")

    assert len(acknowledged) > ROUNDS * WRITERS
    for trace_id, spans in acknowledged:
        assert core.trace(trace_id)["trace"]["spans"] == spans


def test_a_stop_answers_those_who_wait_and_a_new_start_knows_it_all(start, wire, tmp_path, eventually):
    core = start(data=tmp_path / "data")
    acknowledged = []
    writer = threading.Thread(target=_write_until_it_dies, args=(core, wire, acknowledged))
    writer.start()
    eventually(lambda: bool(acknowledged))

    assert core.stop() == 0

    writer.join()
    again = start(data=tmp_path / "data")
    assert acknowledged
    assert all(again.has(trace_id) for trace_id, _ in acknowledged)


def test_many_at_once_are_all_stored(core, wire):
    spans = [[wire.span() for _ in range(20)] for _ in range(16)]
    senders = [threading.Thread(target=core.export, args=(wire.request(*group),)) for group in spans]

    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert all(core.has(span.trace_id) for group in spans for span in group)


def test_logs_are_in_the_columns_of_the_exporter(start, wire, tmp_path):
    core = start(data=tmp_path / "data")
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    logs.resource.attributes.append(wire.attribute("service.name", "loans"))
    record = logs.scope_logs.add().log_records.add(
        observed_time_unix_nano=wire.START_NS,
        severity_number=9,
        severity_text="INFO",
        event_name="e",
        trace_id=b"\x01" * 16,
    )
    record.body.string_value = "hello"
    record.attributes.append(wire.attribute("n", 1))
    assert core.post(request.SerializeToString(), wire.PROTOBUF, "/v1/logs").status == 200
    core.kill()

    row = _query(
        core.data,
        "SELECT TenantId, toUnixTimestamp64Nano(Timestamp), TraceId, ServiceName, Body, SeverityText, SeverityNumber,"
        " EventName, LogAttributes FROM arc.otel_logs FORMAT JSONCompactEachRow",
    )

    assert json.loads(row) == ["default", wire.START_NS, "01" * 16, "loans", "hello", "INFO", 9, "e", {"n": "1"}]


def test_a_folder_of_a_newer_arc_core_is_left_alone(start, tmp_path):
    core = start(data=tmp_path / "data")
    core.stop()
    _query(core.data, "INSERT INTO arc.schema_version (Version) VALUES (9999)")

    done = subprocess.run(
        [sys.executable, "-m", "arc_core", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", core.data],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "schema 9999" in done.stderr
    assert "Traceback" not in done.stderr


def _query(data, sql):
    """Ask in a process of its own: chDB opens one folder a process, and hangs after a fork."""
    code = "import sys, chdb; c = chdb.connect(sys.argv[1]); print(c.query(sys.argv[2]).bytes().decode().strip())"
    command = [sys.executable, "-W", "ignore", "-c", code, str(data / "clickhouse"), sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _write_until_it_dies(core, wire, acknowledged):
    while True:
        root = wire.span()
        spans = [root, *(wire.call(root) for _ in range(20))]
        try:
            answer = core.post(wire.request(*spans).SerializeToString(), wire.PROTOBUF)
        except (OSError, http.client.HTTPException):
            return
        if answer.status == 200:
            acknowledged.append((root.trace_id, len(spans)))
