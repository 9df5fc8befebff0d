"""A tree to conditions of ClickHouse's SQL. What comes from outside is a bound parameter, never part of the text."""

# ruff: noqa: S608 - what is put together here are constants and names of parameters

import re
from collections.abc import Callable
from typing import Final, assert_never

from arc_semconv import attributes as names

from arc_core.filters._tree import And, Attribute, Compare, Filter, Match, Not, Or, Text, When
from arc_core.model.texts import TEXTS, searched

Parameter = str | int | float

SPAN_STATUS: Final = (
    "multiIf(StatusCode = 'Error', 'error', RunState IN ('interrupted', 'cancelled'), toString(RunState), 'ok')"
)
"""How a span ended."""

TRACE_STATUS: Final = (
    "multiIf(tupleElement(argMinMerge(Face), 3) = 0, 'running', tupleElement(argMinMerge(Face), 4) = 'Error', 'error', "
    "tupleElement(argMinMerge(Face), 5) IN ('interrupted', 'cancelled'), tupleElement(argMinMerge(Face), 5), 'ok')"
)
"""How a trace ended, over the rows of `traces` of one."""

_COLUMNS: Final = {
    "service": "ServiceName",
    "agent": "AgentName",
    "model": "Model",
    "provider": "Provider",
    "operation": "Operation",
    "tool": "ToolName",
    "name": "SpanName",
    "kind": "Kind",
    "status": SPAN_STATUS,
    "message": "StatusMessage",
    "failure": "FailureType",
    "error": "ErrorType",
    "fingerprint": "Fingerprint",
    "session": "ConversationId",
    "user": "UserId",
    "workflow": "WorkflowName",
    "environment": "Environment",
    "version": "ServiceVersion",
    "scope": "ScopeName",
    "invocation": f"ResourceAttributes['{names.INVOCATION_ID}']",
    "trace": "TraceId",
    "span": "SpanId",
}
_NUMBERS: Final = {
    "duration": "Duration / 1e9",
    "cost": "ifNull(CostUsd, 0)",
    "tokens": "if(Kind = 'llm', InputTokens + OutputTokens, 0)",
    "input_tokens": "InputTokens",
    "output_tokens": "OutputTokens",
    "attempt": "Attempt",
}
_MESSAGES: Final = {
    names.INPUT_MESSAGES: "InputMessages",
    names.OUTPUT_MESSAGES: "OutputMessages",
    names.SYSTEM_INSTRUCTIONS: "SystemInstructions",
}
"""Attributes that have a column of their own."""

_WORD: Final = re.compile("[a-z0-9]+")
"""What ClickHouse's tokenizer `splitByNonAlpha` takes for a word, in lower-case ASCII."""

_MOST_WORDS: Final = 64
"""So many are taken by one `hasAllTokens`."""

_SETS: Final = {
    "service": "Services",
    "agent": "Agents",
    "model": "Models",
    "kind": "Kinds",
    "fix": "FixIds",
    "session": "Conversations",
}
"""What `traces` holds of all spans of a trace."""

_SUMS: Final = {
    "cost": "sum(ifNull(CostUsd, 0))",
    "tokens": "sum(if(Kind = 'llm', InputTokens + OutputTokens, 0))",
    "input_tokens": "sum(if(Kind = 'llm', InputTokens, 0))",
    "output_tokens": "sum(if(Kind = 'llm', OutputTokens, 0))",
}
_IDS: Final = ("trace", "span")
_SECOND: Final = 1_000_000_000
_HOUR: Final = 3600 * _SECOND


class Statement:
    """A condition in SQL with its parameters; their names start with `f`."""

    def __init__(self, sql: str, parameters: dict[str, Parameter]) -> None:
        self.sql = sql
        self.parameters = parameters

    @property
    def reads_spans(self) -> bool:
        """Whether it is on traces and looks into their spans, so that it needs `spans_since_ns`."""
        return "{spans_since_ns:" in self.sql


class _Binder:
    """Gives parameters their names."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.parameters: dict[str, Parameter] = {}

    def text(self, value: str) -> str:
        return self._bound(value.replace("\0", "�"), "String")

    def number(self, value: float) -> str:
        return self._bound(value, "Float64")

    def moment(self, when: When) -> int:
        return max(0, self.now_ns - when.ago_ns) if when.at_ns is None else when.at_ns

    def integer(self, value: int) -> str:
        return self._bound(value, "Int64")

    def _bound(self, value: Parameter, kind: str) -> str:
        name = f"f{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"


def span_condition(wanted: Filter, now_ns: int) -> Statement:
    """What holds for rows of `spans` that `wanted` lets pass, at the time `now_ns` since 1970."""
    binder = _Binder(now_ns)
    return Statement(_span(wanted, binder), binder.parameters)


def trace_condition(wanted: Filter, now_ns: int) -> Statement:
    """What holds for groups of rows of `traces`, by TraceId, that `wanted` lets pass.

    A condition on spans holds for a trace when one of its spans has it. Beside the parameters it needs `tenant`, and
    `spans_since_ns`, before which no span of these traces began.
    """
    binder = _Binder(now_ns)
    return Statement(_trace(wanted, binder), binder.parameters)


def needs_words(wanted: Filter) -> bool:
    """Whether every span that `wanted` lets pass has certain words, which an index of texts finds."""
    match wanted:
        case Text():
            return bool(_words(wanted.text.lower()))
        case And():
            return any(needs_words(part) for part in wanted.parts)
        case Or():
            return all(needs_words(part) for part in wanted.parts)
        case _:
            return False


def _span(wanted: Filter, binder: _Binder) -> str:
    match wanted:
        case Match():
            return _span_match(wanted, binder)
        case Compare():
            return _span_compare(wanted, binder)
        case When():
            return _span_when(wanted, binder)
        case Text():
            return _span_text(wanted, binder)
        case Not() | And() | Or():
            return _joined(wanted, lambda part: _span(part, binder))
        case _:
            assert_never(wanted)


def _trace(wanted: Filter, binder: _Binder) -> str:
    match wanted:
        case Match():
            return _trace_match(wanted, binder)
        case Compare():
            return _trace_compare(wanted, binder)
        case When():
            sign = ">=" if wanted.edge == "since" else "<"
            return f"toUnixTimestamp64Nano(min(Start)) {sign} {binder.integer(binder.moment(wanted))}"
        case Text():
            text = binder.text(wanted.text)
            of_trace = f"startsWith(TraceId, lower({text}))"
            return f"({of_trace} OR {_some_span(_span_text(wanted, binder))})"
        case Not() | And() | Or():
            return _joined(wanted, lambda part: _trace(part, binder))
        case _:
            assert_never(wanted)


def _joined(wanted: Not | And | Or, condition: Callable[[Filter], str]) -> str:
    if isinstance(wanted, Not):
        return f"NOT ({condition(wanted.part)})"
    word = " AND " if isinstance(wanted, And) else " OR "
    return f"({word.join(map(condition, wanted.parts))})" if wanted.parts else "1"


def _some_span(condition: str) -> str:
    return (
        "TraceId IN (SELECT TraceId FROM spans WHERE TenantId = {tenant:String} "
        f"AND Timestamp >= fromUnixTimestamp64Nano({{spans_since_ns:Int64}}) AND {condition})"
    )


def _span_match(wanted: Match, binder: _Binder) -> str:
    if isinstance(wanted.field, Attribute):
        return _attribute_match(wanted.field, wanted, binder)
    if wanted.field == "fix":
        return f"arrayExists(x -> {_like('toString(x)', wanted, binder)}, FixIds)"
    return _like(_COLUMNS[wanted.field], wanted, binder)


def _attribute_match(attribute: Attribute, wanted: Match, binder: _Binder) -> str:
    if attribute.of == "attributes" and attribute.key in _MESSAGES:
        return _like(_MESSAGES[attribute.key], wanted, binder)
    there = f"mapContains({_map(attribute)}, {binder.text(attribute.key)})"
    if wanted.way == "like" and wanted.values == ("*",):
        return there
    return f"({there} AND {_like(_value(attribute, binder), wanted, binder)})"


def _like(column: str, wanted: Match, binder: _Binder) -> str:
    conditions = []
    for value in wanted.values:
        meant = value.lower() if wanted.field in _IDS else value
        if wanted.way == "contains":
            conditions.append(f"positionCaseInsensitiveUTF8({column}, {binder.text(meant)}) > 0")
        elif wanted.way == "like" and meant == "*":
            conditions.append(f"{column} != ''")
        elif wanted.way == "like" and "*" in meant:
            conditions.append(f"{column} ILIKE {binder.text(_pattern(meant))}")
        else:
            conditions.append(f"{column} = {binder.text(meant)}")
    return f"({' OR '.join(conditions)})"


def _pattern(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _span_compare(wanted: Compare, binder: _Binder) -> str:
    number = binder.number(wanted.number)
    if isinstance(wanted.field, Attribute):
        # What is no number is neither greater nor less.
        told = f"toFloat64OrNull({_value(wanted.field, binder)})"
        return f"ifNull({told} {wanted.operator} {number}, 0)"
    return f"({_NUMBERS[wanted.field]}) {wanted.operator} {number}"


def _span_when(wanted: When, binder: _Binder) -> str:
    sign = ">=" if wanted.edge == "since" else "<"
    moment = binder.moment(wanted)
    bound = f"fromUnixTimestamp64Nano({binder.integer(moment)})"
    # Rollups know hours alone, and are read when nothing asks for more.
    column = "Timestamp" if moment % _HOUR else "toStartOfHour(Timestamp)"
    return f"{column} {sign} {bound}"


def _span_text(wanted: Text, binder: _Binder) -> str:
    conditions = [_in_text(searched(column), wanted.text.lower(), binder) for column in TEXTS]
    return f"({' OR '.join(conditions)})"


def _in_text(text: str, wanted: str, binder: _Binder) -> str:
    words = _words(wanted)
    if not words:
        # What is not written in ASCII may have no spaces between its words, and punctuation is in no word.
        return f"position({text}, lowerUTF8({binder.text(wanted)})) > 0"
    groups = (" ".join(words[at : at + _MOST_WORDS]) for at in range(0, len(words), _MOST_WORDS))
    return "(" + " AND ".join(f"hasAllTokens({text}, {binder.text(group)})" for group in groups) + ")"


def _words(wanted: str) -> list[str]:
    return list(dict.fromkeys(_WORD.findall(wanted))) if wanted.isascii() else []


def _trace_match(wanted: Match, binder: _Binder) -> str:
    if isinstance(wanted.field, str) and wanted.field in _SETS:
        return f"arrayExists(x -> {_like('x', wanted, binder)}, groupUniqArrayArray({_SETS[wanted.field]}))"
    if wanted.field == "status":
        return _like(TRACE_STATUS, wanted, binder)
    if wanted.field == "name":
        return _like("tupleElement(argMinMerge(Face), 1)", wanted, binder)
    if wanted.field == "trace":
        return _like("TraceId", wanted, binder)
    return _some_span(_span_match(wanted, binder))


def _trace_compare(wanted: Compare, binder: _Binder) -> str:
    if wanted.field == "duration":
        seconds = "(toUnixTimestamp64Nano(max(End)) - toUnixTimestamp64Nano(min(Start))) / 1e9"
        return f"{seconds} {wanted.operator} {binder.number(wanted.number)}"
    if isinstance(wanted.field, str) and wanted.field in _SUMS:
        # A trace without such a span sums up to nothing: what is asked is whether it is not otherwise.
        number = binder.number(wanted.number)
        holds = f"{_SUMS[wanted.field]} {wanted.operator} {number}"
        return f"TraceId NOT IN ({_trace_sums(f'NOT ({holds})')})"
    return _some_span(_span_compare(wanted, binder))


def _trace_sums(having: str) -> str:
    return (
        "SELECT TraceId FROM (SELECT TraceId, SpanId, Kind, CostUsd, InputTokens, OutputTokens FROM spans "
        "WHERE TenantId = {tenant:String} AND Timestamp >= fromUnixTimestamp64Nano({spans_since_ns:Int64}) "
        f"ORDER BY Duration DESC LIMIT 1 BY TraceId, SpanId) GROUP BY TraceId HAVING {having}"
    )


def _map(attribute: Attribute) -> str:
    return "SpanAttributes" if attribute.of == "attributes" else "ResourceAttributes"


def _value(attribute: Attribute, binder: _Binder) -> str:
    return f"{_map(attribute)}[{binder.text(attribute.key)}]"
