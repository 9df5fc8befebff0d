"""`arc traces`, `arc fixes` and `arc completion` as a user types them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from arc_core.demo import ReplayServer
from arc_runtime.cli._main import _app
from arc_runtime.errors import ArcError
from arc_testing._core import running_core
from typer.testing import CliRunner

ARC = str(Path(sys.executable).with_name("arc"))
PROGRAMS = Path(__file__).parent / "programs"
CHAT = str(Path(__file__).parent.parent / "docs/examples/chat.py")


def environment(**given):
    kept_out = ("OTEL_", "ARC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(kept_out)} | given


@pytest.fixture
def arc(tmp_path):
    def arc(*words, stdin=b"", **env):
        given = environment(XDG_RUNTIME_DIR=str(tmp_path), PYTHONIOENCODING="utf-8") | env
        return subprocess.run([ARC, *words], env=given, input=stdin, capture_output=True, timeout=60, check=False)

    return arc


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """The exit status and the line that a command ends with; in this process, as starting one takes a second."""

    def refusal(*words, **env):
        for name, value in (env | {"XDG_RUNTIME_DIR": str(tmp_path)}).items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(_app(), words)
        assert isinstance(done.exception, ArcError), done.exception
        assert (done.stdout, str(done.exception).count("\n")) == ("", 0)
        return done.exception.exit_code, str(done.exception)

    return refusal


def said(done):
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def told(tmp_path_factory, recorded):
    """An Arc Core of its own that holds two traces of `loan` and one of `chat`."""
    folder = tmp_path_factory.mktemp("told")
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    with running_core(folder / "data") as core, ReplayServer(recorded) as model:
        env = environment(
            ARC_ENDPOINT=core.url,
            OPENAI_BASE_URL=model.url,
            OPENAI_API_KEY="x",
            SECRETS="a@example.com|4111 1111 1111 1111|078-05-1120|+44 20 7946 0958|sk-proj-abcDEF1234567890",
            ARC_COST_HOSTS="127.0.0.1",
        )
        for service, program in (("loan", PROGRAMS / "loan.py"), ("loan", PROGRAMS / "loan.py"), ("chat", CHAT)):
            command = [instrument, sys.executable, str(program)]
            subprocess.run(
                command, env=env | {"OTEL_SERVICE_NAME": service}, capture_output=True, check=False, timeout=60
            )
        yield core


# --- traces ----------------------------------------------------------------------------------------------------------


def test_traces_are_listed_newest_first_and_filtered(arc, told):
    status, out, err = said(arc("traces", ARC_CORE_URL=told.url))
    assert (status, err) == (0, "")
    assert [line.split("(")[1].split(")")[0] for line in out.splitlines()] == ["chat", "loan", "loan"]
    assert "1 request mended" in out
    failed = arc("traces", "list", "--status", "error", "--since", "1h", "-n", "1", "--json", ARC_CORE_URL=told.url)
    (found,) = map(json.loads, failed.stdout.splitlines())
    assert (found["name"], found["status"], found["spans"]) == ("agent.job loan", "error", 4)
    assert said(arc("traces", "list", "--text", "CHAT g", ARC_CORE_URL=told.url))[1].count("\n") == 1
    status, out, err = said(arc("traces", "list", "--since", "2100-01-01T00:00:00Z", ARC_CORE_URL=told.url))
    assert (status, out, err) == (0, "", f"arc: no trace there in {told.url}\n")


def test_a_trace_is_shown_as_a_tree_by_the_start_of_its_id(arc, told):
    trace = told.traces("loan")[0]
    start = trace["trace"]["trace_id"][:12]
    status, out, _ = said(arc("traces", "show", start.upper(), "--core", told.url, COLUMNS="100"))
    assert status == 0
    names = [line.split("  ")[0].rstrip() for line in out.splitlines()[:4]]
    assert names == ["agent.job loan", "├─ agent.run reviewer", "│", "└─ agent.run refuser"]
    assert "│  └─ chat gpt-4.1" in out
    assert "mended: chat gpt-4.1: temperature 0.95 → 0.7 [arc.gpt-4.1.temperature]" in out
    assert "error: agent.run refuser: RuntimeError:" in out
    assert f"{told.url}/traces/{trace['trace']['trace_id']}" in out
    assert json.loads(arc("traces", "show", start, "--core", told.url, "--json").stdout) == trace


def test_without_an_id_the_newest_is_shown_and_without_unicode_too(arc, told):
    done = arc("traces", "show", ARC_CORE_URL=told.url, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.startswith(b"chat gpt-4.1  + ok")
    assert b"temperature 0.95 -> 0.7" in done.stdout


def test_where_there_is_no_room_names_give_way_and_states_do_not(arc, told):
    trace = told.traces("loan")[0]["trace"]["trace_id"]
    narrow = said(arc("traces", "show", trace, "--core", told.url, COLUMNS="64"))[1].splitlines()
    reviewer = next(line for line in narrow if "agent.run re" in line)
    assert "…  ✓ ok" in reviewer
    assert max(map(len, narrow[:4])) <= 64
    piped = said(arc("traces", "show", trace, "--core", told.url))[1].splitlines()
    assert "agent.run reviewer  ✓ ok" in next(line for line in piped if "agent.run reviewer" in line)


def test_tail_prints_what_ends_from_then_on(tmp_path, model):
    with running_core(tmp_path / "data") as core:
        env = environment(ARC_CORE_URL=core.url, ARC_ENDPOINT=core.url, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="x")
        instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
        subprocess.run([instrument, sys.executable, CHAT], env=env, capture_output=True, check=True)
        # A pipe that nobody else writes to: the line on stderr says that it looks.
        tail = subprocess.Popen(
            [ARC, "traces", "tail", "--json"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with tail:
            assert tail.stderr.readline() == f"arc: traces that end in {core.url}; Ctrl-C ends this\n".encode()
            subprocess.run([instrument, sys.executable, CHAT], env=env, capture_output=True, check=True)
            found = json.loads(tail.stdout.readline())
            tail.send_signal(signal.SIGINT)
            out, err = tail.communicate(timeout=60)
        assert (tail.returncode, out, err) == (130, b"", b"")
        newest = core.get("/api/v1/traces")["traces"]
        assert len(newest) == 2
        assert found == newest[0]


@pytest.mark.parametrize(
    ("words", "env", "status", "told_of"),
    [
        (["list"], {}, 3, "no Arc Core of yours runs on this machine: start it with `arc core`"),
        (["list"], {"ARC_CORE_URL": "http://127.0.0.1:9"}, 3, "no Arc Core answers at http://127.0.0.1:9"),
        (["list", "--core", "nowhere"], {}, 2, "--core 'nowhere' is no URL such as http://127.0.0.1:4318"),
        (["list", "--core", "http://jane:pw@x:y"], {}, 2, "--core 'http://***@x:y' is no URL"),
        (["list", "--status", "bad"], {"ARC_CORE_URL": "CORE"}, 2, "--status 'bad' is none of ok, error,"),
        (["list", "--since", "5x"], {"ARC_CORE_URL": "CORE"}, 2, "--since '5x' is neither 30m"),
        (["list", "--since", "999999d"], {"ARC_CORE_URL": "CORE"}, 2, "--since '999999d' is before there were traces"),
        (["show", "xyz"], {"ARC_CORE_URL": "CORE"}, 2, "'xyz' is no trace id"),
        (["show", "0000000000"], {"ARC_CORE_URL": "CORE"}, 4, "no trace starts with 0000000000; `arc traces` lists"),
        (
            ["show", "0" * 32],
            {"ARC_CORE_URL": "CORE"},
            4,
            f"no trace {'0' * 32}; it may not have arrived yet; `arc traces`",
        ),
    ],
)
def test_what_can_t_be_had_is_named_with_the_way_out_in_one_line(refusal, told, words, env, status, told_of):
    given = {name: told.url if value == "CORE" else value for name, value in env.items()}
    found, line = refusal("traces", *words, **given)
    assert found == status
    assert line.startswith(told_of)


def test_a_refusal_is_one_line_on_stderr_and_the_exit_status(arc):
    status, out, err = said(arc("traces", "list"))
    assert (status, out, err.count("\n")) == (3, "", 1)
    assert err.startswith("arc: no Arc Core of yours runs on this machine: ")


def test_an_arc_core_with_a_key_is_asked_with_it_at_the_address_of_arc_endpoint_alone(arc, tmp_path):
    with running_core(tmp_path / "data", "--api-key", "arc_live_right") as core:
        right = arc("traces", "list", ARC_ENDPOINT=core.url, ARC_API_KEY="arc_live_right")
        elsewhere = arc("traces", "list", ARC_CORE_URL=core.url, ARC_API_KEY="arc_live_right")
    assert right.returncode == 0
    assert elsewhere.returncode == 3
    assert b"set ARC_API_KEY, which goes to the address that ARC_ENDPOINT names" in elsewhere.stderr


def test_what_is_no_arc_core_is_told_so(refusal, model):
    status, line = refusal("traces", "list", ARC_CORE_URL=model.url)
    assert status == 3
    assert "is no Arc Core" in line


# --- fixes -----------------------------------------------------------------------------------------------------------

BODY = {"model": "gpt-4.1", "temperature": 0.95, "messages": [{"role": "user", "content": "hi"}]}


def test_entries_are_listed_and_shown(arc):
    listed = [json.loads(line) for line in arc("fixes", "list", "--json").stdout.splitlines()]
    assert "arc.gpt-4.1.temperature" in [entry["id"] for entry in listed]
    assert said(arc("fixes"))[1].count("\n") == len(listed)
    shown = said(arc("fixes", "show", "arc.gpt-4.1.temperature"))
    assert shown[0] == 0
    assert 'pattern   {"model":"gpt-4.1","temperature":{">":0.9}}' in shown[1]


def test_a_request_is_tested_and_what_matched_and_changes_is_explained(arc, tmp_path):
    request = tmp_path / "request.json"
    request.write_text(json.dumps(BODY))
    status, out, err = said(arc("fixes", "test", str(request)))
    assert (status, err) == (0, "")
    assert 'arc.gpt-4.1.temperature: matches\n  yes  model "gpt-4.1": the request has "gpt-4.1"\n' in out
    assert 'arc.gpt-4.temperature: does not match\n  no   model "gpt-4": the request has "gpt-4.1"\n' in out
    assert out.endswith("\n- temperature: 0.95\n+ temperature: 0.7\nchat.completions: 1 change before it leaves\n")
    told_in_json = json.loads(arc("fixes", "test", "-", "--json", stdin=request.read_bytes()).stdout)
    assert told_in_json["mode"] == "on"
    assert told_in_json["changes"] == [{"path": "temperature", "old": 0.95, "new": 0.7}]
    assert [(one["id"], one["matches"], one["applied"]) for one in told_in_json["entries"]] == [
        ("arc.gpt-4.1.temperature", True, True), ("arc.gpt-4.temperature", False, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "env", "status", "ends"),
    [
        ({**BODY, "temperature": 0.5}, {}, 1, "chat.completions: it leaves as it is\n"),
        (BODY, {"ARC_FIXES": "shadow"}, 0, "chat.completions: 1 change recorded, none made\n"),
        (BODY, {"ARC_FIXES": "off"}, 1, "chat.completions: ARC_FIXES=off: nothing is looked at\n"),
        ({"model": "gpt-4.1", "temperature": 1, "input": "x"}, {}, 0, "responses: 1 change before it leaves\n"),
        ({"model": "text-embedding-3-small", "input": "x"}, {}, 1, "embeddings: it leaves as it is\n"),
    ],
)
def test_the_settings_in_force_decide_what_is_done(arc, body, env, status, ends):
    done = said(arc("fixes", "test", "-", stdin=json.dumps(body).encode(), **env))
    assert (done[0], done[2]) == (status, "")
    assert done[1].endswith(ends)


def test_entries_of_one_s_own_are_tried_beside_arc_s(arc, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps([
        {"pattern": {"model": {"prefix": "o3"}, "max_tokens": {"exists": True}}, "fix": {"max_tokens": {"$rename": "max_completion_tokens"}}},
        {"id": "later", "pattern": {"model": "o3"}, "fix": {"top_p": {"$delete": True}}, "level": "ask"},
    ]))  # fmt: skip
    body = json.dumps({"model": "o3", "max_tokens": 5, "top_p": 1, "messages": []}).encode()
    status, out, _ = said(arc("fixes", "test", "-", "--entries", str(mine), stdin=body))
    assert status == 0
    assert "- max_tokens\n+ max_completion_tokens\n" in out
    assert "later: matches" in out
    assert "not applied: its level is ask, and safe is allowed" in out
    asked = said(arc("fixes", "test", "-", "--entries", str(mine), stdin=body, ARC_FIXES_LEVEL="ask"))
    assert "- top_p: 1\n" in asked[1]


def test_a_request_that_was_refused_is_tested_with_the_refusal(arc, tmp_path):
    refusal = tmp_path / "refusal.json"
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    refusal.write_text(
        json.dumps({"error": {"message": message, "code": "unsupported_parameter", "param": "max_tokens"}})
    )
    body = json.dumps({"model": "o3", "max_tokens": 5, "messages": []}).encode()
    status, out, err = said(arc("fixes", "test", "-", "--error", str(refusal), stdin=body))
    assert (status, err) == (0, "")
    assert out.startswith("arc.parameter_not_supported: matches\n")
    assert out.endswith(
        "- max_tokens\n+ max_completion_tokens\nchat.completions: 1 change before it is sent once more\n"
    )
    assert '  yes  $predicate "refuses_parameter"\n' in out
    assert '$status {"in":[400,422]}: the refusal has 400\n' in out
    busy = said(arc("fixes", "test", "-", "--error", str(refusal), "--status", "500", stdin=body))
    assert busy[0] == 1
    assert busy[1].endswith("chat.completions: nothing is sent again\n")


@pytest.mark.parametrize(
    ("body", "words", "api"),
    [
        ({"model": "claude-x", "messages": []}, (), "messages"),
        ({"model": "x", "system": "be brief", "messages": []}, (), "messages"),
        ({"model": "x", "messages": []}, ("--provider", "anthropic"), "messages"),
        ({"model": "claude-x", "messages": []}, ("--provider", "openai"), "chat.completions"),
    ],
)
def test_the_api_is_told_by_the_body_and_the_provider(arc, body, words, api):
    status, out, err = said(arc("fixes", "test", "-", "--json", *words, stdin=json.dumps(body).encode()))
    assert (status, json.loads(out)["api"], err) == (1, api, "")


def test_entries_in_yaml_are_taken_and_a_fault_in_them_or_in_a_setting_is_one_line(arc, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("- {id: mine, pattern: {model: x}, fix: {seed: 1}}\n")
    body = b'{"model": "x", "messages": []}'
    status, out, err = said(arc("fixes", "test", "-", "--entries", str(mine), stdin=body, ARC_FIXES_LEVEL="high"))
    assert (status, out.splitlines()[-2]) == (0, "+ seed: 1")
    assert err == "arc: ARC_FIXES_LEVEL='high' is none of safe, ask; safe is used\n"
    mine.write_text("- {id: [mine\n")
    status, out, err = said(arc("fixes", "test", "-", "--entries", str(mine), stdin=body))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"arc: {mine}: ")


def test_what_was_learned_and_the_file_of_the_user_are_known_too(arc, tmp_path):
    told = {
        "entry": {
            "id": "learned.1",
            "pattern": {"model": "o3"},
            "fix": {"top_p": {"$delete": True}},
            "origin": "learned",
        }
    }
    folder = tmp_path / "fixes"
    folder.mkdir()
    (folder / "learned.json").write_text(json.dumps([told | {"expires": time.time() + 86_400}]))
    (tmp_path / "mine.json").write_text(
        json.dumps([{"id": "mine", "pattern": {"model": "o3"}, "fix": {"seed": {"$delete": True}}}])
    )
    given = {"ARC_FIXES_DIR": str(folder), "ARC_FIXES_FILE": str(tmp_path / "mine.json")}
    listed = said(arc("fixes", **given))[1]
    assert "\nlearned.1  on, safe, learned, until 20" in listed
    assert "\nmine  on, safe  " in listed
    body = json.dumps({"model": "o3", "top_p": 1, "seed": 1, "messages": []}).encode()
    tried = json.loads(arc("fixes", "test", "-", "--json", stdin=body, **given).stdout)
    assert [(one["id"], one["applied"]) for one in tried["entries"]] == [("learned.1", True), ("mine", True)]


def test_a_file_of_the_user_s_that_can_t_be_used_is_named(refusal, tmp_path):
    status, line = refusal("fixes", "list", ARC_FIXES_FILE=str(tmp_path / "none.json"))
    assert status == 2
    assert line.startswith(f"ARC_FIXES_FILE: {tmp_path / 'none.json'} is not there")


@pytest.mark.parametrize(
    ("file", "content", "told_of"),
    [
        ("none.json", None, "none.json can't be read: No such file or directory"),
        ("cut.json", '{"model": ', "cut.json is no JSON: "),
        ("list.json", "[1]", "list.json: the body of a request is a JSON object, this is [1]"),
    ],
)
def test_a_file_that_can_t_be_used_is_named(refusal, tmp_path, file, content, told_of):
    if content is not None:
        (tmp_path / file).write_text(content)
    status, line = refusal("fixes", "test", str(tmp_path / file))
    assert status == 2
    assert told_of in line


@pytest.mark.parametrize(
    ("entry", "told_of"),
    [
        ({"pattern": {"model": "x"}}, "an entry is an object with `pattern` and `fix`"),
        (
            {"pattern": {"model": "x"}, "fix": {"seed": 1}, "prio": 1},
            "an entry has no prio; there are: id, pattern, fix,",
        ),
        ({"pattern": {"t": {"=>": 1}}, "fix": {"seed": 1}}, "'t': there is no operator '=>'; there are: > >="),
        ({"pattern": {"model": "x"}, "fix": {"messages": []}}, "'messages': a fix may not touch this field"),
        ({"pattern": {"model": "x"}, "fix": {"seed": 1}, "level": "high"}, "Invalid enum value 'high'"),
    ],
)
def test_an_entry_that_can_t_be_used_is_told_why(refusal, tmp_path, entry, told_of):
    (tmp_path / "mine.json").write_text(json.dumps(entry))
    status, line = refusal("fixes", "list", "--entries", str(tmp_path / "mine.json"))
    assert status == 2
    assert told_of in line


def test_an_api_and_an_entry_that_there_are_not_are_named(refusal, tmp_path):
    (tmp_path / "body.json").write_text("{}")
    status, line = refusal("fixes", "test", str(tmp_path / "body.json"), "--api", "chat")
    assert status == 2
    assert line.startswith("--api 'chat' is none of chat.completions")
    assert refusal("fixes", "show", "arc.no") == (4, "there is no entry 'arc.no'; `arc fixes` lists those there are")


# --- completion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("arc tr", {"traces"}),
        ("arc traces ", {"list", "show", "tail"}),
        ("arc fixes show arc.gpt-4.1", {"arc.gpt-4.1.temperature"}),
    ],
)
def test_bash_completes_commands_and_what_they_take(arc, typed, offered):
    words = typed.split(" ")
    script = arc("completion", "bash").stdout.decode()
    assert shutil.which("bash")
    quoted = " ".join(word or "''" for word in words)
    ask = (
        f"{script}\nCOMP_WORDS=({quoted})\n"
        f"COMP_CWORD={len(words) - 1}\n_arc_completion {ARC}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(["bash", "-c", ask], env=environment(), capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize(
    ("shell", "args"),
    [
        ("zsh", {"_TYPER_COMPLETE_ARGS": "arc tra"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "arc tra", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_zsh_and_fish_are_answered_as_their_scripts_ask(arc, shell, args):
    script = arc("completion", shell).stdout.decode()
    assert f"_ARC_COMPLETE=complete_{shell}" in script
    assert all(name in script for name in args)
    answer = arc(_ARC_COMPLETE=f"complete_{shell}", **args)
    assert answer.returncode == 0
    assert b"traces" in answer.stdout
    assert b"doctor" not in answer.stdout


def test_another_shell_is_refused_with_those_there_are(arc):
    status, out, err = said(arc("completion", "tcsh"))
    assert (status, out) == (2, "")
    assert "'bash', 'zsh', 'fish'" in err


def test_every_command_has_help_with_examples(arc):
    groups = [f"traces {name}" for name in ("list", "show", "tail")] + [
        f"fixes {name}" for name in ("list", "show", "test")
    ]
    for command in ("run", "traces", "fixes", "doctor", "bootstrap", "completion", "core", "demo", *groups):
        status, out, err = said(arc(*command.split(), "--help", COLUMNS="80"))
        assert (status, err) == (0, "")
        assert f"arc {command}" in out.partition("Examples:")[2], command
        assert [line for line in out.splitlines() if len(line) > 80] == [], command


def test_what_is_listed_without_a_command_is_json_too(arc, told):
    for group, more in (("traces", ["--core", told.url]), ("fixes", [])):
        short, whole = arc(group, *more, "--json"), arc(group, "list", *more, "--json")
        assert (short.returncode, short.stderr) == (0, b"")
        assert [json.loads(line) for line in short.stdout.splitlines()] != []
        assert short.stdout == whole.stdout
        status, out, err = said(arc(group, "--json", "list", *more))
        assert (status, out) == (2, "")
        assert f"arc {group} list" in err
