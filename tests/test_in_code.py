"""Arc started in code: one way of wiring, whoever starts it, and whenever; a program that does so is hurt by nothing."""

import json
import re

import pytest
from arc_testing import eventually

MENDED, AS_GIVEN = 0.7, 0.95


@pytest.fixture
def start(run, arc_core, request):
    """Run a way of in_code.py; the finished process, its spans to be found under the name that comes back with it."""

    def start(way, *, instrumented=False, **env):
        service = f"in-code-{request.node.name}"
        given = {"OTEL_SERVICE_NAME": service, "ARC_ENDPOINT": arc_core.url, **env}
        done = run(way, program="in_code.py", instrumented=instrumented, **given)
        assert done.returncode == 0, done.stderr.decode()
        return done, service

    return start


def temperatures(model):
    return [one.body["temperature"] for one in model.requests]


def names(core, service):
    details = eventually(lambda: core.traces(service))
    return sorted(span["name"] for detail in details for span in detail["spans"])


@pytest.mark.parametrize("way", ["before", "after"])
def test_calls_are_mended_traced_and_redacted_whenever_openai_is_imported(start, way, model, arc_core, personal_values):
    done, service = start(way)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert temperatures(model) == [MENDED]
    assert names(arc_core, service) == ["chat gpt-4.1"]
    (detail,) = arc_core.traces(service)
    assert detail["spans"][0]["fix"]["ids"] == ["arc.gpt-4.1.temperature"]
    assert not any(value in json.dumps(detail) for value in personal_values)


def test_what_is_given_in_code_stands_in_the_place_of_the_environment(start, model, arc_core):
    done, service = start("after", GIVEN=f"grpc://{arc_core.grpc}", ARC_ENDPOINT="http://127.0.0.1:9")
    assert done.stderr == b""
    assert names(arc_core, service) == ["chat gpt-4.1"]


def test_under_opentelemetry_instrument_it_is_the_same_and_nothing_is_written_twice(start, model, arc_core):
    done, service = start("before", instrumented=True, GIVEN="http://user:secret@127.0.0.1:9")
    assert temperatures(model) == [MENDED]
    assert names(arc_core, service) == ["chat gpt-4.1"]
    first, line = done.stderr.decode().splitlines()
    assert "the user and password in it are not used" in first
    assert "Arc(endpoint='http://***@127.0.0.1:9') comes too late" in line
    assert arc_core.url in line


def test_started_from_many_threads_at_once_it_is_one(start, model, arc_core):
    done, service = start("often")
    assert done.stdout == b"1 40\n"
    assert temperatures(model) == [MENDED]
    assert names(arc_core, service) == ["chat gpt-4.1"]


def test_without_auto_only_clients_that_are_protected_are_mended_and_traced(start, model, arc_core):
    done, service = start("chosen", ARC_CONSOLE="off")
    assert temperatures(model) == [MENDED, AS_GIVEN, MENDED, AS_GIVEN]
    assert names(arc_core, service) == ["agent.job ask", "chat gpt-4.1", "chat gpt-4.1"]
    assert done.stderr.decode().splitlines() == [
        "arc: a builtins.object is not protected: no plugin that is installed and on is for it; `arc doctor` shows them"
    ]


def test_it_can_be_shut_down_and_started_again(start, model, arc_core):
    done, service = start("again")
    assert json.loads(done.stdout) == [True, True, True, False]
    assert temperatures(model) == [AS_GIVEN, MENDED, 0.5, 0.1, AS_GIVEN]
    assert names(arc_core, service) == ["chat gpt-4.1"] * 3
    assert done.stderr == b""


def test_the_last_block_shuts_down_and_no_entrypoint_starts_it_again(start, model, arc_core):
    done, _ = start("blocks", ARC_CONSOLE="off")
    assert temperatures(model) == [MENDED, MENDED, AS_GIVEN, MENDED]
    assert done.stderr == b""


def test_what_can_not_be_used_is_a_line_at_any_time_and_the_program_goes_on(start, model, arc_core):
    done, service = start("bad_later")
    assert temperatures(model) == [MENDED]
    first, *rest, last = done.stderr.decode().splitlines()
    assert "ARC_ENDPOINT='htp:/nowhere' can't be used: it is no URL such as http://127.0.0.1:4318" in first
    assert sorted(line.split()[1] for line in rest) == ["ARC_API_KEY", "ARC_LOG_LEVEL='LOUD'"]
    assert "Arc(endpoint=...) is of type" in last
    assert "give it as a str: RuntimeError" in last
    assert names(arc_core, service) == ["chat gpt-4.1"]


def test_a_provider_of_the_program_s_own_keeps_its_exporters_and_gets_that_of_arc(
    start, model, arc_core, personal_values
):
    done, service = start("own_provider", GIVEN=arc_core.url)
    assert done.stderr == b""
    own = json.loads(done.stdout)
    assert [name for name, _ in own] == ["chat gpt-4.1", "mine"]
    assert not any(value in done.stdout.decode() for value in personal_values)
    assert names(arc_core, service) == ["chat gpt-4.1", "mine"]


@pytest.mark.parametrize("switch", ["ARC_DISABLE", "OTEL_SDK_DISABLED"])
def test_switched_off_it_does_nothing_and_everything_works(start, model, arc_core, switch):
    done, service = start("off", **{switch: "true"})
    assert (done.stdout, done.stderr) == (b"None None () True\n", b"")
    assert temperatures(model) == [AS_GIVEN] * 3
    assert arc_core.traces(service) == []


def test_a_child_that_is_forked_inside_of_a_request_leaves_it_to_its_parent(start, model, arc_core):
    done, service = start("forked")
    lines = done.stderr.decode()
    assert len(re.findall("COMPLETED request", lines)) == 1
    assert names(arc_core, service) == ["agent.job parent", "chat gpt-4.1"]
    (detail,) = arc_core.traces(service)
    assert detail["spans"][1]["parent_id"] == detail["spans"][0]["span_id"]
