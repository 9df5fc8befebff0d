"""`arc core` as a command: what it says, and its exit status."""

import http.client
import os
import signal
import socket
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
    ],
)
def test_a_value_that_cannot_be_used_is_named_in_one_line(options, words, tmp_path):
    data = [] if "--data" in options else ["--data", str(tmp_path)]
    done = run(*options, *data)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words)


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
