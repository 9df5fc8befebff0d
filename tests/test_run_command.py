"""`arc run`: the program is as it is without, and what it came to is said when it has ended."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from arc_testing import eventually

ARC = str(Path(sys.executable).with_name("arc"))
PROGRAMS = Path(__file__).parent / "programs"
ALIKE = str(PROGRAMS / "alike.py")
CHAT = str(PROGRAMS.parent.parent / "docs/examples/chat.py")


def clean():
    kept_out = ("OTEL_", "ARC_", "XDG_", "OPENAI_", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(kept_out)}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The environment of a user who has never run Arc; what he starts is stopped at the end."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "run").mkdir(mode=0o700)
    env = clean() | {
        "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run"), "XDG_DATA_HOME": str(folder / "data"),
        "XDG_STATE_HOME": str(folder / "state"), "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip
    yield env
    subprocess.run([ARC, "core", "--stop"], env=env, capture_output=True, check=False, timeout=60)


@pytest.fixture
def arc(home, model):
    def arc(*words, cwd=None, stdin=b"", **env):
        given = home | {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test", **env}
        return subprocess.run(
            [ARC, *words], env=given, input=stdin, capture_output=True, timeout=90, check=False, cwd=cwd
        )

    return arc


def bare(*words, cwd=None, stdin=b"", **env):
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=clean() | env, input=stdin, capture_output=True, timeout=60, check=False, cwd=cwd
    )


def said(done):
    """What the program said on stderr, and the summary behind it."""
    lines = done.stderr.splitlines(keepends=True)
    ours = [line.decode() for line in lines if line.startswith(b"arc: ")]
    theirs = lines[: len(lines) - len(ours)]
    assert not any(line.startswith(b"arc: ") for line in theirs), "the summary comes last"
    return b"".join(theirs), ours


@pytest.mark.parametrize(
    "words",
    [
        "reads_stdin,uses_asyncio,prints_a_megabyte,tells_where_it_is,leaves_daemon_threads",
        "forks", "exits_3", "raises", "ends_without_python_knowing", "is_killed",
    ],
)  # fmt: skip
def test_a_program_has_the_streams_and_the_end_that_it_has_without(arc, words):
    stdin = b"one\ntwo \xc3\xa9\n"
    alone = bare(ALIKE, words, stdin=stdin, PYTHONIOENCODING="utf-8")
    done = arc("run", ALIKE, words, stdin=stdin)
    theirs, ours = said(done)
    assert (done.returncode, done.stdout, theirs) == (alone.returncode, alone.stdout, alone.stderr)
    assert len(ours) == 2  # it made no call


def test_a_module_gets_its_own_options(arc, tmp_path):
    options = ["--flag", "--json", "-q", "--help", "--", "-m"]
    (tmp_path / "tool.py").write_text("import sys; print(sys.argv[1:], sys.path[0], __name__); sys.exit(6)\n")
    alone = bare("-m", "tool", *options, cwd=tmp_path)
    done = arc("run", "-m", "tool", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (alone.returncode, alone.stdout)


def test_a_folder_and_a_command_are_programs_too(arc, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__main__.py").write_text("import sys; print('folder', sys.argv[1:])\n")
    assert arc("run", "app", "-x", cwd=tmp_path).stdout == b"folder ['-x']\n"
    assert arc("run", "sh", "-c", "echo $0 $1; exit 8", "a", "-b").stdout == b"a -b\n"


def test_a_module_beside_the_program_s_working_directory_does_not_come_before_python_s_own(arc, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text("import queue; print(queue.Queue.__name__)\n")
    (tmp_path / "queue.py").write_text("raise SystemExit('the wrong one')\n")
    assert arc("run", "code/app.py", cwd=tmp_path).stdout == b"Queue\n"


@contextmanager
def running(words, env, **options):
    process = subprocess.Popen(
        words,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        **options,
    )
    try:
        yield process
    finally:
        with process:
            process.kill()


@pytest.mark.parametrize(
    ("number", "whom"),
    [(signal.SIGTERM, "process"), (signal.SIGINT, "process"), (signal.SIGINT, "group"), (signal.SIGHUP, "group")],
)
def test_what_is_sent_to_it_ends_the_program_and_it_ends_alike(home, number, whom):
    ends = []
    for command in ([sys.executable], [ARC, "run", "-q"]):
        with running([*command, ALIKE, "waits"], home) as process:
            assert process.stdout.readline() == b"ready\n"
            (os.kill if whom == "process" else os.killpg)(process.pid, number)
            out, _ = process.communicate(timeout=60)
            ends.append((process.returncode, out))
    assert ends[1] == ends[0] == (-number, b"")


def test_a_program_that_cleans_up_on_ctrl_c_ends_as_it_likes(home):
    with running([ARC, "run", ALIKE, "cleans_up"], home) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (7, b"interrupted\n")
    assert b"alike.py ended with status 7" in err


@pytest.mark.parametrize("whom", ["process", "group"])
def test_a_signal_is_heard_once_whomever_it_was_sent_to(home, whom):
    send = os.kill if whom == "process" else os.killpg
    with running([ARC, "run", "-q", ALIKE, "counts_signals"], home) as process:
        assert process.stdout.readline() == f"ready {process.pid}\n".encode()  # the group is the shell's
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
            send(process.pid, number)
            time.sleep(0.3)
        out, _ = process.communicate(b"", timeout=60)
    assert out == b"['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1']\n"
    assert process.returncode == 0


def test_what_kills_it_kills_the_program(home):
    with running([ARC, "run", ALIKE, "waits"], home) as process:
        process.stdout.readline()
        process.kill()
        assert process.stdout.read() == b""  # or the program would hold it open for a minute


def test_it_stops_and_goes_on_with_the_program(home):
    with running([ARC, "run", "-q", ALIKE, "counts_signals"], home) as process:
        process.stdout.readline()
        for number in (signal.SIGTSTP, signal.SIGSTOP):
            os.killpg(process.pid, number)
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            os.killpg(process.pid, signal.SIGCONT)
        out, _ = process.communicate(b"", timeout=60)
    assert (process.returncode, out) == (0, b"[]\n")


def test_a_reader_of_its_output_goes_on_when_the_program_has_closed_it(home):
    with running([ARC, "run", ALIKE, "closes_stdout"], home) as process:
        assert process.stdout.read() == b"all said\n"
        assert process.poll() is None
        process.communicate(b"", timeout=60)
    assert process.returncode == 0


def test_on_a_terminal_ctrl_c_reaches_the_program_once(home):
    leader, follower = pty.openpty()

    def in_terminal():
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    command = [ARC, "run", "-q", ALIKE, "counts_signals"]
    with subprocess.Popen(
        command,
        env=home,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        preexec_fn=in_terminal,  # noqa: PLW1509
    ) as process:
        os.close(follower)
        shown = read_until(leader, b"ready")
        os.write(leader, b"\x03")
        time.sleep(0.5)
        os.write(leader, b"\x04")  # the end of stdin
        shown = read_until(leader, b"]")
        assert process.wait(60) == 0
    os.close(leader)
    assert b"['SIGINT']" in shown


def read_until(descriptor, wanted):
    found = b""
    while wanted not in found:
        assert select.select([descriptor], [], [], 60)[0], found
        found += os.read(descriptor, 4096)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_waiting_for_the_summary_and_the_status_stays_the_program_s(home, number):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the question, and answers nothing
        env = home | {"ARC_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        command = [ARC, "run", sys.executable, "-c", "raise SystemExit(3)"]
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
            question, _ = silent.accept()
            assert question.recv(4096).startswith(b"GET /api/v1/traces?")
            process.send_signal(number)
            said_last = process.stderr.read().decode()
            assert process.wait() == 3
            question.close()
    assert said_last.count("\n") == 2
    assert f"no longer ({number.name} came): `arc traces` shows what it holds" in said_last


# --- what `arc doctor` says of it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_doctor_names_the_arc_core_that_runs_where_no_endpoint_is_set(arc, home, protocol):
    assert arc("run", "-m", "this").returncode == 0
    (note,) = Path(home["XDG_RUNTIME_DIR"]).glob("arc/core-*.json")
    running = json.loads(note.read_text())
    endpoint = f"grpc://{running['grpc']}" if protocol == "grpc" else running["http"]
    done = arc("doctor", "--json", OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    found = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert found["Arc Core"]["detail"] == f"one of yours runs at {running['http']}; `arc run` sends there by itself"
    assert found["Arc Core"]["advice"] == f"export ARC_ENDPOINT={endpoint}"
    assert arc("doctor", ARC_ENDPOINT=endpoint).returncode == 0


# --- the summary -----------------------------------------------------------------------------------------------------


def test_five_lines_say_what_the_program_came_to_and_the_trace_is_there(arc, home):
    done = arc("run", CHAT, OTEL_SERVICE_NAME="five")
    theirs, ours = said(done)
    assert (done.returncode, done.stdout, theirs) == (0, b"word word word \n", b"")
    assert len(ours) == 5
    assert re.fullmatch(r"arc: chat\.py ended with status 0 after [\d.]+ m?s: 1 trace, 1 span, 0 errors\n", ours[0])
    assert re.fullmatch(r"arc: 11 tokens in, 4 out, 1 call without a price \(gpt-4\.1\)\n", ours[1])
    assert re.fullmatch(r"arc: slowest step: chat gpt-4\.1, [\d.]+ m?s\n", ours[2])
    assert ours[3] == "arc: 1 request mended: temperature 0.95 → 0.7 [arc.gpt-4.1.temperature]; 0 values redacted\n"
    url, start = re.fullmatch(r"arc: (http://127\.0\.0\.1:\d+/traces/[0-9a-f]{32}) \(or: (.*)\)\n", ours[4]).groups()
    shown = arc(*start.split()[1:])
    assert shown.returncode == 0
    assert "✓ ok" in shown.stdout.decode()
    assert url in shown.stdout.decode()
    assert "mended: chat gpt-4.1: temperature 0.95 → 0.7" in shown.stdout.decode()


def test_the_summary_is_of_this_run_alone_and_of_every_process_in_it(arc, tmp_path):
    (tmp_path / "two.py").write_text(
        "import subprocess, sys\n"
        f"for _ in range(2): subprocess.run([sys.executable, {CHAT!r}], check=True)\n"
        "sys.exit('no luck')\n"
    )
    arc("run", "-q", CHAT)
    done = arc("run", "--json", str(tmp_path / "two.py"))
    theirs, line = done.stderr.splitlines()
    told = json.loads(line)
    assert theirs == b"no luck"
    assert (done.returncode, told["status"], told["signal"], len(told["traces"])) == (1, 1, None, 2)
    assert told["slowest"]["name"] == "chat gpt-4.1"
    assert told["url"].endswith(max(told["traces"], key=lambda one: one["duration_ms"])["trace_id"])


@pytest.mark.parametrize(
    "env",
    [{"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "example.com"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
    ids=["with a proxy", "over grpc"],
)
def test_spans_find_the_arc_core_of_this_machine(arc, env):
    done = arc("run", "--json", CHAT, **env)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stderr)["traces"]) == 1


def test_quiet_says_nothing(arc):
    assert arc("run", "-q", ALIKE, "exits_3").stderr == b""


def test_where_the_summary_can_t_be_written_the_program_ends_as_it_ends(home):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [ARC, "run", ALIKE, "exits_3"], env=home, stderr=full, stdout=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stdout) == (3, b"x")


# --- Arc Core --------------------------------------------------------------------------------------------------------


def note(home):
    (found,) = (Path(home["XDG_RUNTIME_DIR"]) / "arc").glob("core-*.json")
    return found


@pytest.fixture
def newcomer(home, tmp_path):
    """An environment in which no Arc Core runs yet."""
    env = home | {"XDG_RUNTIME_DIR": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    yield env
    subprocess.run([ARC, "core", "--stop"], env=env, capture_output=True, check=False, timeout=60)


def test_runs_at_once_share_one_arc_core_that_stays_until_it_is_stopped(newcomer, model):
    env = newcomer | {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test"}
    ends = []
    threads = [
        threading.Thread(
            target=lambda: ends.append(
                subprocess.run([ARC, "run", "--json", CHAT], env=env, capture_output=True, check=False)
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    urls = {json.loads(done.stderr)["url"].partition("/traces/")[0] for done in ends}
    assert len(urls) == 1
    running_core = json.loads(note(newcomer).read_text())
    assert {running_core["http"]} == urls
    assert stat.S_IMODE(note(newcomer).stat().st_mode) == 0o600
    assert stat.S_IMODE(note(newcomer).parent.stat().st_mode) == 0o700
    assert os.getsid(running_core["pid"]) == running_core["pid"]  # the terminal takes none of it along
    listed = subprocess.run([ARC, "traces", "--help"], env=env, capture_output=True, check=False)
    assert listed.returncode == 0
    stopped = subprocess.run([ARC, "core", "--stop"], env=env, capture_output=True, text=True, check=False)
    assert (stopped.returncode, stopped.stdout) == (0, f"stopped Arc Core at {running_core['http']}\n")
    eventually(lambda: not Path(f"/proc/{running_core['pid']}").exists())
    again = subprocess.run([ARC, "core", "--stop"], env=env, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (3, "arc core: no Arc Core of yours runs on this machine\n")


@pytest.mark.parametrize("how", ["no-core", "endpoint", "otel endpoint", "no exporter", "disabled"])
def test_no_arc_core_is_started_where_none_is_wanted(newcomer, arc_core, how, run, model):
    words = ["--no-core"] if how == "no-core" else []
    more = {
        "no-core": {"ARC_ENDPOINT": arc_core.url},
        "endpoint": {"ARC_ENDPOINT": arc_core.url},
        "otel endpoint": {"OTEL_EXPORTER_OTLP_ENDPOINT": arc_core.url},
        "no exporter": {"OTEL_TRACES_EXPORTER": "none"},
        "disabled": {"ARC_DISABLE": "1"},
    }[how]
    service = f"wanted-{how.replace(' ', '-')}"
    env = newcomer | {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "x", "OTEL_SERVICE_NAME": service} | more
    done = subprocess.run([ARC, "run", *words, CHAT], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "word word word \n")
    assert not list(Path(newcomer["XDG_RUNTIME_DIR"]).rglob("core-*.json"))
    assert not Path(newcomer["XDG_DATA_HOME"]).exists()
    lines = {"no-core": 0, "endpoint": 5, "otel endpoint": 2, "no exporter": 2, "disabled": 0}
    assert len(done.stderr.splitlines()) == lines[how], done.stderr
    if how in ("no-core", "endpoint", "otel endpoint"):
        assert eventually(lambda: arc_core.traces(service))
    if how == "otel endpoint":
        assert "ARC_CORE_URL" in done.stderr


def test_a_note_that_others_can_write_is_not_believed(newcomer, arc_core):
    folder = Path(newcomer["XDG_RUNTIME_DIR"]) / "arc"
    folder.mkdir(mode=0o700)
    planted = folder / f"core-{os.uname().nodename}.json"
    planted.write_text(json.dumps({"pid": 1, "http": arc_core.url, "grpc": "", "data": "", "keyed": False}))
    with planted.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        planted.chmod(0o666)
        done = subprocess.run([ARC, "run", ALIKE, "exits_3"], env=newcomer, capture_output=True, text=True, check=False)
        listed = subprocess.run([ARC, "traces"], env=newcomer, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "x")
    assert f"{planted} can be written by other users: delete it" in done.stderr
    assert (listed.returncode, listed.stdout) == (3, "")


def test_a_note_of_the_past_is_none(newcomer, arc_core):
    folder = Path(newcomer["XDG_RUNTIME_DIR"]) / "arc"
    folder.mkdir(mode=0o700)
    left = folder / f"core-{os.uname().nodename}.json"
    left.touch(0o600)
    left.write_text(json.dumps({"pid": os.getpid(), "http": arc_core.url, "grpc": "", "data": "", "keyed": False}))
    listed = subprocess.run([ARC, "traces"], env=newcomer, capture_output=True, text=True, check=False)
    assert (listed.returncode, listed.stdout) == (3, "")
    assert "no Arc Core of yours runs on this machine" in listed.stderr


def test_a_program_runs_where_arc_core_can_t_be_started(newcomer):
    Path(newcomer["XDG_DATA_HOME"]).write_text("no folder")
    done = subprocess.run([ARC, "run", ALIKE, "exits_3"], env=newcomer, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "x")
    first, second = done.stderr.splitlines()
    assert first.startswith("arc: alike.py ended with status 3 after ")
    assert "Arc Core did not start: the data folder" in second


# --- what can't be run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["nope.py"], 2, "there is no file 'nope.py' in "),
        (["nope"], 127, "there is no file 'nope' here, and no command of that name on PATH"),
        (["-m"], 2, "-m needs the name of a module, for example: arc run -m uvicorn app:app"),
        (["-u", "app.py"], 2, "'-u' is no option of arc run; for one of Python's: arc run python -u app.py"),
        (["./broken"], 126, "./broken can't be executed: Permission denied"),
        (["./job"], 126, "'./job' can't be executed: chmod +x ./job, or name what runs it"),
    ],
)
def test_what_can_t_be_run_is_named_with_the_way_out(newcomer, tmp_path, words, status, told):
    broken = tmp_path / "broken"
    broken.write_text("#!/dev/null\n")
    broken.chmod(0o755)
    (tmp_path / "job").write_text("#!/bin/sh\nexit 4\n")
    done = subprocess.run(
        [ARC, "run", "--no-core", *words], env=newcomer, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"arc: {told}")
    assert done.stderr.count("\n") == 1
