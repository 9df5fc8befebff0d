"""Failures that come with HTTP 200: the answer is there, and is not what was asked for.

Source: llm_api_failures, silent failures (November 2026). The parts of an answer are those of the GenAI conventions.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from arc_semconv import attributes as semconv

__all__ = ["Failure", "cut_short", "demands", "unfit"]

_TRUNCATED: Final = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "MAX_TOKENS"})
_FILTERED: Final = frozenset({"content_filter", "refusal", "SAFETY"})
_REPEATS: Final = 2
"""Calls in the conversation that are the same as the one in the answer."""
_LONGEST: Final = 262_144
"""Characters of an answer that are looked at; a longer one is not checked."""
_DEEPEST: Final = 24
_DEMANDING: Final = ("tools", "functions", "response_format", "text", "output_config", "output_format")
_OF_THE_PROGRAM: Final = frozenset({None, "function", "custom"})
"""Types of tools that the program itself calls, and gives a schema for."""


class Failure(NamedTuple):
    """What is wrong with an answer."""

    type: str
    detail: str = ""
    """Where, in names of fields and tools; never a word of the content."""

    @property
    def attributes(self) -> dict[str, str]:
        """How the span says it."""
        said = {semconv.FAILURE_TYPE: self.type}
        return {**said, semconv.FAILURE_DETAIL: self.detail} if self.detail else said


def cut_short(answer: Mapping[str, Any]) -> Failure | None:
    """What the attributes of an answer say of how it ended."""
    reasons = answer.get(semconv.RESPONSE_FINISH_REASONS) or ()
    if any(reason in _FILTERED for reason in reasons):
        return Failure("content_filter_finish")
    if not any(reason in _TRUNCATED for reason in reasons):
        return None
    thought, said = answer.get(semconv.USAGE_REASONING_OUTPUT_TOKENS), answer.get(semconv.USAGE_OUTPUT_TOKENS)
    return Failure("reasoning_ate_the_budget" if thought and thought == said else "truncated_output")


def demands(body: Mapping[str, object]) -> bool:
    """Whether a request says what its answer has to be like."""
    return any(body.get(field) for field in _DEMANDING)


def unfit(body: Mapping[str, object], messages: Sequence[Any]) -> Failure | None:
    """What of the answer in `messages` is not as the request `body` demands."""
    parts = [part for message in messages for part in message.get("parts") or () if isinstance(part, Mapping)]
    calls = [part for part in parts if part.get("type") == "tool_call"]
    for call in calls:
        if failure := _of_call(body, call):
            return failure
    if not calls and (failure := _of_text(body, parts)):
        return failure
    history = list(_calls(body))
    for call in calls:
        same = (call.get("name"), _plain(call.get("arguments")))
        last = [
            (name, arguments, result) for name, arguments, result in history[-_REPEATS:] if (name, arguments) == same
        ]
        if len(last) == _REPEATS and len({result for _, _, result in last}) == 1:
            return Failure("repeated_identical_call", str(call.get("name")))
    return None


def _of_call(body: Mapping[str, object], call: Mapping[str, Any]) -> Failure | None:
    schemas = dict(_tools(body))
    name, arguments = call.get("name"), call.get("arguments")
    if not schemas or not isinstance(name, str):
        return None
    if name not in schemas:
        if not _all_own(body):  # the provider's tools have others below them
            return None
        return Failure("invalid_tool_arguments", f"{name}: no such tool")
    if not isinstance(arguments, Mapping):
        return None if arguments in (None, "") else Failure("invalid_tool_arguments", f"{name}: no JSON object")
    wrong = _mismatch(arguments, schemas[name], "")
    return Failure("invalid_tool_arguments", f"{name}: {wrong}") if wrong else None


def _tools(body: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for field in ("tools", "functions"):
        given = body.get(field)
        for tool in given if isinstance(given, list | tuple) else ():
            inner = tool.get("function") if isinstance(tool, Mapping) else None
            holder = inner if isinstance(inner, Mapping) else tool
            if isinstance(holder, Mapping) and isinstance(name := holder.get("name"), str):
                yield name, holder.get("parameters", holder.get("input_schema"))


def _all_own(body: Mapping[str, object]) -> bool:
    tools = body.get("tools")
    given = tools if isinstance(tools, list | tuple) else ()
    return not body.get("mcp_servers") and all(
        tool.get("type") in _OF_THE_PROGRAM for tool in given if isinstance(tool, Mapping)
    )


def _of_text(body: Mapping[str, object], parts: Sequence[Mapping[str, Any]]) -> Failure | None:
    form = _form(body)
    if form is None:
        return None
    text = "".join(
        part["content"] for part in parts if part.get("type") == "text" and isinstance(part.get("content"), str)
    )
    if not text or len(text) > _LONGEST:
        return None
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return Failure("invalid_json_answer", "no JSON")
    wrong = _mismatch(answer, form, "")
    return Failure("invalid_json_answer", wrong) if wrong else None


def _form(body: Mapping[str, object]) -> object | None:
    """The schema that the answer has to meet, `{}` for any JSON; None where a text is asked for."""
    holders = [body.get("text"), body.get("output_config")]
    told = [body.get("response_format"), body.get("output_format")]
    told += [holder.get("format") for holder in holders if isinstance(holder, Mapping)]
    wanted = next(filter(None, told), None)
    if not isinstance(wanted, Mapping):
        return None
    if wanted.get("type") == "json_object":
        return {}
    if wanted.get("type") != "json_schema":
        return None
    holder = wanted.get("json_schema")
    return (holder if isinstance(holder, Mapping) else wanted).get("schema") or {}


_KINDS: Final[dict[str, Any]] = {
    "object": Mapping, "array": list, "string": str, "boolean": bool, "null": type(None), "number": int | float,
    "integer": int,
}  # fmt: skip


def _mismatch(value: Any, schema: object, place: str, depth: int = 0) -> str:  # noqa: C901, PLR0912 - keyword by keyword
    """Where `value` is not as `schema` says, as far as types, required fields, enums and closed objects go."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return ""
    kinds = schema.get("type")
    wanted = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    if wanted and not any(_is_a(value, kind) for kind in wanted):
        return f"{place or 'it'} is no {' or '.join(map(str, wanted))}"
    if isinstance(allowed := schema.get("enum"), list) and value not in allowed:
        return f"{place or 'it'} is none of the values there are"
    known = schema.get("properties")
    if isinstance(value, Mapping) and isinstance(known, Mapping):
        required = schema.get("required")
        for name in required if isinstance(required, list) else ():
            if name not in value:
                return f"{_below(place, name)} is missing"
        for name, inner in value.items():
            if name in known:
                if wrong := _mismatch(inner, known[name], _below(place, name), depth + 1):
                    return wrong
            elif schema.get("additionalProperties") is False:
                return f"{place or 'it'} has a field too many"
    if isinstance(value, list):
        for number, inner in enumerate(value):
            if wrong := _mismatch(inner, schema.get("items"), _below(place, str(number)), depth + 1):
                return wrong
    return ""


def _is_a(value: object, kind: object) -> bool:
    expected = _KINDS.get(str(kind))
    if expected is None:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, expected)


def _below(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)


def _calls(body: Mapping[str, object]) -> Iterator[tuple[object, str, str]]:
    """Name, arguments and result of each call of a tool in the conversation so far."""
    given = body.get("messages") or body.get("input")
    results: dict[object, str] = {}
    calls: list[tuple[object, object, str]] = []
    for item in given if isinstance(given, list | tuple) else ():
        for part in _flat(item):
            kind = part.get("type")
            if part.get("role") == "tool":
                results[part.get("tool_call_id")] = _plain(part.get("content"))
            elif kind == "tool_result":
                results[part.get("tool_use_id")] = _plain(part.get("content"))
            elif kind == "function_call_output":
                results[part.get("call_id")] = _plain(part.get("output"))
            elif kind == "function_call":
                calls.append((part.get("call_id"), part.get("name"), _plain(part.get("arguments"))))
            elif kind == "tool_use":
                calls.append((part.get("id"), part.get("name"), _plain(part.get("input"))))
            elif isinstance(function := part.get("function"), Mapping):
                calls.append((part.get("id"), function.get("name"), _plain(function.get("arguments"))))
    for call_id, name, arguments in calls:
        yield name, arguments, results.get(call_id, "")


def _flat(item: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(item, Mapping):
        return
    yield item
    for field in ("tool_calls", "content"):
        parts = item.get(field)
        yield from (part for part in (parts if isinstance(parts, list | tuple) else ()) if isinstance(part, Mapping))


def _plain(value: object) -> str:
    """A value as text that is the same for the same value."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return str(value)
    try:
        return json.dumps(value, sort_keys=True, default=str)
    except (ValueError, RecursionError):
        return ""
