"""An Arc Core says that it is up, ends when nobody uses it, and is stopped by a command."""

import json
import os
import socket
import stat
import subprocess
import sys
import time

import pytest
from arc_semconv.running import NoteError, note_path, read_note, runtime_folder


def stop(folder, *options):
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    command = [sys.executable, "-m", "arc_core", "--stop", *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_it_is_found_by_its_note_while_it_runs_and_not_after_it_is_killed(start, eventually):
    core = start()
    note = note_path({"XDG_RUNTIME_DIR": str(core.data)}, core.data)
    found = read_note(note)
    assert (found.pid, found.http, found.grpc) == (core.process.pid, f"http://{core.http}", core.grpc)
    assert (found.data, found.keyed) == (str(core.data), False)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (note, note.parent)] == [0o600, 0o700]
    core.kill()
    assert note.read_text() != ""
    assert read_note(note) is None


def test_a_command_stops_it(start):
    core = start()
    done = stop(core.data, "--json")
    assert (done.returncode, json.loads(done.stdout)["http"]) == (0, f"http://{core.http}")
    assert core.process.wait(30) == 0
    again = stop(core.data)
    assert (again.returncode, again.stdout) == (3, "")
    assert again.stderr == "arc core: no Arc Core of yours runs on this machine\n"


def test_one_that_belongs_to_its_starter_leaves_no_note(tmp_path):
    command = [sys.executable, "-m", "arc_core", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--json"]
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    options = ["--data", str(tmp_path / "data"), "--end-with-stdin"]
    with subprocess.Popen([*command, *options], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        ready = json.loads(process.stdout.readline())
        assert ready["data"] == str(tmp_path / "data")
        assert not (tmp_path / "arc").exists()


def test_it_ends_when_nobody_uses_it_and_not_while_somebody_does(start, wire, transports):
    core = start("--idle-minutes", "0.05")
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if time.monotonic() < until - 2.5:
            assert core.get("/api/v1/health").status == 200
        else:
            assert transports["grpc"].send(core, wire.request(wire.span())).outcome == "ok"
        time.sleep(0.2)
    assert core.process.wait(30) == 0


def test_a_user_without_a_home_runs_it_all_the_same_and_is_told_what_needs_one(tmp_path):
    left_out = ("XDG_", "ARC_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    env["HOME"] = "~"  # what Python finds no home by, whoever the user is
    command = [sys.executable, "-m", "arc_core", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--json"]
    named = [*command, "--data", str(tmp_path / "data")]
    with subprocess.Popen(named, env=env, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["data"] == str(tmp_path / "data")
        process.terminate()
        assert process.wait(30) == 0
    for words, status, way_out in (([], 2, "--data"), (["--stop"], 3, "HOME")):
        done = subprocess.run([*command, *words], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
        assert way_out in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_note_is_in_a_folder_of_the_user_s_own(tmp_path):
    home = tmp_path
    assert (
        runtime_folder({"XDG_RUNTIME_DIR": "/run/user/7", "XDG_STATE_HOME": "/s"}, home).as_posix() == "/run/user/7/arc"
    )
    assert runtime_folder({"XDG_RUNTIME_DIR": "relative", "XDG_STATE_HOME": "/s"}, home).as_posix() == "/s/arc/run"
    assert runtime_folder({}, home) == home / ".local/state/arc/run"
    assert note_path({}, home).name == f"core-{socket.gethostname()}.json"


def test_a_note_that_is_a_link_or_writable_by_others_is_refused(start, tmp_path):
    core = start()
    note = note_path({"XDG_RUNTIME_DIR": str(core.data)}, core.data)
    (tmp_path / "link").symlink_to(note)
    with pytest.raises(NoteError, match="link cannot be read"):
        read_note(tmp_path / "link")
    note.chmod(0o620)
    with pytest.raises(NoteError, match="can be written by other users"):
        read_note(note)


def test_traces_are_found_by_invocation_and_time(core, wire):
    def sent(name, start_ns, **resource):
        request = wire.request(wire.span(name, start_time_unix_nano=start_ns, end_time_unix_nano=start_ns + 5))
        for key, value in resource.items():
            request.resource_spans[0].resource.attributes.append(wire.attribute(key.replace("_", "."), value))
        core.export(request)

    second = 1_000_000_000
    sent("agent.job one", wire.START_NS, arc_invocation_id="mine")
    sent("agent.job two", wire.START_NS + 60 * second, arc_invocation_id="mine")
    sent("agent.job three", wire.START_NS + 60 * second, arc_invocation_id="other")

    def names(query):
        return [trace["name"] for trace in core.get(f"/api/v1/traces?{query}").json()["traces"]]

    assert names("invocation=mine") == ["agent.job two", "agent.job one"]
    assert names("invocation=mine&since=2026-09-21T14:13:50Z") == ["agent.job two"]
    assert names("invocation=nobody") == []
    assert names("invocation=other&since=2026-09-21T14:13:50%2B00:00&service=loans") == ["agent.job three"]
    for since in ("yesterday", "2026-09-21", "2026-09-21T14:13:50"):
        refused = core.get(f"/api/v1/traces?since={since}")
        assert (refused.status, "no time with its zone" in refused.json()["error"]) == (400, True)
