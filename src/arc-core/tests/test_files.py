"""Export and import: what goes out comes in again as it was."""

import gzip
import io
import json
from pathlib import Path

import pytest
from pyarrow import parquet

TRACES = Path(__file__).parents[4] / "shared/data/traces"
LINES = {"content-type": "application/x-ndjson"}
DOCUMENT = {"content-type": "application/json"}

with_traces = pytest.mark.skipif(not TRACES.exists(), reason="recorded runs are beside the repository: ../shared")


@pytest.fixture(scope="module")
def source(launched, wire, tmp_path_factory):
    """An Arc Core with one trace that has everything a span can have."""
    core = launched(tmp_path_factory.mktemp("source"))
    run = wire.span(
        "run",
        trace_state="a=b",
        attributes={"text": "ü", "whole": 5, "flag": True, "list": ["a"], "gen_ai.agent.name": "x"},
        error=True,
    )
    event = run.events.add(name="exception", time_unix_nano=wire.START_NS + 5)
    event.attributes.append(wire.attribute("exception.message", "it broke"))
    link = run.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8, trace_state="c=d")
    link.attributes.append(wire.attribute("why", "because"))
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}])
    call = wire.call(
        run, gen_ai__input__messages=messages, gen_ai__system_instructions='[{"type":"text","content":"be kind"}]',
        gen_ai__usage__input_tokens=7, gen_ai__request__temperature=0.5, arc__cost__usd=0.125,
    )  # fmt: skip
    core.export(wire.request(run, call))
    return core, run.trace_id.hex()


@pytest.mark.parametrize(("form", "headers"), [("otlp", DOCUMENT), ("jsonl", LINES)])
def test_what_was_exported_is_imported_as_it_was(source, launched, tmp_path, form, headers):
    core, trace_id = source
    exported = core.get(f"/api/v1/export?format={form}")
    assert exported.status == 200
    assert exported.headers["content-type"].startswith(headers["content-type"])

    target = launched(tmp_path)
    answer = target.post(exported.body, headers, "/api/v1/import")

    assert (answer.status, answer.json()) == (200, {"spans": 2, "rejected": 0, "message": ""})
    assert target.get(f"/api/v1/traces/{trace_id}").json() == core.get(f"/api/v1/traces/{trace_id}").json()


def test_numbers_go_out_as_numbers_where_the_conventions_have_them(source):
    core, _ = source
    document = core.get("/api/v1/export").json()

    spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    told = {one["key"]: one["value"] for span in spans for one in span["attributes"]}
    assert told["gen_ai.usage.input_tokens"] == {"intValue": "7"}
    assert told["gen_ai.request.temperature"] == {"doubleValue": 0.5}


def test_a_filter_picks_whole_traces(source):
    core, trace_id = source

    assert trace_id in core.get("/api/v1/export?filter=kind:llm&format=jsonl").body.decode()
    assert core.get("/api/v1/export?filter=kind:tool&format=jsonl").body == b""
    assert core.get("/api/v1/export?filter=kind:tool").json() == {"resourceSpans": []}
    table = parquet.read_table(io.BytesIO(core.get("/api/v1/export?filter=kind:llm&format=parquet").body))
    assert table.num_rows == 2
    assert set(table.column("TraceId").to_pylist()) <= {trace_id, trace_id.encode()}
    none = parquet.read_table(io.BytesIO(core.get("/api/v1/export?filter=kind:tool&format=parquet").body))
    assert (none.num_rows, none.column_names) == (0, table.column_names)


@with_traces
def test_recorded_otlp_is_imported_twice_and_stored_once(launched, tmp_path):
    core = launched(tmp_path)
    body = b"\n".join(gzip.decompress((TRACES / "otlp_sample_tau2_retail.jsonl.gz").read_bytes()).splitlines()[:20])

    for _ in range(2):
        answer = core.post(gzip.compress(body), LINES | {"content-encoding": "gzip"}, "/api/v1/import")
        assert answer.json()["rejected"] == 0
    spans = answer.json()["spans"]

    models = core.get("/api/v1/models").json()["models"]
    stats = core.get("/api/v1/stats?interval=1d&limit=1000").json()["stats"]
    assert sum(one["spans"] for one in stats) == spans > 100
    assert models


@with_traces
@pytest.mark.parametrize(
    "name", ["tau2_retail_multimodel", "tau_retail_avaljotsingh", "whowhen", "agentrx_magentic_one"]
)
def test_recorded_runs_become_traces_with_their_steps(launched, tmp_path, name):
    core = launched(tmp_path)
    lines = gzip.decompress((TRACES / f"{name}.jsonl.gz").read_bytes()).splitlines()[:8]

    answer = core.post(b"\n".join(lines), LINES, "/api/v1/import")

    runs = [json.loads(line) for line in lines]
    shown = [[step for step in run["steps"] if step["kind"] not in ("user", "system")] for run in runs]
    assert answer.json() == {"spans": len(runs) + sum(map(len, shown)), "rejected": 0, "message": ""}
    for run, steps in zip(runs, shown, strict=True):
        (found,) = core.get(f"/api/v1/traces?filter=attributes.arc.run.id=%22{run['id']}%22").json()["traces"]
        detail = core.get(f"/api/v1/traces/{found['trace_id']}").json()
        kinds = {"llm": "llm", "tool": "tool", "agent": "run", "action": "action"}
        assert [span["kind"] for span in detail["spans"]][1:] == [kinds.get(step["kind"], "other") for step in steps]
        assert found["status"] == ("error" if run.get("run_error") else "ok")
        assert sum(span["status"] == "error" for span in detail["spans"][1:]) == sum(
            step["error"] is not None for step in steps
        )
        tokens = [step.get("tokens") or {} for step in steps if step["kind"] == "llm"]
        assert found["input_tokens"] == sum(one.get("input") or 0 for one in tokens)


def test_a_run_without_times_is_stored_once_however_often_it_is_imported(core):
    run = {"id": "timeless", "agent": "a", "steps": [{"kind": "llm", "output": "hi"}, {"kind": "tool", "name": "t"}]}
    line = json.dumps(run).encode()

    for body in (line + b"\n" + line, line):
        assert core.post(body, LINES, "/api/v1/import").status == 200

    (session,) = core.get("/api/v1/sessions?filter=session:timeless").json()["sessions"]
    assert (session["traces"], session["spans"]) == (1, 3)
    (trace,) = core.get("/api/v1/traces?filter=session:timeless").json()["traces"]
    assert (trace["spans"], trace["duration_ms"]) == (3, 2.0)


def test_gzip_files_put_behind_each_other_are_read_to_the_end(core):
    lines = [json.dumps({"id": f"member-{n}", "agent": "members", "steps": []}).encode() for n in range(3)]
    body = b"".join(gzip.compress(line + b"\n") for line in lines)

    answer = core.post(body, LINES | {"content-encoding": "gzip"}, "/api/v1/import")

    assert answer.json() == {"spans": 3, "rejected": 0, "message": ""}


def test_an_import_larger_than_what_may_be_pending_goes_through(start, tmp_path):
    core = start("--max-pending-mib", "1", data=tmp_path)
    lines = [json.dumps({"id": f"big-{n}", "steps": [{"kind": "llm", "output": "x" * 200_000}]}) for n in range(20)]

    answer = core.post("\n".join(lines).encode(), LINES, "/api/v1/import")

    assert (answer.status, answer.json()["spans"]) == (200, 40)


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{}", {"content-type": "text/plain"}, 415, ["'text/plain'", "application/x-ndjson"]),
        (b"nonsense", DOCUMENT, 400, ["line 1"]),
        (b"{}", DOCUMENT, 400, ["neither OTLP nor a run"]),
        (b'{"resourceSpans": []}\n{"x": 1}', LINES, 400, ["line 2"]),
        (b"[]", LINES, 400, ["line 1"]),
        (b"\x1f\x8bnonsense", LINES | {"content-encoding": "gzip"}, 400, ["gzip"]),
        (gzip.compress(b"{}", mtime=0)[:-4], LINES | {"content-encoding": "gzip"}, 400, ["ends before its gzip"]),
        (b"{}", LINES | {"content-encoding": "br"}, 415, ["'br'"]),
    ],
)
def test_what_cannot_be_imported_is_refused(core, body, headers, status, words):
    answer = core.post(body, headers, "/api/v1/import")

    assert answer.status == status
    assert all(word in answer.json()["detail"] for word in words), answer.body


def test_an_empty_file_is_nothing_to_import(core):
    assert core.post(b"", LINES, "/api/v1/import").json() == {"spans": 0, "rejected": 0, "message": ""}
    assert core.post(b"\n\n", LINES, "/api/v1/import").json()["spans"] == 0
    assert core.post(b'{"resourceSpans": []}', DOCUMENT, "/api/v1/import").json()["spans"] == 0


def test_a_line_that_inflates_without_end_is_refused_before_it_is_held(core):
    bomb = gzip.compress(b" " * (80 * 1024 * 1024), 9)

    answer = core.post(bomb, LINES | {"content-encoding": "gzip"}, "/api/v1/import")

    assert answer.status == 413
