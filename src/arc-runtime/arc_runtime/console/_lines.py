"""A summary as lines: the text of `[RUNTIME]` lines, and JSON."""

from collections.abc import Iterator

import msgspec

from arc_runtime.console._summary import Step, Summary
from arc_runtime.redaction import redact

__all__ = ["LiveText", "as_json", "as_text", "short"]

_SHORT = 8
"""Characters of a request id that tell requests apart to the eye."""


def short(request_id: str) -> str:
    """The first characters of `request_id`, as the lines about what goes on have it."""
    return request_id[:_SHORT]


def as_text(summary: Summary) -> str:
    """The summary as lines of text, each ended by a newline, the text of errors redacted."""
    return "".join(f"[RUNTIME] {line}\n" for line in _lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    yield "=== Request Summary ==="
    yield f"Request ID: {summary.request_id}"
    yield f"Entrypoint: {summary.entrypoint}"
    yield f"Status: {summary.status}"
    if summary.error:
        yield f"Error: {_one_line(summary.error)}"
    yield f"Duration: {summary.duration_ms:.1f}ms"
    yield f"Node Executions: {len(summary.steps) + summary.dropped_steps}"
    if summary.steps:
        yield "=== Node Details ==="
    for number, step in enumerate(summary.steps, 1):
        yield f"{number:2}. [{step.framework}] {step.name} - {_ended(step)}"
    if summary.dropped_steps:
        yield f"    and {summary.dropped_steps} more"
    yield "=== End Summary ==="


def _ended(step: Step) -> str:
    why = f": {_one_line(step.error)}" if step.error else ""
    return f"{step.status.upper()} ({step.duration_ms:.1f}ms){why}"


def _one_line(text: str) -> str:
    return redact(" ".join(text.split()))


def as_json(summary: Summary) -> str:
    """The summary as one line of JSON with `"event": "summary"`, ended by a newline, the text of errors redacted."""
    told = msgspec.to_builtins(summary)
    for one in (told, *told["steps"]):
        if one["error"]:
            one["error"] = _one_line(one["error"])
    return msgspec.json.encode({"event": "summary", **told}).decode() + "\n"


class LiveText:
    """The lines of text about what goes on, as it does."""

    @staticmethod
    def started(request_id: str, entrypoint: str) -> str:
        """A request began."""
        return f"[RUNTIME] Started request {short(request_id)} for entrypoint: {entrypoint}\n"

    @staticmethod
    def node_started(request_id: str, step: Step) -> str:
        """A node of it began."""
        about = f"{step.framework} node: {step.name} (id: {step.node_id})"
        return f"[RUNTIME] Request {short(request_id)} | Started {about}\n"

    @staticmethod
    def node_ended(request_id: str, step: Step) -> str:
        """A node of it ended."""
        why = f": {_one_line(step.error)}" if step.error else ""
        about = f"{step.framework} node: {step.name} ({step.duration_ms:.1f}ms){why}"
        return f"[RUNTIME] Request {short(request_id)} | {step.status.upper()} {about}\n"

    @staticmethod
    def ended(summary: Summary) -> str:
        """It ended."""
        why = f": {_one_line(summary.error)}" if summary.error else ""
        what = f"request {short(summary.request_id)} ({summary.duration_ms:.1f}ms){why}"
        return f"[RUNTIME] {summary.status.upper()} {what}\n"
