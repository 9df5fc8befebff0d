"""A summary as lines: the text of `[RUNTIME]` lines, and JSON. Whatever a program can have put into it is cleaned."""

from collections.abc import Iterator

import msgspec

from arc_runtime.console._summary import Step, Summary
from arc_runtime.redaction import redact

__all__ = ["LiveText", "as_json", "as_text", "clean", "short", "step_as_dict"]

_SHORT = 8
"""Characters of a request id that tell requests apart to the eye."""


def short(request_id: str) -> str:
    """The first characters of `request_id`, as the lines about what goes on have it."""
    return request_id[:_SHORT]


def as_text(summary: Summary) -> str:
    """The summary as lines of text, each ended by a newline; names and errors are redacted."""
    return "".join(f"[RUNTIME] {line}\n" for line in _lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    yield "=== Request Summary ==="
    yield f"Request ID: {summary.request_id}"
    yield f"Entrypoint: {clean(summary.entrypoint)}"
    yield f"Status: {summary.status}"
    if summary.error:
        yield f"Error: {clean(summary.error)}"
    yield f"Duration: {summary.duration_ms:.1f}ms"
    yield f"Node Executions: {len(summary.steps) + summary.dropped_steps}"
    if summary.steps:
        yield "=== Node Details ==="
    for number, step in enumerate(summary.steps, 1):
        yield f"{number:2}. [{clean(step.framework)}] {clean(step.name)} - {_ended(step)}"
    if summary.dropped_steps:
        yield f"    and {summary.dropped_steps} more"
    yield "=== End Summary ==="


def _ended(step: Step) -> str:
    why = f": {clean(step.error)}" if step.error else ""
    return f"{step.status.upper()} ({step.duration_ms:.1f}ms){why}"


def clean(text: str) -> str:
    """`text` redacted, in one line, and without what a terminal would act on."""
    line = redact(" ".join(text.split()))
    return line if line.isprintable() else "".join(one if one.isprintable() else "?" for one in line)


def as_json(summary: Summary) -> str:
    """The summary as one line of JSON with `"event": "summary"`, ended by a newline; names and errors are redacted."""
    told = {**msgspec.to_builtins(summary), "steps": [step_as_dict(one) for one in summary.steps]}
    _clean(told, "entrypoint", "error")
    return msgspec.json.encode({"event": "summary", **told}).decode() + "\n"


def step_as_dict(step: Step) -> dict[str, object]:
    """The step as JSON has it; names and errors are redacted."""
    told: dict[str, object] = msgspec.to_builtins(step)
    _clean(told, "name", "node_id", "framework", "error")
    return told


def _clean(told: dict[str, object], *names: str) -> None:
    for name in names:
        if isinstance(value := told[name], str):
            told[name] = clean(value)


class LiveText:
    """The lines of text about what goes on, as it does."""

    @staticmethod
    def started(request_id: str, entrypoint: str) -> str:
        """A request began."""
        return f"[RUNTIME] Started request {short(request_id)} for entrypoint: {clean(entrypoint)}\n"

    @staticmethod
    def node_started(request_id: str, step: Step) -> str:
        """A node of it began."""
        about = f"{clean(step.framework)} node: {clean(step.name)} (id: {clean(step.node_id)})"
        return f"[RUNTIME] Request {short(request_id)} | Started {about}\n"

    @staticmethod
    def node_ended(request_id: str, step: Step) -> str:
        """A node of it ended."""
        why = f": {clean(step.error)}" if step.error else ""
        about = f"{clean(step.framework)} node: {clean(step.name)} ({step.duration_ms:.1f}ms){why}"
        return f"[RUNTIME] Request {short(request_id)} | {step.status.upper()} {about}\n"

    @staticmethod
    def ended(summary: Summary) -> str:
        """It ended."""
        why = f": {clean(summary.error)}" if summary.error else ""
        what = f"request {short(summary.request_id)} ({summary.duration_ms:.1f}ms){why}"
        return f"[RUNTIME] {summary.status.upper()} {what}\n"
