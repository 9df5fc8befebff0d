"""Recorded runs of agents, one JSON object a run, as OTLP's JSON; pure.

A run has `id`, `agent`, `model`, `steps` and more; a step has `kind` (llm, tool, agent, action, user, system), `name`,
`agent`, `input`, `output`, `error` and `t`, the time of its end. The form is that of collections of benchmark runs.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from arc_semconv import attributes as names

from arc_core.errors import MalformedError

_MS_NS: Final = 1_000_000
_SCOPE: Final = {"name": "arc.import", "version": "1"}
_MESSAGES: Final = ("user", "system")


class Tokens(msgspec.Struct):
    """What a model call used."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


class Step(msgspec.Struct):
    """One thing that happened."""

    kind: str
    name: str | None = None
    agent: str | None = None
    input: Any = None
    output: Any = None
    error: str | None = None
    t: str | None = None
    tokens: Tokens | None = None
    cost_usd: float | None = None
    finish_reason: str | None = None
    call_id: str | None = None


class Run(msgspec.Struct):
    """One run of an agent."""

    id: str
    steps: list[Step]
    source: str | None = None
    framework: str | None = None
    agent: str | None = None
    model: str | None = None
    experiment: str | None = None
    task_id: str | None = None
    trial: int | None = None
    started_at: str | None = None
    ended_at: str | None = None
    cost_usd: float | None = None
    run_error: str | None = None
    run_traceback: str | None = None
    labels: dict[str, Any] = {}


def run_of(line: bytes) -> Run:
    """The run in `line`; raise MalformedError when it is none."""
    try:
        return msgspec.json.decode(line, type=Run)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedError(f"this is neither OTLP nor a run: {error}") from None


def trace_of(run: Run) -> str:
    """The id of the trace that `run` becomes, 32 hex digits; the same each time."""
    return hashlib.sha256(f"arc.run:{run.id}".encode()).hexdigest()[:32]


def start_of(run: Run) -> int | None:
    """When `run` began, in nanoseconds since 1970; None when it has no time at all."""
    return _time_ns(run.started_at) or next((at for step in run.steps if (at := _time_ns(step.t))), None)


def run_request(run: Run, start_ns: int) -> dict[str, Any]:
    """`run`, begun at `start_ns`, as an ExportTraceServiceRequest: each time the same, so that it is stored once.

    Steps without a time are a millisecond each.
    """
    spans = _Spans(run, start_ns).all()
    resource = {names.SERVICE_NAME: run.experiment or run.source or "imported", names.IMPORT_SOURCE: run.source}
    scope_spans = [{"scope": _SCOPE, "spans": spans}]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": scope_spans}]}


class _Spans:
    """The spans of one run."""

    def __init__(self, run: Run, start_ns: int) -> None:
        self._run = run
        self._trace_id = trace_of(run)
        self._root_id = self._span_id("run")
        self._start_ns = start_ns
        self._at_ns = start_ns
        self._heard: list[dict[str, Any]] = []

    def all(self) -> list[dict[str, Any]]:
        steps = [span for number, step in enumerate(self._run.steps) if (span := self._step(number, step)) is not None]
        return [self._root(), *steps]

    def _root(self) -> dict[str, Any]:
        run = self._run
        end_ns = max(self._at_ns, _time_ns(run.ended_at) or 0)
        attributes = {
            names.OPERATION: "invoke_agent",
            names.SPAN_KIND: "run",
            names.AGENT_NAME: run.agent,
            names.CONVERSATION_ID: run.id,
            names.IMPORT_RUN_ID: run.id,
            names.IMPORT_FRAMEWORK: run.framework,
            names.IMPORT_TASK: run.task_id,
            names.IMPORT_TRIAL: run.trial,
            names.IMPORT_LABELS: run.labels or None,
        }
        events = []
        if run.run_traceback or run.run_error:
            told = {names.EXCEPTION_MESSAGE: run.run_error, names.EXCEPTION_STACKTRACE: run.run_traceback}
            event = {"timeUnixNano": str(end_ns), "name": names.EXCEPTION_EVENT, "attributes": _attributes(told)}
            events.append(event)
        return {
            "traceId": self._trace_id,
            "spanId": self._root_id,
            "name": f"invoke_agent {run.agent or ''}".strip(),
            "kind": 1,
            "startTimeUnixNano": str(self._start_ns),
            "endTimeUnixNano": str(end_ns),
            "attributes": _attributes(attributes),
            "events": events,
            "status": _status(run.run_error),
        }

    def _step(self, number: int, step: Step) -> dict[str, Any] | None:
        start_ns = self._at_ns
        self._at_ns = max(start_ns, _time_ns(step.t) or start_ns + _MS_NS)
        if step.kind in _MESSAGES:
            self._heard.append(_message(step.kind, step.output))
            return None
        name, kind, attributes = self._described(step)
        shared = {names.CONVERSATION_ID: self._run.id, names.AGENT_NAME: step.agent or self._run.agent}
        return {
            "traceId": self._trace_id,
            "spanId": self._span_id(str(number)),
            "parentSpanId": self._root_id,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(start_ns),
            "endTimeUnixNano": str(self._at_ns),
            "attributes": _attributes(shared | attributes),
            "status": _status(step.error),
        }

    def _described(self, step: Step) -> tuple[str, int, dict[str, Any]]:
        match step.kind:
            case "llm":
                return f"chat {self._run.model or ''}".strip(), 3, self._call(step)
            case "tool":
                self._heard.append(_tool_result(step))
                told = {
                    names.OPERATION: "execute_tool",
                    names.SPAN_KIND: "tool",
                    names.TOOL_NAME: step.name,
                    names.TOOL_CALL_ID: step.call_id,
                    names.TOOL_CALL_ARGUMENTS: step.input,
                    names.TOOL_CALL_RESULT: step.output,
                }
                return f"execute_tool {step.name or ''}".strip(), 1, told
            case "agent":
                told = {names.OPERATION: "invoke_agent", names.SPAN_KIND: "run"}
                told[names.OUTPUT_MESSAGES] = [_message("assistant", step.output)]
                return f"invoke_agent {step.agent or step.name or ''}".strip(), 1, told
            case _:
                told = {names.SPAN_KIND: "action" if step.kind == "action" else "other"}
                told[names.OUTPUT_MESSAGES] = [_message("assistant", step.output)]
                return step.name or step.kind, 1, told

    def _call(self, step: Step) -> dict[str, Any]:
        heard, self._heard = self._heard, []
        tokens = step.tokens or Tokens()
        return {
            names.OPERATION: "chat",
            names.SPAN_KIND: "llm",
            names.REQUEST_MODEL: self._run.model,
            names.INPUT_MESSAGES: heard,
            names.OUTPUT_MESSAGES: [_message("assistant", step.output)],
            names.USAGE_INPUT_TOKENS: tokens.input,
            names.USAGE_OUTPUT_TOKENS: tokens.output,
            names.USAGE_CACHE_READ_INPUT_TOKENS: tokens.cached,
            names.USAGE_REASONING_OUTPUT_TOKENS: tokens.reasoning,
            names.RESPONSE_FINISH_REASONS: None if step.finish_reason is None else [step.finish_reason],
            names.COST_USD: step.cost_usd,
        }

    def _span_id(self, of: str) -> str:
        return hashlib.sha256(f"arc.run:{self._run.id}:{of}".encode()).hexdigest()[:16]


def _message(role: str, said: Any) -> dict[str, Any]:
    """A message as the GenAI conventions have it."""
    if not isinstance(said, dict) or "tool_calls" not in said:
        return {"role": role, "parts": [{"type": "text", "content": _text(said)}]}
    parts: list[dict[str, Any]] = (
        [] if said.get("content") is None else [{"type": "text", "content": _text(said["content"])}]
    )
    calls = [call for call in said["tool_calls"] or () if isinstance(call, dict)]
    parts += [{"type": "tool_call"} | {key: call.get(key) for key in ("id", "name", "arguments")} for call in calls]
    return {"role": role, "parts": parts}


def _tool_result(step: Step) -> dict[str, Any]:
    said = {"type": "tool_call_response", "id": step.call_id, "response": step.output}
    return {"role": "tool", "parts": [said]}


def _text(said: Any) -> str:
    return said if isinstance(said, str) else "" if said is None else msgspec.json.encode(said).decode()


def _attributes(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in told.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case [str(), *_]:
            return {"arrayValue": {"values": [{"stringValue": _text(item)} for item in value]}}
        case _:
            return {"stringValue": _text(value)}


def _status(error: str | None) -> dict[str, Any]:
    return {} if error is None else {"code": 2, "message": error[:1000]}


def _time_ns(text: str | None) -> int | None:
    """The time in `text`, UTC where it names no zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1_000_000)) * 1000
