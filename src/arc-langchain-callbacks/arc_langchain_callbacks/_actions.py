"""What a graph stops for, and how the job that goes on finds it: maybe in another process, maybe days later.

When a graph stops, a note is saved with the checkpoint it stopped at: the ids of the job's span and of the actions'
spans, and the time. Who resumes from that checkpoint reads it there (docs/adr/0011).
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from arc_runtime.instrumentation import ArcInstrumentor
from arc_runtime.spans import complete, current, interrupted
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind, LinkKind
from opentelemetry.trace import Span, SpanContext, TraceFlags
from opentelemetry.util.types import AttributeValue

from arc_langchain_callbacks._handoffs import MOST_LINKS
from arc_langchain_callbacks._run import Action, Giver, Graph, Run

__all__ = ["NOTE", "Note", "answered", "end", "note_of", "open_breakpoint", "open_for", "resumed"]

NOTE: Final = "__arc__"
"""The channel under which a note is saved: no graph has it, so nobody else reads it."""
_DECISIONS: Final = {"approve": "approved", "reject": "rejected", "edit": "edited", "respond": "answered"}


class _Question(NamedTuple):
    id: str
    type: str
    value: object
    """Content."""


class Asked(msgspec.Struct, frozen=True):
    """One action, as the note has it."""

    id: str
    type: str
    span: str
    """16 hex digits."""


class Handed(msgspec.Struct, frozen=True):
    """Who passed control on to a node that had no turn before the graph stopped, as the note has it."""

    to: str
    giver: str
    span: str
    """16 hex digits."""
    keys: tuple[str, ...]


class Note(msgspec.Struct, frozen=True):
    """What is saved with a checkpoint at which a graph stopped."""

    trace: str
    """32 hex digits."""
    job: str
    """Span id of the graph that stopped, 16 hex digits."""
    asked_ns: int
    """When it stopped, in nanoseconds since the epoch."""
    actions: tuple[Asked, ...]
    handed: tuple[Handed, ...] = ()


def open_for(root: Graph, interrupts: Iterable[Any], span: Span, writer: ArcInstrumentor) -> None:
    """An action span below `span` for each of `interrupts` that has none yet: they pass each run on their way up."""
    for one in interrupts:
        action_id = str(getattr(one, "id", None) or getattr(one, "interrupt_id", ""))
        value = getattr(one, "value", None)
        _open(root, _Question(action_id, _type_of(value), value), span, writer)


def open_breakpoint(root: Graph, before: Iterable[str], span: Span, writer: ArcInstrumentor) -> None:
    """An action span below `span`, that of a graph which stopped where it was told to, next to the nodes `before`."""
    _open(root, _Question(root.checkpoint_id or "", "breakpoint", {"next": list(before)}), span, writer)


def _open(root: Graph, question: "_Question", span: Span, writer: ArcInstrumentor) -> None:
    if question.id in root.actions:
        return
    attributes: dict[str, AttributeValue] = {semconv.ACTION_ID: question.id, semconv.ACTION_TYPE: question.type}
    opened = writer.pen.spans.open(Kind.ACTION, question.type, attributes, parent=current(span, of_job=True))
    root.actions[question.id] = Action(question.type, opened)
    interrupted(opened)
    recorder = writer.pen.recorder
    if recorder.on_spans and opened.is_recording():
        held = recorder.hold(question.value)
        complete(opened, lambda: {semconv.ACTION_QUESTION: recorder.text(held)})


def end(graph: Graph) -> None:
    """The graph has stopped: whoever answers does so from now on."""
    for action in graph.actions.values():
        action.span.end()
    graph.actions.clear()


def note_of(run: Run) -> Note | None:
    """What to save with the checkpoint at which the graph `run` stopped; None when nobody records it."""
    if run.span is None or run.graph is None or not run.span.is_recording():
        return None
    job = run.span.get_span_context()
    asked = tuple(
        Asked(action_id, action.type, f"{action.span.get_span_context().span_id:016x}")
        for action_id, action in run.graph.actions.items()
    )
    handed = tuple(
        Handed(node, giver.name, f"{giver.span.span_id:016x}", giver.keys)
        for node, givers in run.graph.arriving.items()
        for giver in givers[:MOST_LINKS]
        if giver.span.trace_id == job.trace_id
    )
    return Note(f"{job.trace_id:032x}", f"{job.span_id:016x}", time.time_ns(), asked, handed)


def resumed(run: Run, notes: Iterable[str], answer: object) -> None:
    """The graph `run` goes on from a checkpoint that has these notes, with `answer` (None where nobody answered)."""
    read = [msgspec.json.decode(note, type=Note) for note in notes]
    if run.span is None or not read:
        return
    note = max(read, key=lambda one: one.asked_ns)  # a node that asks twice stops twice at one checkpoint
    span = run.span
    span.add_link(_context(note, note.job), {semconv.LINK: LinkKind.RESUMES.value})
    waited = max(0.0, (time.time_ns() - note.asked_ns) / 1e9)
    if (graph := run.graph) is not None:
        for one in note.handed:
            graph.arriving.setdefault(one.to, []).append(Giver(one.giver, _context(note, one.span), one.keys, {}))
    given = answered(note.actions, answer)
    for asked in note.actions:
        if asked.id not in given:
            continue
        said: dict[str, AttributeValue] = {
            semconv.ACTION_ID: asked.id,
            semconv.ACTION_TYPE: asked.type,
            semconv.ACTION_OUTCOME: _outcome_of(asked.type, given[asked.id]),
            semconv.ACTION_WAIT_SECONDS: waited,
        }
        span.add_link(_context(note, asked.span), {semconv.LINK: LinkKind.ANSWERS.value, **said})
        if asked.id == next(iter(given)):  # the job names one; of several, the links name each
            span.set_attributes(said)
    if run.writer is not None and given and answer is not None and run.writer.pen.recorder.on_spans:
        run.late[semconv.ACTION_ANSWER] = run.writer.pen.recorder.hold(answer)


def answered(asked: Iterable[Asked], answer: object) -> dict[str, object]:
    """The answer to each action that got one, by id: all of it to the only one, or by id to several."""
    open_ones = {one.id: one for one in asked}
    if isinstance(answer, Mapping) and answer and all(key in open_ones for key in answer):
        return dict(answer)
    if answer is None:
        return dict.fromkeys(name for name, one in open_ones.items() if one.type == "breakpoint")
    return dict.fromkeys(list(open_ones)[:1], answer)


def _context(note: Note, span: str) -> SpanContext:
    return SpanContext(int(note.trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _type_of(value: object) -> str:
    """What is asked for: an approval, as LangChain's middleware asks for it, or anything else."""
    return "approval" if isinstance(value, Mapping) and "action_requests" in value else "interrupt"


def _outcome_of(kind: str, answer: object) -> str:
    if kind == "breakpoint":
        return "continued"
    decisions = answer.get("decisions") if isinstance(answer, Mapping) else None
    if kind != "approval" or not isinstance(decisions, list):
        return "answered"
    said = {_DECISIONS.get(str(one.get("type")), "answered") for one in decisions if isinstance(one, Mapping)}
    return said.pop() if len(said) == 1 else "mixed"
