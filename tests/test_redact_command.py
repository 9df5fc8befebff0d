"""`arc redact` as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ARC = str(Path(sys.executable).with_name("arc"))
TEXT = "user 7\nmail jane@example.com,\x1b[2J card 4111 1111 1111 1111\n"
REQUEST = {
    "ssn": "536-22-8714",
    "messages": [{"content": "I am jane@example.com"}, "call +1 415-555-0132"],
    "note": {"of": "a project"},
    "jane@example.org": 7,
}
POLICY = """
keys: {note: drop}
actions: {PHONE: mask}
rules: [{name: employee, type: EMPLOYEE_ID, regex: 'E-[0-9]{6}'}]
examples:
  - {text: "E-123456 asks", redacted: "<EMPLOYEE_ID> asks"}
"""


@pytest.fixture
def arc(tmp_path):
    def arc(*args, given="", **env):
        base = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "ARC_")) and name not in ("NO_COLOR", "FORCE_COLOR")
        }
        return subprocess.run(
            [ARC, "redact", *map(str, args)], env=base | env, input=given.encode(), cwd=tmp_path,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    return arc


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_text_comes_out_redacted_and_nothing_else_of_it_is_changed(arc):
    done = arc(given=TEXT)
    assert done.returncode == 0
    assert done.stdout.decode() == "user 7\nmail <EMAIL>,\x1b[2J card <CARD>\n"
    assert done.stderr == b"arc: 2 findings: 1 CARD, 1 EMAIL\n"


def test_findings_are_in_colour_where_colour_is_asked_for_and_a_terminal_is_safe_from_the_text(arc, tmp_path):
    (tmp_path / "a.log").write_text(TEXT)
    shown = arc("a.log", FORCE_COLOR="1").stdout
    assert b"mail \x1b[1;33m<EMAIL>\x1b[0m," in shown
    assert b"\x1b[2J" not in shown
    assert arc("a.log", FORCE_COLOR="1", NO_COLOR="1").stdout == arc("a.log").stdout


@pytest.mark.parametrize(
    ("env", "shown"), [({"NO_COLOR": "1"}, b"<EMAIL>"), ({"TERM": "xterm"}, b"\x1b[1;33m<EMAIL>\x1b[0m")]
)
def test_a_terminal_is_safe_from_the_text_whether_it_shows_colours_or_not(tmp_path, env, shown):
    (tmp_path / "a.log").write_text(TEXT)
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    reads, writes = os.openpty()
    done = subprocess.run([ARC, "redact", tmp_path / "a.log"], env=base | env, stdout=writes, timeout=60, check=True)
    os.close(writes)
    out = os.read(reads, 9999)
    os.close(reads)
    assert done.returncode == 0
    assert b"mail " + shown + b"," in out
    assert b"\x1b[2J" not in out


def test_json_says_where_in_a_text_a_finding_is_and_not_what_it_is(arc):
    done = arc("--json", given=TEXT)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["type"], row["line"], TEXT[row["start"] : row["end"]]) for row in rows] == [
        ("EMAIL", 2, "jane@example.com"),
        ("CARD", 2, "4111 1111 1111 1111"),
    ]
    assert b"jane" not in done.stdout
    assert b"4111" not in done.stdout


def test_json_is_read_as_attributes_are_by_their_keys_and_the_policy(arc, policy):
    given = json.dumps(REQUEST)
    assert json.loads(arc("--policy", policy, given=given).stdout) == {
        "ssn": "<US_SSN>",
        "messages": [{"content": "I am <EMAIL>"}, "call ** ***-***-0132"],
        "<EMAIL>": 7,
    }
    rows = [
        json.loads(line) for line in arc("--json", given=given, ARC_REDACTION_POLICY=str(policy)).stdout.splitlines()
    ]
    assert [(row["type"], row["path"]) for row in rows] == [
        ("US_SSN", "ssn"),
        ("EMAIL", "messages[0].content"),
        ("PHONE", "messages[1]"),
        ("DENIED", "note"),
        ("EMAIL", ""),
    ]


def test_the_level_of_the_environment_is_in_force(arc):
    assert arc(given="order 12345678, jane@example.com", ARC_REDACTION="strict").stdout == b"order <NUMBER>, <EMAIL>"
    assert arc(given="jane@example.com", ARC_REDACTION="off").stdout == b"jane@example.com"


def test_examples_of_a_policy_hold_or_the_exit_status_is_1(arc, policy):
    done = arc("--check", policy)
    assert (done.returncode, done.stdout) == (0, b'ok   "E-123456 asks"\n1 example, none otherwise\n')
    policy.write_text(POLICY + '  - {text: "E-12 asks", redacted: "<EMPLOYEE_ID> asks"}\n')
    done = arc("--check", policy, "--json")
    assert done.returncode == 1
    assert [json.loads(line)["holds"] for line in done.stdout.splitlines()] == [True, False]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-file"], b"no-such-file can't be read"),
        (["--policy", "no-such-file"], b"no-such-file: it can't be read"),
        (["--check", "bare.yaml"], b"bare.yaml has no examples"),
        (["latin.txt"], b"latin.txt is no UTF-8 at byte 0"),
        (["latin.txt", "--check", "bare.yaml"], b"no FILE or --policy beside it"),
    ],
)
def test_what_can_t_be_used_is_named_and_the_exit_status_is_2(arc, tmp_path, words, said):
    (tmp_path / "bare.yaml").write_text("level: strict")
    (tmp_path / "latin.txt").write_bytes(b"\xe9t\xe9")
    done = arc(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr


def test_the_rules_are_written_for_a_collector_with_those_of_the_policy(arc, policy):
    done = arc("--export", "collector", "--policy", policy)
    assert done.returncode == 0
    assert b"transform/arc:" in done.stdout
    assert b"<EMPLOYEE_ID>" in done.stdout
    assert arc("--export", "vector").returncode == 2


def test_a_rule_that_raises_is_one_line_and_its_text_is_not_printed(arc, tmp_path):
    (tmp_path / "broken_rule.py").write_text("def find(text):\n    raise RuntimeError('no model')\n")
    (tmp_path / "policy.yaml").write_text("rules: [{name: a, type: A, function: 'broken_rule:find'}]")
    done = arc("--policy", "policy.yaml", given=TEXT, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"arc: a rule of the policy raised RuntimeError: no model\n"


def test_a_mark_at_the_start_of_a_file_does_not_hide_that_it_is_json(arc):
    done = arc(given='\ufeff{"ssn": "536-22-8714"}')
    assert json.loads(done.stdout) == {"ssn": "<US_SSN>"}
