"""Rewrites of parameters: what the provider's error says a field may be, it becomes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from arc_semconv.fixes import Change

from arc_runtime.fixes._changes import REWRITE, change_of
from arc_runtime.fixes._fields import MENDABLE
from arc_runtime.fixes._mend import Afterwards, Asked, Lesson, Mend
from arc_runtime.fixes._messages import Refused, choice, is_request_fault, limits, refused, said, whole
from arc_runtime.fixes._paths import MISSING, assigned, lookup, path_of, removed
from arc_runtime.fixes._pattern import is_number
from arc_runtime.fixes._refusal import Refusal

__all__ = [
    "choose_nearest",
    "clamp_to_context",
    "cut_at_stop",
    "drop_second_sampler",
    "fit_limits",
    "fit_thinking",
    "free_tool_choice",
    "is_context_overflow",
    "is_no_call",
    "is_sampler_conflict",
    "is_thinking_fault",
    "replace_parameter",
]

_DEFAULT: Final = "default"
"""Of a choice between it and none at all, what whoever asks for some effort means."""
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SCALES: Final = {
    "effort": _EFFORTS,
    "reasoning_effort": _EFFORTS,
    "verbosity": ("low", "medium", "high"),
}
"""Words that have an order, by the last step of their path."""
_EFFORT_OF: Final = {
    "chat.completions": ("reasoning_effort",),
    "responses": ("reasoning.effort",),
    "messages": ("output_config.effort",),
}
_EFFORT_PATHS: Final = {api: tuple(names[0].split(".")) for api, names in _EFFORT_OF.items()}
_MEANS_SOMETHING_ELSE: Final = frozenset({"response_format", "text", "tool_choice", "n", "best_of", "include"})
"""Without these the program gets another kind of answer than it reads."""
_RESERVE: Final = 16
"""Tokens that a provider may count beside those it tells."""


def replace_parameter(asked: Asked) -> Mend | None:
    """Rename the field that the model does not take where the error names another, else take it out."""
    told = refused(asked.refusal) if asked.refusal else None
    if told is None:
        return None
    mend: Mend | None = None
    for name in told.names:
        path = _EFFORT_PATHS.get(asked.api, ()) if name == "effort" else _own(name)
        body = asked.body if mend is None else mend.body
        one = _replaced(body, asked.api, path, told) if path else None
        if one is not None:
            mend = one if mend is None else _both(mend, one)
    return mend


def _both(first: Mend, second: Mend) -> Mend:
    one, other = first.lesson or Lesson({}, {}), second.lesson or Lesson({}, {})
    lesson = Lesson({**one.pattern, **other.pattern}, {**one.fix, **other.fix})
    if REWRITE in lesson.fix:  # which stands alone
        lesson = one
    return Mend(second.body, first.changes + second.changes, lesson, first.afterwards.and_also(second.afterwards))


def _replaced(body: Mapping[str, object], api: str, path: tuple[str, ...], told: Refused) -> Mend | None:
    """`body` without what is at `path`, or with it elsewhere."""
    old, name, field = lookup(body, path), ".".join(path), path[0]
    allowed = MENDABLE.get(api, frozenset())
    if old is MISSING or field not in allowed:
        return None
    where = {name: {"exists": True} if told.default is None else {"!=": told.default}}
    after = removed(body, path)
    if lookup(after, path) is not MISSING:
        return None
    gone = change_of(name, "delete", old, MISSING)
    target = path_of(told.instead) if told.instead else None
    if target and target[0] in allowed and target[0] not in _MEANS_SOMETHING_ELSE:
        lesson = Lesson(where, {name: {"$rename": told.instead}})
        if lookup(after, target) is not MISSING:  # what the caller set himself wins
            return Mend(after, (gone,), lesson)
        renamed = assigned(after, target, old)
        return None if renamed is None else Mend(renamed, (Change(name, "rename", old, told.instead),), lesson)
    if field in _MEANS_SOMETHING_ELSE:
        return None
    if field in ("stop", "stop_sequences"):
        return Mend(after, (gone,), Lesson(where, {"$rewrite": "cut_at_stop"}), Afterwards(stops=_words(old)))
    return Mend(after, (gone,), Lesson(where, {name: {"$delete": True}}))


def cut_at_stop(asked: Asked) -> Mend | None:
    """Take `stop` out, and cut the text of the answer where the provider would have."""
    for field in ("stop", "stop_sequences"):
        old = lookup(asked.body, (field,))
        if old is not MISSING and field in MENDABLE.get(asked.api, frozenset()):
            change = change_of(field, "delete", old, MISSING)
            return Mend(removed(asked.body, (field,)), (change,), None, Afterwards(stops=_words(old)))
    return None


def _words(stop: object) -> tuple[str, ...]:
    words = (stop,) if isinstance(stop, str) else stop if isinstance(stop, list | tuple) else ()
    return tuple(word for word in words if isinstance(word, str) and word)


def fit_limits(asked: Asked) -> Mend | None:
    """Bring a number into the range that the error names."""
    told = limits(asked.refusal) if asked.refusal else None
    if told is None:
        return None
    changes: list[Change] = []
    body = asked.body
    lesson: Lesson | None = None
    for path in _twins(_own(told.name)):
        old = lookup(body, path)
        if not path or path[0] not in MENDABLE.get(asked.api, frozenset()) or not is_number(old):
            continue
        new = _within(old, told.low, told.high)
        after = None if new == old else assigned(body, path, new)
        if after is not None:
            name = ".".join(path)
            changes.append(change_of(name, "set", old, new))
            body = after
            edge = {"<": told.low} if told.low is not None and new == told.low else {">": told.high}
            lesson = Lesson({name: edge}, {name: new})
    return Mend(body, tuple(changes), lesson) if changes else None


def _within(old: Any, low: float | None, high: float | None) -> Any:
    if low is not None and old < low:
        return low
    return high if high is not None and old > high else old


def _twins(path: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The path, and those of the fields which are the same limit by another name."""
    yield path
    if len(path) == 1 and path[0] in _LIMITS_OF_ANSWERS:
        yield from ((name,) for name in _LIMITS_OF_ANSWERS if name != path[0])


def choose_nearest(asked: Asked) -> Mend | None:
    """Set an effort or a verbosity to the nearest that the error says there is; of two the lower."""
    told = choice(asked.refusal) if asked.refusal else None
    if told is None:
        return None
    names = (told.name,) if told.name is not None else _EFFORT_OF.get(asked.api, ())
    for name in names:
        path = _own(name)
        old = lookup(asked.body, path) if path else MISSING
        scale = _SCALES.get(path[-1]) if path else None
        if scale is None or path[0] not in MENDABLE.get(asked.api, frozenset()) or old not in scale:
            continue
        there = [word for word in scale if word in told.allowed]
        if old in there or not (there or _DEFAULT in told.allowed):
            continue
        place = scale.index(str(old))
        new = (
            _DEFAULT
            if there in ([], ["none"])
            else min(there, key=lambda word: (abs(scale.index(word) - place), scale.index(word)))
        )
        after = assigned(asked.body, path, new)
        if after is None:
            continue
        dotted = ".".join(path)
        return Mend(after, (change_of(dotted, "set", old, new),), Lesson({dotted: old}, {dotted: new}))
    return None


_CONFLICT: Final = whole(
    r"['\"`]?(?P<one>\w+)['\"`]? and ['\"`]?(?P<two>\w+)['\"`]? cannot both be (?:specified|set|used|provided)"
    r"(?: for this model)?(?:\.\s*Please use only one)?",
    r"Setting ['\"`](?P<one>\w+)['\"`] and ['\"`](?P<two>\w+)['\"`] at the same time is not supported",
    r"(?:Only one of|You can(?:not|'t) set both) ['\"`]?(?P<one>\w+)['\"`]? (?:and|or) ['\"`]?(?P<two>\w+)['\"`]?"
    r"(?: can be (?:specified|set|used))?",
)
_GIVES_WAY: Final = ("top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty")


def is_sampler_conflict(refusal: Refusal) -> bool:
    """Whether the error says that two fields exclude each other."""
    return is_request_fault(refusal) and said(refusal, _CONFLICT) is not None


def drop_second_sampler(asked: Asked) -> Mend | None:
    """Of two fields that exclude each other, take out `top_p`, or else the one that says less."""
    found = said(asked.refusal, _CONFLICT) if asked.refusal else None
    if found is None:
        return None
    pair = (found["one"], found["two"])
    field = next((field for field in _GIVES_WAY if field in pair), None)
    if field is None or field not in MENDABLE.get(asked.api, frozenset()):
        return None
    if any(lookup(asked.body, (one,)) is MISSING for one in pair):
        return None
    (other,) = set(pair) - {field}
    old = lookup(asked.body, (field,))
    lesson = Lesson({field: {"exists": True}, other: {"exists": True}}, {field: {"$delete": True}})
    return Mend(removed(asked.body, (field,)), (change_of(field, "delete", old, MISSING),), lesson)


_THINKING: Final = whole(
    r"(?:thinking\.(?:enabled\.)?)?budget_tokens: Input should be greater than or equal to (?P<least>\d+)",
    r"[`'\"]?max_tokens[`'\"]? must be greater than [`'\"]?thinking\.budget_tokens[`'\"]?",
    r"[`'\"]?(?P<name>temperature|top_k|top_p)[`'\"]? (?:may only be set to 1|must be (?:unset|1)"
    r"|must be greater than or equal to [\d.]+ or unset) when thinking is enabled(?: or in adaptive mode)?",
)
_LEAST_BUDGET: Final = 1024
_ROOM: Final = 1024


def is_thinking_fault(refusal: Refusal) -> bool:
    """Whether the error is about a limit or a sampler that thinking does not go with."""
    return is_request_fault(refusal) and said(refusal, _THINKING) is not None


def fit_thinking(asked: Asked) -> Mend | None:
    """With thinking on: a budget of at least 1,024 tokens, room beyond it, and no sampler beside it.

    Source: Anthropic API reference, extended thinking.
    """
    body: Mapping[str, object] = asked.body
    budget = lookup(body, ("thinking", "budget_tokens"))
    if asked.api != "messages" or lookup(body, ("thinking", "type")) not in ("enabled", "adaptive"):
        return None
    changes: list[Change] = []

    def put(path: tuple[str, ...], value: object) -> None:
        nonlocal body
        changes.append(change_of(".".join(path), "set", lookup(body, path), value))
        body = assigned(body, path, value) or body

    if isinstance(budget, int) and budget < _LEAST_BUDGET:
        put(("thinking", "budget_tokens"), _LEAST_BUDGET)
        budget = _LEAST_BUDGET
    limit = body.get("max_tokens")
    if isinstance(budget, int) and isinstance(limit, int) and limit <= budget:
        put(("max_tokens",), budget + _ROOM)
    for field, fits in (("temperature", _is_one), ("top_k", _never), ("top_p", _is_high)):
        old = lookup(body, (field,))
        if old is not MISSING and not fits(old):
            changes.append(change_of(field, "delete", old, MISSING))
            body = removed(body, (field,))
    if not changes:
        return None
    return Mend(body, tuple(changes), Lesson({"thinking": {"exists": True}}, {"$rewrite": "fit_thinking"}))


def _is_one(value: object) -> bool:
    return value == 1


def _never(_value: object) -> bool:
    return False


def _is_high(value: Any) -> bool:
    return is_number(value) and 0.95 <= value <= 1  # noqa: PLR2004 - what the reference allows


_CONTEXT: Final = whole(
    # OpenAI, and vLLM, DeepSeek and others after it; the second as for completions
    r"This model's maximum context length is (?P<limit>\d+) tokens\.\s*However,? you requested (?:about )?\d+ tokens "
    r"\((?P<prompt>\d+) in the messages,? (?:(?P<more>\d+) in the functions,? )?(?:and )?(?P<answer>\d+) in the completion\)"
    r"(?:\.\s*Please reduce the length of the messages(?:, functions,)? or (?:the )?completion)?",
    r"This model's maximum context length is (?P<limit>\d+) tokens,? however,? you requested (?:about )?\d+ tokens "
    r"\((?P<prompt>\d+) in your prompt[;,] (?P<answer>\d+) for the completion\)",
    r"This model's maximum context length is (?P<limit>\d+) tokens,? (?:and|but) (?:you requested|your request has) "
    r"(?P<prompt>\d+) (?:input|prompt) tokens.*",
    r"[`'\"]?max_tokens[`'\"]? (?:and|or) [`'\"]?max_completion_tokens[`'\"]? is too large: (?P<answer>\d+)\.\s*"
    r"This model's maximum context length is (?P<limit>\d+) tokens and your request has (?P<prompt>\d+) input tokens.*",
    # Anthropic
    r"input length and [`'\"]?max_tokens[`'\"]? exceed context limit: (?P<prompt>\d+) \+ (?P<answer>\d+) > (?P<limit>\d+)"
    r"(?:,? decrease input length or [`'\"]?max_tokens[`'\"]? and try again)?",
    # OpenRouter, SGLang, Text Generation Inference
    r"This endpoint's maximum context length is (?P<limit>\d+) tokens\.\s*However,? you requested (?:about )?\d+ tokens "
    r"\((?P<prompt>\d+) of text input,? (?:(?P<more>\d+) of tool input,? )?(?:and )?(?P<answer>\d+) in the output\).*",
    r"Requested token count exceeds the model's maximum context length of (?P<limit>\d+) tokens\.\s*You requested a total of \d+ "
    r"tokens: (?P<prompt>\d+) tokens from the input messages and (?P<answer>\d+) tokens for the completion",
    r"Input validation error: [`'\"]?inputs[`'\"]? tokens \+ [`'\"]?max_new_tokens[`'\"]? must be <= (?P<limit>\d+)\.\s*"
    r"Given: (?P<prompt>\d+) [`'\"]?inputs[`'\"]? tokens and (?P<answer>\d+) [`'\"]?max_new_tokens[`'\"]?",
)
_LIMITS_OF_ANSWERS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "invalid_request_error", "bad_request", "invalid_value"})
_LEAST_ANSWER: Final = 256
_SHARE_OF_PROMPT: Final = 8
"""Where more is asked for than the model has room for at all, one part of so many is left to the prompt."""


def is_context_overflow(refusal: Refusal) -> bool:
    """Whether the error says how many tokens the prompt has and how many there is room for."""
    return is_request_fault(refusal, _CONTEXT_CODES) and said(refusal, _CONTEXT) is not None


def clamp_to_context(asked: Asked) -> Mend | None:
    """Ask for no more tokens than the prompt leaves room for, where that is enough for an answer."""
    found = said(asked.refusal, _CONTEXT) if asked.refusal else None
    if found is None:
        return None
    more = found.groupdict().get("more") or 0
    limit = int(found["limit"])
    room = limit - int(found["prompt"]) - int(more) - _RESERVE
    if room < _LEAST_ANSWER:
        return None
    body: Mapping[str, object] = asked.body
    changes: list[Change] = []
    lesson: Lesson | None = None
    for field in _LIMITS_OF_ANSWERS:
        old = body.get(field)
        if field in MENDABLE.get(asked.api, frozenset()) and is_number(old) and isinstance(old, int) and old > room:
            changes.append(change_of(field, "set", old, room))
            body = assigned(body, (field,), room) or body
            most = limit - limit // _SHARE_OF_PROMPT
            if old >= limit and room >= most:
                # Whoever asks for all there is leaves no room for a prompt, whatever its length.
                lesson = Lesson({field: {">=": limit}}, {field: most})
    return Mend(body, tuple(changes), lesson) if changes else None


_NO_CALL: Final = whole(r"Tool choice is required, but model did not call a tool")
_NO_CALL_CODES: Final = frozenset({"tool_use_failed"})


def is_no_call(refusal: Refusal) -> bool:
    """Whether the model was told to call a tool and did not, so that the provider answered with an error."""
    return is_request_fault(refusal, _NO_CALL_CODES) and said(refusal, _NO_CALL) is not None


def free_tool_choice(asked: Asked) -> Mend | None:
    """Let the model choose whether it calls a tool."""
    old = asked.body.get("tool_choice", MISSING)
    if old is MISSING or old in ("auto", "none"):
        return None
    after = {**asked.body, "tool_choice": "auto"}
    # No lesson: the program demands a call, and the next answer may well have one.
    return Mend(after, (change_of("tool_choice", "set", old, "auto"),))


def _own(name: str) -> tuple[str, ...]:
    """The path of the field `name` in this API's body."""
    path = path_of(re.sub(r"^(?:body|request)\.", "", name)) if name else None
    return path or ()
