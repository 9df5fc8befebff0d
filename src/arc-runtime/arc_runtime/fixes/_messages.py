"""Reading the messages of providers' errors: which field they are about, and what they allow.

Providers quote what they were sent, and gateways quote providers: a form is only recognised as the whole message, but
for a pointer to the documentation at its end. Code, parameter and type of the error must not say otherwise.

Source: llm_api_failures (41 kinds, November 2026), and the API references of the providers named beside each form.
"""

import re
from typing import Final, NamedTuple

from arc_runtime.fixes._fields import ANY_API
from arc_runtime.fixes._refusal import NOT_PROCESSED, Refusal

__all__ = ["Choice", "Limits", "Refused", "choice", "is_request_fault", "limits", "refused", "said", "whole"]

_CODES: Final = frozenset(
    {
        "array_above_max_length", "bad_request", "badrequest", "decimal_above_max_value", "decimal_below_min_value",
        "extra_forbidden", "greater_than_equal", "integer_above_max_value", "integer_below_min_value",
        "invalid_argument", "invalid_parameter", "invalid_parameter_error", "invalid_parameter_value",
        "invalid_request", "invalid_request_error", "invalid_type", "invalid_value", "less_than_equal",
        "literal_error", "none", "parameter_not_supported", "string_above_max_length", "unknown_parameter", "unsupported_parameter",
        "unsupported_value", "validation_error",
    }
)  # fmt: skip
"""Codes of errors that are about one field of the request. Source: OpenAI, Azure, pydantic, Qwen."""
_KINDS: Final = re.compile(
    r"none|(?:invalid|bad)[ _]?(?:request|argument|parameter|value)(?:[ _]?error)?|unsupported_\w+"
    r"|validation(?:_error)?|(?:model_)?not_?found(?:_?error)?|tokens|requests|invalid_(?:model|request)\w*"
    r"|exceed_context_size_error",
    re.IGNORECASE,
)
_POINTER: Final = r"(?:\.?\s*(?:Please|Visit|See|For|To learn|Learn|Read|Refer|Check|Try|Docs?|https?:)\b(?:[^'\"`]|(?<=\w)'(?=\w))*)?\.?\s*"
_QUOTES: Final = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
_NAME: Final = r"['\"`]?(?P<name>[A-Za-z_][\w.\[\]-]*?)['\"`]?"
_NUMBER: Final = r"['\"`]?(?P<{}>-?\d+(?:\.\d+)?)['\"`]?"
_WITH: Final = r"(?:\s+(?:with|for|by|on|in|when using)\s+(?:this|the|that)?\s*[\w`'\". :/-]{0,80}?)?"


def whole(*forms: str) -> tuple[re.Pattern[str], ...]:
    """`forms` compiled to match a whole message, but for a pointer at its end."""
    return tuple(re.compile(form + _POINTER, re.IGNORECASE | re.DOTALL) for form in forms)


def said(refusal: Refusal, forms: tuple[re.Pattern[str], ...]) -> re.Match[str] | None:
    """The match of the first of `forms` that is the whole message."""
    text = refusal.message.translate(_QUOTES).strip().removeprefix("* ")
    for form in forms:
        if found := form.fullmatch(text):
            return found
    return None


def is_request_fault(refusal: Refusal, codes: frozenset[str] = _CODES) -> bool:
    """Whether status, code and type allow that the fault is in the request; they may say nothing."""
    code, kind = refusal.code, refusal.kind
    return (
        refusal.status in NOT_PROCESSED
        and (code is None or code.isdecimal() or code.lower() in codes)
        and (kind is None or _KINDS.fullmatch(kind) is not None or kind.lower() in codes)
    )


class Refused(NamedTuple):
    """Fields that the model does not take."""

    names: tuple[str, ...]
    instead: str | None = None
    """The field that does the same."""
    default: float | None = None
    """The only value that it takes, which need not be sent."""


_REFUSED: Final = whole(
    # OpenAI, Azure
    rf"Unsupported parameter: {_NAME} is not supported{_WITH}\.?(?:\s*Use ['\"`](?P<instead>[\w.]+)['\"`] instead)?",
    rf"Unsupported parameter: {_NAME}\.\s*In the Responses API, this parameter has moved to ['\"`](?P<instead>[\w.]+)['\"`]",
    rf"Unsupported (?:parameter|argument)(?:\(s\))?: {_NAME}",
    rf"Unsupported value: {_NAME} does not support .{{1,80}} with this model\.\s*"
    r"Only the default \((?P<default>-?[\d.]+)\) value is supported",
    rf"(?:Unknown|Unexpected) (?:parameter|argument|field): {_NAME}",
    r"Unrecognized request arguments? supplied: (?P<names>[\w.]+(?:, [\w.]+)*)",
    r"You are not allowed to request (?P<name>logprobs) from this model",
    r"This model has beta-limitations,? (?P<names>temperature, top_p and n) are fixed at 1, while "
    r"(?P<more>presence_penalty and frequency_penalty) are fixed at 0",
    rf"Invalid parameter: {_NAME} is not supported{_WITH}",
    # Groq, xAI, DeepSeek, Mistral, vLLM
    rf"property {_NAME} is unsupported(?:, did you mean ['\"`][\w.]+['\"`]\??)?",
    rf"Argument not supported on this model: {_NAME}",
    rf"(?:The )?model [\w./:`'\"-]+ does not support (?:the )?(?:parameter )?{_NAME}(?: parameter)?",
    r"This model does not support (?:the )?(?:parameter )?['\"`](?P<name>[\w.]+)['\"`](?: parameter)?",
    r"This model does not support (?:the )?(?P<name>[a-z][a-z_.]*) parameter",
    rf"Invalid (?:value for )?{_NAME}: (?:this model only supports the default(?: value)?|only) \(?(?P<default>-?[\d.]*\d)\)?"
    r"(?: is allowed for this model)?",
    rf"(?:The )?(?:parameter )?['\"`](?P<name>[\w.]+)['\"`](?: parameter)? is (?:not supported|unsupported|deprecated){_WITH}"
    r"(?:[.,;]\s*(?:please )?use ['\"`](?P<instead>[\w.]+)['\"`](?: instead)?)?",
    rf"(?P<name>[a-z][a-z_]*(?:\.[a-z_]+)*) (?:is|are) (?:not supported|unsupported){_WITH}",
    # Gemini, Bedrock, Fireworks, LiteLLM
    rf"Invalid JSON payload received\. Unknown name {_NAME}(?: at ['\"][\w.\[\]]*['\"])?: Cannot find field",
    r"(?:Malformed input request: )?#: extraneous key \[(?P<name>\w+)\] is not permitted(?:, please reformat your input and "
    r"try again)?",
    rf"(?:\d+ request validation errors?: )?Extra inputs are not permitted, field: {_NAME}(?:, value: .{{1,80}})?",
    r"[\w./-]+ does(?: not|n't) support parameters: (?P<names>[\[{][^\]}]*[\]}]), for model=\S+\. To drop these.*",
    # Anthropic, pydantic
    rf"{_NAME}: Extra inputs are not permitted",
    rf"{_NAME} (?:must be unset|may only be (?:set to|equal to) 1|must be 1) when thinking is enabled(?: or in adaptive mode)?",
)  # fmt: skip


def refused(refusal: Refusal) -> Refused | None:
    """The field that this error says the model does not take at all, or not with another value than its default."""
    if not is_request_fault(refusal) or (found := said(refusal, _REFUSED)) is None:
        return None
    parts = found.groupdict()
    default = parts.get("default")
    if several := parts.get("names"):
        words = re.findall(r"[a-z]\w*(?:\.\w+)*", f"{several} {parts.get('more') or ''}")
        return Refused(tuple(word for word in words if word.partition(".")[0] in ANY_API))
    name = _path(parts["name"])
    if not _agrees(refusal, name):
        return None
    return Refused((name,), _path(parts.get("instead") or "") or None, float(default) if default else None)


class Limits(NamedTuple):
    """What a number may be."""

    name: str
    low: float | None
    high: float | None


_LIMITS: Final = whole(
    # OpenAI, Azure
    rf"Invalid {_NAME}: (?:decimal|integer|number|float) (?:below minimum|above maximum) value\.\s*"
    rf"Expected a value (?P<sign>>=|<=) {_NUMBER.format('edge')}, but got .{{1,40}} instead",
    rf"-?[\d.]+ is (?P<sign>less|greater) than the (?:minimum|maximum) of {_NUMBER.format('edge')} - {_NAME}",
    rf"{_NAME} is too large: \d+\.\s*This model supports at most {_NUMBER.format('high')} (?:completion |output )?tokens"
    r"(?:, whereas you provided \d+)?",
    # Anthropic, pydantic
    rf"{_NAME}: \d+ > {_NUMBER.format('high')}, which is the maximum allowed number of output tokens for [\w.:@/-]+",
    rf"{_NAME}: Input should be (?P<sign>greater|less) than or equal to {_NUMBER.format('edge')}",
    rf"{_NAME}: range: {_NUMBER.format('low')}\.\.{_NUMBER.format('high')}",
    # Groq, DeepSeek, Qwen, vLLM, Mistral
    rf"{_NAME} must be (?P<sign>less|greater) than or equal to {_NUMBER.format('edge')}(?:, the maximum value for [^.]{{1,120}})?",
    rf"{_NAME} must be (?P<sign>at most|at least|no more than|>=|<=) {_NUMBER.format('edge')}(?:,? (?:but )?got .{{1,40}})?",
    rf"Invalid {_NAME} value, the valid range of [\w`'\"]+ is [\[(]{_NUMBER.format('low')}, ?{_NUMBER.format('high')}\]",
    rf"(?:Range of )?{_NAME} (?:should|must) be (?:in (?:the range )?)?[\[]{_NUMBER.format('low')}, ?{_NUMBER.format('high')}\]"
    r"(?:,? (?:but )?got .{1,40})?",
    rf"{_NAME} must be in (?:the range )?[\[(]{_NUMBER.format('low')}, ?{_NUMBER.format('high')}[\])](?:,? (?:but )?got .{{1,40}})?",
    rf"{_NAME} ?: (?:number|value) must be (?P<sign>at most|at least) {_NUMBER.format('edge')}",
    # Vertex, Bedrock
    rf"Unable to submit request because it has an? {_NAME} value of -?[\d.]+ but the supported range is from "
    rf"{_NUMBER.format('low')} \(inclusive\) to {_NUMBER.format('high')} \((?P<end>inclusive|exclusive)\)\.\s*Update the value and "
    r"try again",
    rf"(?:Malformed input request: )?#/{_NAME}: -?[\d.]+ is not (?P<sign>less|greater) or equal to {_NUMBER.format('edge')}"
    r"(?:, please reformat your input and try again)?",
    rf"The (?P<name>max)imum tokens you requested exceeds the model limit of {_NUMBER.format('high')}\.\s*Try again with a maximum "
    r"tokens value that is (?P<end>lower) than \d+",
    rf"{_NAME} must be between {_NUMBER.format('low')} and {_NUMBER.format('high')}(?:,? (?:but )?got .{{1,40}})?",
)  # fmt: skip
_UPWARD: Final = frozenset({">=", "greater", "at least"})


def limits(refusal: Refusal) -> Limits | None:
    """The field whose number this error says is too low or too high, and what it may be."""
    if not is_request_fault(refusal) or (found := said(refusal, _LIMITS)) is None:
        return None
    parts = found.groupdict()
    name, low, high = _path(parts["name"]), parts.get("low"), parts.get("high")
    if not _agrees(refusal, name):
        return None
    if edge := parts.get("edge"):
        sign = str(parts["sign"]).lower()
        # "-1 is less than the minimum" is about what was sent, "should be less than" about what may be.
        upward = sign == "less" if found.string[0] in "-0123456789" else sign in _UPWARD
        low, high = (edge, None) if upward else (None, edge)
    highest = _number(high)
    if highest is not None and highest % 1 == 0 and parts.get("end") in ("exclusive", "lower"):
        highest -= 1
    return Limits("max_tokens" if name == "max" else name, _number(low), highest)


class Choice(NamedTuple):
    """What a word may be."""

    name: str | None
    """None where the message does not say; it is an effort."""
    allowed: tuple[str, ...]


_CHOICE: Final = whole(
    rf"Unsupported value: {_NAME} does not support .{{1,80}} with this model\.\s*Supported values are: (?P<allowed>.+?)",
    r"Unsupported value: .{1,80}? is not supported with the .{1,80}? model\.\s*Supported values are: (?P<allowed>.+?)",
    rf"{_NAME} does not support .{{1,80}} with this model\.\s*Supported values are: (?P<allowed>.+?)",
    r"Invalid value: .{1,80}?\.\s*Supported values are: (?P<allowed>.+?)",
    r"This model does not support effort level .{1,80}?\.\s*Supported levels: (?P<allowed>[\w, '\"`]+?)",
    rf"{_NAME} must be one of (?P<allowed>['\"`\w, ]+?)",
    rf"{_NAME}: Input should be (?P<allowed>['\"`][\w'\"`, ]+?)",
)


def choice(refusal: Refusal) -> Choice | None:
    """The field whose word this error does not take, and those that it does."""
    if not is_request_fault(refusal) or (found := said(refusal, _CHOICE)) is None:
        return None
    parts = found.groupdict()
    words = re.findall(r"\w+", parts["allowed"])
    allowed = tuple(word for word in words if word not in ("and", "or"))
    name = _path(parts.get("name") or refusal.param or "") or None
    if name is not None and not _agrees(refusal, name):
        return None
    return Choice(name, allowed)


def _agrees(refusal: Refusal, name: str) -> bool:
    """Whether the error's own parameter, where it has one, is about the field that its message names."""
    return refusal.param is None or _path(refusal.param).partition(".")[0] == name.partition(".")[0]


def _path(name: str) -> str:
    """`messages[0].role` as a path: `messages.0.role`; pydantic names the variant of a union (`thinking.enabled.`)."""
    path = re.sub(r"\[(-?\w+)\]", r".\1", name).strip(".")
    path = re.sub(r"(?<=[a-z])[A-Z]", lambda letter: f"_{letter[0].lower()}", path)  # as Google and xAI name them
    return path.replace("thinking.enabled.", "thinking.").replace("thinking.disabled.", "thinking.")


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    return float(text) if "." in text else int(text)
