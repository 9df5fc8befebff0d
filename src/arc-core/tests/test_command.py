"""`arc core` as a command: what it says, and its exit status."""

import http.client
import os
import select
import signal
import socket
import stat
import subprocess
import sys

import pytest


def run(*options, **environment):
    env = {name: value for name, value in os.environ.items() if not name.startswith("ARC_")}
    return subprocess.run(
        [sys.executable, "-m", "arc_core", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=env | environment,
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--http", "4318"], ["--http", "'4318'", "HOST:PORT"]),
        (["--grpc", "localhost:70000"], ["--grpc", "'localhost:70000'"]),
        (["--grpc", "localhost:-1"], ["--grpc"]),
        (["--http", "::1:4318"], ["--http", "[::1]:4318"]),
        (["--http", "0.0.0.0:4318"], ["--http 0.0.0.0:4318", "ARC_CORE_API_KEY"]),
        (["--grpc", "[::]:4317"], ["--grpc [::]:4317", "ARC_CORE_API_KEY"]),
        (["--grpc", "arc.example:4317"], ["--grpc arc.example:4317", "ARC_CORE_API_KEY"]),
        (["--http", "0.0.0.0:4318", "--api-key", ""], ["ARC_CORE_API_KEY"]),
        (["--data", "a?b"], ["--data", "a?b"]),
        (["--api-key", "  "], ["--api-key", "ASCII"]),
        (["--api-key", "clé"], ["--api-key", "ASCII"]),
        (["--api-key", b"\xff\xfe"], ["--api-key", "ASCII"]),
    ],
)
def test_a_value_that_cannot_be_used_is_named_in_one_line(options, words, tmp_path):
    data = [] if "--data" in options else ["--data", str(tmp_path)]
    done = run(*options, *data)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words)
    assert "clé" not in done.stderr


@pytest.mark.parametrize("option", ["--http", "--grpc"])
def test_a_port_in_use_is_named(option, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        other = "--grpc" if option == "--http" else "--http"
        done = run(option, address, other, "127.0.0.1:0", "--data", str(tmp_path / "d"))

    assert done.returncode == 1
    assert f"{option} {address}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_host_that_is_not_ours_is_named(tmp_path):
    done = run("--http", "192.0.2.1:0", "--api-key", "k", "--grpc", "127.0.0.1:0", "--data", str(tmp_path / "d"))

    assert done.returncode == 1
    assert "--http 192.0.2.1:0" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_in_use_is_named(core):
    done = run("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(core.data))

    assert done.returncode == 1
    assert str(core.data) in done.stderr
    assert "in use" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    done = run("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(tmp_path / "file" / "data"))

    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_holds_no_database_is_told_in_one_line(tmp_path):
    (tmp_path / "clickhouse").write_text("not a folder")

    done = run("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(tmp_path))

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr


def test_a_key_opens_other_addresses(start, tmp_path):
    core = start("--api-key", "k", "--http", "0.0.0.0:0", data=tmp_path / "folder with space")

    port = core.http.split(":")[1]
    core.http = f"127.0.0.1:{port}"
    assert core.get("/api/v1/health").status == 401
    assert core.get("/api/v1/health", **{"x-api-key": "k"}).status == 200
    assert core.data == tmp_path / "folder with space"


def test_an_empty_key_is_told_to_let_everyone_in(tmp_path):
    (tmp_path / "file").write_text("")  # so that it ends

    done = run("--data", str(tmp_path / "file"), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", ARC_CORE_API_KEY="")

    assert "everyone on this machine is let in" in done.stderr


def test_a_folder_that_was_there_before_shows_nothing_to_others(start, wire, tmp_path):
    tmp_path.chmod(0o755)
    core = start(data=tmp_path)
    core.export(wire.request(wire.span()))

    assert stat.S_IMODE((tmp_path / "clickhouse").stat().st_mode) == 0o700
    open_to_others = [path for path in tmp_path.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    assert [path for path in open_to_others if not path.is_symlink()] == []


def test_any_address_of_this_machine_answers_to_its_own_name(start):
    core = start("--http", "127.0.0.2:0")

    assert core.get("/api/v1/health").status == 200


def test_it_ends_with_the_program_that_started_it(start, tmp_path):
    code = (
        "import subprocess, sys; core = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE);"
        "print(core.pid, core.stdout.readline(), flush=True); core.wait()"
    )
    core = [sys.executable, "-m", "arc_core", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(tmp_path)]
    starter = [sys.executable, "-c", code, *core, "--end-with-stdin"]
    with subprocess.Popen(starter, stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline().split()[0])
        ending = os.pidfd_open(pid)
        process.kill()
    ended, _, _ = select.select([ending], [], [], 20)
    os.close(ending)

    assert ended


def test_help_does_not_load_the_engine():
    code = (
        "import sys, arc_core.cli; loaded = {'chdb', 'grpc', 'uvicorn', 'genai_prices'} & set(sys.modules);"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "HOST:PORT" in run("--help").stdout


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_it_stops_cleanly_with_an_idle_connection_open(start, signal_name):
    core = start()
    connection = http.client.HTTPConnection(core.http)
    connection.request("GET", "/api/v1/health")
    connection.getresponse().read()

    core.process.send_signal(getattr(signal, signal_name))

    assert core.process.wait(5) == 0
    connection.close()
