"""Disks that are full, slow or cannot be written, and a clock that jumps: nothing acknowledged is lost, nothing is doubled."""

import asyncio
import fcntl
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from arc_core.errors import StoreError
from arc_core.store import open_server

lacking = pytest.fail if "CI" in os.environ else pytest.skip
"""What a test needs and this machine has not: in CI a failure."""

MIB = 1024 * 1024
FREEZE, THAW = 0xC0045877, 0xC0045878
"""Linux's FIFREEZE and FITHAW: writes to a file system wait."""

KILLS = 4
"""`make soak` has 50, over ten minutes."""


def test_a_kill_at_any_moment_leaves_every_acknowledged_span_exactly_once(start, wire, tmp_path, eventually):
    chance = random.Random(7)  # noqa: S311 - moments, no secret
    sent: dict[bytes, int] = {}
    acknowledged: set[bytes] = set()
    waiting: list[bytes] = []
    refused: list[object] = []
    for _ in range(KILLS):
        core = start(data=tmp_path / "data")
        writers = [
            threading.Thread(target=_send, args=(core, wire, sent, acknowledged, waiting, refused)) for _ in range(3)
        ]
        for writer in writers:
            writer.start()
        before = len(acknowledged)
        eventually(lambda before=before: len(acknowledged) > before)
        time.sleep(chance.uniform(0, 0.5))
        core.kill()
        for writer in writers:
            writer.join()
    core = start(data=tmp_path / "data")
    for body in waiting:  # what was under way comes again, as an exporter's retry does
        assert core.post(body, wire.PROTOBUF).status == 200
    core.stop()

    rows = _ask(
        core.data,
        "SELECT lower(hex(MD5(TraceId))) AS t, TraceId, count() AS n, uniqExact(SpanId) AS u FROM arc.spans GROUP BY TraceId",
    )
    stored = {bytes.fromhex(row["TraceId"]): (row["n"], row["u"]) for row in rows}
    listed = {bytes.fromhex(row["TraceId"]) for row in _ask(core.data, "SELECT DISTINCT TraceId FROM arc.traces")}

    assert not refused
    assert set(stored) <= set(sent), "a span nobody sent"
    for trace_id, spans in sent.items():
        assert stored[trace_id] == (spans, spans)
    assert listed == set(sent)


def _send(core, wire, sent, acknowledged, waiting, refused):
    while True:
        root = wire.span()
        spans = [root, *(wire.call(root) for _ in range(len(sent) % 40))]
        body = wire.request(*spans).SerializeToString()
        sent[root.trace_id] = len(spans)
        try:
            answer = core.post(body, wire.PROTOBUF)
        except Exception:
            waiting.append(body)
            return
        if answer.status != 200:
            refused.append(answer)
            return
        acknowledged.add(root.trace_id)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB, where this user may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        lacking(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_refused_retryably_and_mends_itself(start, wire, small_disk):
    core = start(data=small_disk / "data")
    before = wire.span("before")
    core.export(wire.request(before))
    ballast = small_disk / "ballast"
    _fill(ballast)
    body = wire.request(
        *(wire.span(attributes={"text": os.urandom(60_000).hex()}) for _ in range(50))
    ).SerializeToString()

    answer = core.post(body, wire.PROTOBUF)

    assert (answer.status, answer.headers.get("retry-after")) == (503, "1"), answer
    assert core.has(before.trace_id)
    ballast.unlink()
    assert core.post(body, wire.PROTOBUF).status == 200
    core.kill()
    assert _ask(core.data, "SELECT count() AS n, uniqExact(SpanId) AS u FROM arc.spans") == [{"n": 51, "u": 51}]


def test_a_disk_that_cannot_be_written_is_refused_retryably_and_mends_itself(start, wire, small_disk):
    core = start(data=small_disk / "data")
    span = wire.span()
    body = wire.request(span).SerializeToString()
    folder = core.data / "clickhouse"
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        for _ in range(2):
            answer = core.post(body, wire.PROTOBUF)
            assert (answer.status, answer.headers.get("retry-after")) == (503, "1"), answer
    finally:
        subprocess.run(["umount", "-l", folder], check=True)

    assert core.post(body, wire.PROTOBUF).status == 200
    assert core.trace(span.trace_id)["trace"]["spans"] == 1


@pytest.fixture
def stopping_disk(tmp_path):
    """A folder on a disk of its own, and what makes its writes wait (`wanted`) or go on."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(256 * MIB)
    for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, folder]):
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            lacking(f"no disk can be made here: {done.stderr.decode().strip()}")
    handle = os.open(folder, os.O_RDONLY)
    stopped = False

    def stop(*, wanted: bool) -> None:
        nonlocal stopped
        if stopped != wanted:
            fcntl.ioctl(handle, FREEZE if wanted else THAW, 0)
            stopped = wanted

    yield folder, stop
    stop(wanted=False)
    os.close(handle)
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_takes_its_time_is_waited_for_and_what_is_more_is_put_off(start, wire, stopping_disk, eventually):
    folder, stop = stopping_disk
    core = start("--max-pending-mib", "1", data=folder / "data")
    bodies = [wire.request(wire.span(attributes={"text": "x" * 200_000})).SerializeToString() for _ in range(12)]
    answers = {}
    stop(wanted=True)
    senders = [
        threading.Thread(target=lambda n=n, body=body: answers.setdefault(n, core.post(body, wire.PROTOBUF)))
        for n, body in enumerate(bodies)
    ]
    for sender in senders:
        sender.start()

    eventually(lambda: len(answers) > 0)

    assert {(one.status, one.headers.get("retry-after")) for one in answers.values()} == {(503, "1")}
    assert core.get("/healthz").status == 200
    stop(wanted=False)
    for sender in senders:
        sender.join()
    assert {one.status for one in answers.values()} == {200, 503}
    for body in bodies:
        assert core.post(body, wire.PROTOBUF).status == 200
    core.stop()
    assert _ask(core.data, "SELECT count() AS n, uniqExact(SpanId) AS u FROM arc.spans") == [{"n": 12, "u": 12}]


def test_more_than_can_be_stored_is_refused_retryably_and_takes_no_more_memory(start, wire):
    core = start("--max-pending-mib", "2")
    stored: list[bytes] = []
    refused: list[tuple[int, str | None]] = []

    def flood():
        for _ in range(20):
            span = wire.span(attributes={"text": os.urandom(150_000).hex()})
            answer = core.post(wire.request(span).SerializeToString(), wire.PROTOBUF)
            if answer.status == 200:
                stored.append(span.span_id)
            else:
                refused.append((answer.status, answer.headers.get("retry-after")))

    senders = [threading.Thread(target=flood) for _ in range(12)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    status = Path(f"/proc/{core.process.pid}/status").read_text()
    peak_mib = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    core.stop()

    assert set(refused) == {(503, "1")}
    assert _ask(core.data, "SELECT lower(SpanId) AS s FROM arc.spans ORDER BY s") == [
        {"s": span_id.hex()} for span_id in sorted(stored)
    ]
    assert peak_mib < 1024


def test_more_connections_than_files_may_be_open_are_put_off_and_the_store_keeps_its_own(start, wire, eventually):
    core = start(files=512)
    host, port = core.http.split(":")
    unfinished = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{"
    old = http.client.HTTPConnection(core.http, timeout=60)
    old.request("GET", "/healthz")
    old.getresponse().read()
    hung = [socket.create_connection((host, int(port)), timeout=60) for _ in range(600)]
    try:
        for one in hung:
            with suppress(OSError):  # those that are too many are closed
                one.sendall(unfinished)
        span = wire.span()
        old.request("POST", "/v1/traces", wire.request(span).SerializeToString(), wire.PROTOBUF)
        assert old.getresponse().status == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            core.get("/healthz")
    finally:
        for one in (old, *hung):
            one.close()

    eventually(lambda: _answers(core))
    assert core.has(span.trace_id)


def _answers(core):
    try:
        return core.get("/healthz").status == 200
    except (OSError, http.client.HTTPException):
        return False


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static int (*real)(clockid_t, struct timespec *);
static volatile int64_t *seconds;
__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("CLOCK_FILE"), O_RDONLY);
    seconds = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
    real = dlsym(RTLD_NEXT, "clock_gettime");
}
int clock_gettime(clockid_t clock, struct timespec *time) {
    int status = real(clock, time);
    if (clock == CLOCK_REALTIME && status == 0 && seconds != MAP_FAILED) time->tv_sec += *seconds;
    return status;
}
"""


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """What sets the clock of programs started from now on, at any time, by so many seconds; the engine has its own."""
    if shutil.which("cc") is None:
        lacking("no C compiler here: a clock that jumps cannot be made")
    source, library, file = tmp_path / "clock.c", tmp_path / "clock.so", tmp_path / "clock"
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    file.write_bytes(bytes(8))
    monkeypatch.setenv("CLOCK_FILE", str(file))
    monkeypatch.setenv("LD_PRELOAD", str(library))

    def jump(seconds: int) -> None:
        with file.open("r+b") as handle:
            handle.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    return jump


DAY = 86_400


@pytest.mark.parametrize("jump", [DAY * 3, -DAY * 3], ids=["forward", "back"])
def test_a_clock_that_jumps_loses_and_doubles_nothing(start, wire, clock, tmp_path, eventually, jump):
    core = start(data=tmp_path / "data")
    bodies = [wire.request(wire.span(), wire.span()).SerializeToString() for _ in range(3)]
    assert core.post(bodies[0], wire.PROTOBUF).status == 200

    clock(jump)
    eventually(lambda: abs(_time_of(core) - time.time() - jump) < DAY / 2)
    assert [core.post(body, wire.PROTOBUF).status for body in bodies[:2]] == [200, 200]
    core.kill()
    core = start(data=tmp_path / "data")
    clock(0)
    assert [core.post(body, wire.PROTOBUF).status for body in bodies] == [200, 200, 200]
    core.stop()

    assert _ask(core.data, "SELECT count() AS n, uniqExact(SpanId) AS u FROM arc.spans") == [{"n": 6, "u": 6}]


def _time_of(core):
    return parsedate_to_datetime(core.get("/healthz").headers["date"]).timestamp()


def test_late_early_and_impossible_times_are_stored_beside_each_other(core, wire):
    root = wire.span()
    times = [1, wire.START_NS - 10**18, wire.START_NS + 10**17, 2**63 - 1]
    spans = [wire.span(trace_id=root.trace_id, start_time_unix_nano=one, end_time_unix_nano=one - 1) for one in times]

    core.export(wire.request(root, *spans))

    assert core.trace(root.trace_id)["trace"]["spans"] == 5


SERVER = Path(__file__).with_name("clickhouse_over_http.py")


@pytest.fixture
def server(tmp_path):
    """A way to start a ClickHouse over one folder, on one port."""
    running = []

    def begin(port=0):
        command = [sys.executable, SERVER, tmp_path / "server", str(port)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path))
        return running[-1], int(running[-1].stdout.readline().split()[1])

    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_server_that_is_gone_and_back_loses_and_doubles_nothing(start, wire, server, tmp_path, eventually):
    process, port = server()
    core = start("--store", f"clickhouse://127.0.0.1:{port}/arc", data=tmp_path / "data")
    bodies = [wire.request(wire.span(), wire.span()).SerializeToString() for _ in range(3)]
    assert core.post(bodies[0], wire.PROTOBUF).status == 200

    process.kill()
    process.wait()
    refusals = [core.post(body, wire.PROTOBUF) for body in bodies[1:]]

    assert {(one.status, one.headers.get("retry-after")) for one in refusals} == {(503, "1")}
    assert core.get("/readyz").status == 503
    assert core.post(bodies[0], wire.PROTOBUF).status == 200, "it is stored, and known to be"
    again, _ = server(port)
    eventually(lambda: all(core.post(body, wire.PROTOBUF).status == 200 for body in bodies))
    core.stop()
    again.terminate()
    again.wait()
    assert _ask(tmp_path / "server", "SELECT count() AS n, uniqExact(SpanId) AS u FROM arc.spans", inside="") == [
        {"n": 6, "u": 6}
    ]


def test_a_server_that_says_nothing_any_more_is_given_up(server, monkeypatch):
    process, port = server()
    monkeypatch.setattr("arc_core.store._server._INSERT_SECONDS", 1)

    async def insert():
        async with open_server(f"clickhouse://127.0.0.1:{port}/arc") as database:
            await database.command("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
            process.send_signal(signal.SIGSTOP)
            with pytest.raises(StoreError):
                await database.insert("t", [b'{"n":1}'], "JSONEachRow")
            process.send_signal(signal.SIGCONT)

    asyncio.run(insert())


def _fill(file: Path) -> None:
    with file.open("wb") as ballast:
        while True:
            try:
                ballast.write(os.urandom(MIB))
                ballast.flush()
            except OSError:
                return


def _ask(data: Path, sql: str, inside: str = "clickhouse") -> list[dict]:
    code = (
        "import sys, chdb; c = chdb.connect(sys.argv[1]);"
        " c.query('SET output_format_json_quote_64bit_integers = 0');"
        " sys.stdout.write(c.query(sys.argv[2], 'JSONEachRow').bytes().decode())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(data / inside), sql]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
