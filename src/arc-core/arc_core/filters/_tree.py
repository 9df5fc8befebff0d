"""What a filter says, as a tree."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

TEXT_FIELDS: Final = {
    "service": "name of the service",
    "agent": "name of the agent",
    "model": "name of the model that answered",
    "provider": "who served the model",
    "operation": "`gen_ai.operation.name`",
    "tool": "name of the tool",
    "name": "name of the span; in a list of traces, of the root",
    "kind": "`job`, `run`, `tool`, `action`, `llm` or `other`",
    "status": "`ok`, `error`, `interrupted`, `cancelled`; traces may also be `running`",
    "message": "what the status says",
    "fix": "id of a fix that was applied or tried",
    "failure": "`arc.failure.type`",
    "error": "`error.type`",
    "fingerprint": "what failures of one sort have in common",
    "session": "`gen_ai.conversation.id`",
    "user": "`user.id`",
    "workflow": "`gen_ai.workflow.name`",
    "environment": "`deployment.environment.name`",
    "version": "`service.version`",
    "scope": "the instrumentation that made the span",
    "invocation": "`arc.invocation.id`, one `arc run`",
    "trace": "id of the trace, 32 hex digits",
    "span": "id of the span, 16 hex digits",
}
"""Fields that hold text, and what they are."""

CHOICES: Final = {
    "kind": ("job", "run", "tool", "action", "llm", "other"),
    "status": ("ok", "error", "interrupted", "cancelled", "running"),
}
"""Fields that hold one of a few words."""

NUMBER_FIELDS: Final = {
    "duration": "how long it took: `500ms`, `2s`, `1m`",
    "cost": "US dollars; of a trace, of all its model calls",
    "tokens": "input and output tokens of model calls; of a trace, of all of them",
    "input_tokens": "tokens sent",
    "output_tokens": "tokens received",
    "attempt": "`arc.run.attempt`",
}
"""Fields that hold a number, and what they are."""

FIELDS: Final = {
    **TEXT_FIELDS,
    **NUMBER_FIELDS,
    "since": "it began then or later: `2026-11-21T09:30:00Z`, or so long ago: `24h`",
    "until": "it began before",
    "attributes.KEY": "any attribute of a span, as text or number",
    "resource.KEY": "any attribute of the process that sent it",
}
"""Every field, and what it is."""

Comparison = Literal["=", "<", "<=", ">", ">="]


class Attribute(msgspec.Struct, frozen=True, tag="attribute"):
    """Any attribute, in place of a field."""

    of: Literal["attributes", "resource"]
    """Of the span, or of the process that sent it."""
    key: str


class Match(msgspec.Struct, frozen=True, tag="match"):
    """A text is one of several."""

    field: str | Attribute
    way: Literal["is", "like", "contains"]
    """The very text; in any case, `*` standing for any characters; anywhere inside, in any case."""
    values: tuple[str, ...]
    """One of these will do. `like` with `*` alone: it is there."""


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """A number is greater, less or equal."""

    field: str | Attribute
    operator: Comparison
    number: float
    """Durations in seconds."""


class When(msgspec.Struct, frozen=True, tag="when"):
    """It began at a moment or after it, or before it."""

    edge: Literal["since", "until"]
    at_ns: int | None
    """Since 1970; None when the moment is so long ago as `ago_ns` says."""
    ago_ns: int = 0


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Its name, status message or one of its messages has these words, in any case and order."""

    text: str


class Not(msgspec.Struct, frozen=True, tag="not"):
    """The part does not hold."""

    part: "Filter"


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of two or more parts hold, or of none: everything."""

    parts: "tuple[Filter, ...]"


class Or(msgspec.Struct, frozen=True, tag="or"):
    """One of two or more parts holds."""

    parts: "tuple[Filter, ...]"


Filter = Match | Compare | When | Text | Not | And | Or


def all_of(parts: Iterable[Filter]) -> Filter:
    """The filter that holds where all `parts` do."""
    flat: list[Filter] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, And) else (part,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(parts: Iterable[Filter]) -> Filter:
    """The filter that holds where one of `parts`, at least one, does."""
    flat: list[Filter] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Or) else (part,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
