import io
from typing import Any

import msgspec
import pytest
from arc_core.demo import _facts, _summary
from arc_semconv import attributes
from arc_semconv.api import Redactions, SpanView, TraceDetail, TraceSummary
from arc_semconv.fixes import Change, Fix
from inline_snapshot import snapshot

TRACE = "0af7651916cd43dd8448eb211c80319c"
URL = f"http://127.0.0.1:43181/traces/{TRACE}"


def span(number: int, parent: int | None, kind: str, name: str, *times: float, **given: Any) -> SpanView:
    shape: dict[str, Any] = {
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "kind": kind,
        "name": name,
        "service": "loan-agents",
        "scope": "arc-instrumentation-openai" if kind == "llm" else "arc-instrumentation-langgraph",
        "status": "ok",
        "status_message": "",
        "started_at": "2026-11-20T09:00:00.000000000Z",
        "offset_ms": times[0],
        "duration_ms": times[1],
        "agent": None,
        "model": None,
        "tool": None,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": None,
        "fix": None,
        "redactions": None,
        "input_messages": [],
        "output_messages": [],
        "attributes": {},
        "resource": {},
        "events": [],
        "links": [],
    }
    return SpanView(**{**shape, **given})


MENDED = Fix(["arc.gpt-4.1.temperature"], "on", "before", "ok", [Change("temperature", old=0.95, new=0.7)])
SPANS = [
    span(
        1,
        None,
        "job",
        "agent.job loan_review",
        0,
        1240,
        attributes={attributes.WORKFLOW_NAME: "loan_review", attributes.REQUEST_ID: "a1b2c3d4"},
    ),
    span(2, 1, "run", "agent.run intake_officer", 3, 152.1, agent="intake_officer"),
    span(3, 2, "llm", "chat gpt-4.1-mini", 5, 145, redactions=Redactions(2, ["EMAIL", "US_SSN"])),
    span(4, 1, "run", "agent.run credit_checks", 300, 90, agent="credit_checks"),
    span(
        5,
        4,
        "tool",
        "agent.tool credit_bureau",
        302,
        81,
        tool="credit_bureau",
        status="error",
        status_message="bureau northstar did not answer",
        attributes={attributes.ERROR_TYPE: "TimeoutError"},
    ),
    span(6, 1, "run", "agent.run underwriter", 700, 538, agent="underwriter"),
    span(7, 6, "llm", "chat gpt-4.1", 702, 530, fix=MENDED, redactions=Redactions(1, ["EMAIL"])),
]
DETAIL = TraceDetail(
    TraceSummary(
        trace_id=TRACE,
        name="agent.job loan_review",
        service="loan-agents",
        status="ok",
        started_at="2026-11-20T09:00:00.000000000Z",
        duration_ms=1240,
        spans=7,
        errors=1,
        input_tokens=1913,
        output_tokens=164,
        cost_usd=0.003121,
        unpriced_calls=0,
        fixes=1,
        redactions=3,
        agents=["intake_officer", "credit_checks", "underwriter"],
        models=["gpt-4.1", "gpt-4.1-mini"],
    ),
    SPANS,
)


def shown(detail: TraceDetail, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    _summary.show(detail, URL, file)
    file.flush()
    buffer = file.buffer
    assert isinstance(buffer, io.BytesIO)
    return "\n".join(line.rstrip() for line in buffer.getvalue().decode(encoding).splitlines())


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def test_the_summary_is_plain_text_when_it_is_not_a_terminal() -> None:
    assert shown(DETAIL) == snapshot("""\

agent.job loan_review                        ✓ ok       1.24 s  ━━━━━━━━━━━━━━━━
├─ agent.run intake_officer                  ✓ ok     152.1 ms  ━━
│  └─ chat gpt-4.1-mini                      ✓ ok     145.0 ms  ━━
├─ agent.run credit_checks                   ✓ ok      90.0 ms      ━
│  └─ agent.tool credit_bureau               ✗ error   81.0 ms      ━
└─ agent.run underwriter                     ✓ ok     538.0 ms           ━━━━━━━
   └─ chat gpt-4.1                           ✓ ok     530.0 ms           ━━━━━━━

Request ID       a1b2c3d4
Entrypoint       loan_review (loan-agents)
Status           completed
Duration         1.24 s
Node executions  3
                  1. [langgraph] intake_officer - COMPLETED (152.1 ms)
                  2. [langgraph] credit_checks - COMPLETED (90.0 ms)
                  3. [langgraph] underwriter - COMPLETED (538.0 ms)
Tokens           1,913 in, 164 out
Cost             0.003121 USD
Fixes            chat gpt-4.1 of underwriter: temperature 0.95 → 0.7
                 [arc.gpt-4.1.temperature]
Redacted         3 values: EMAIL, US_SSN
Failed tools     credit_bureau: TimeoutError: bureau northstar did not answer
                 The job recovered.

Trace  http://127.0.0.1:43181/traces/0af7651916cd43dd8448eb211c80319c\
""")


@pytest.mark.parametrize("columns", ["20", "40", "78"])
def test_the_url_is_whole_however_narrow_the_terminal_is(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert shown(DETAIL).splitlines()[-1] == f"Trace  {URL}"


def test_an_ascii_terminal_gets_ascii() -> None:
    text = shown(DETAIL, encoding="ascii")
    assert "`- chat gpt-4.1-mini" in text
    assert "0.95 -> 0.7" in text


def test_no_line_is_wider_than_eighty_columns_and_every_row_keeps_its_time() -> None:
    deep = [
        span(number, number - 1 or None, "run", f"agent.run a_rather_long_agent_name_{number}", number, 50)
        for number in range(1, 12)
    ]
    text = shown(msgspec.structs.replace(DETAIL, spans=deep))
    assert max(map(len, text.splitlines())) <= 80
    tree = text.split("Request ID")[0].strip().splitlines()
    assert len(tree) == 11
    assert all("50.0 ms" in line for line in tree)


def test_a_span_whose_parent_never_came_is_still_shown() -> None:
    text = shown(msgspec.structs.replace(DETAIL, spans=[span(9, 8, "tool", "agent.tool orphan", 0, 1)]))
    assert "agent.tool orphan" in text


def test_a_trace_without_incidents_says_so() -> None:
    quiet = TraceDetail(
        msgspec.structs.replace(DETAIL.trace, fixes=0, redactions=0, cost_usd=None, unpriced_calls=2), SPANS[:1]
    )
    text = shown(quiet)
    assert [line.split()[-1] for line in text.splitlines() if line.startswith(("Fixes", "Redacted", "Failed"))] == (
        ["none"] * 3
    )
    assert "unknown" in text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change("max_tokens", "rename", old=5, new="max_completion_tokens"), 'max_tokens 5 → "max_completion_tokens"'),
        (Change("seed", "delete", old=1), "seed 1 → (removed)"),
        (Change("top_p", new=0.5), "top_p (none) → 0.5"),
        (Change("messages.0.content", "rewrite"), "messages.0.content rewrite"),
    ],
)
def test_every_kind_of_change_is_told(change: Change, text: str) -> None:
    fixed = msgspec.structs.replace(SPANS[-1], fix=msgspec.structs.replace(MENDED, changes=[change]))
    assert text in " ".join(shown(TraceDetail(DETAIL.trace, [fixed])).split())


def test_a_trace_that_shows_everything_misses_nothing() -> None:
    assert _facts.missing(DETAIL) == []


def test_each_promise_that_is_not_kept_is_named() -> None:
    bare = msgspec.structs.replace(DETAIL.trace, status="error", fixes=0, redactions=0, agents=["one"])
    assert _facts.missing(TraceDetail(bare, SPANS[:2])) == snapshot(
        [
            "the job ended as 'error' and not as 'ok'",
            "1 agents are seen and not 3",
            "no model call was mended",
            "nothing was redacted",
            "no tool call failed",
        ]
    )


def test_a_fix_that_only_watched_is_no_fix() -> None:
    watched = msgspec.structs.replace(SPANS[-1], fix=msgspec.structs.replace(MENDED, mode="shadow"))
    assert _facts.missing(TraceDetail(DETAIL.trace, [*SPANS[:-1], watched])) == ["no model call was mended"]
