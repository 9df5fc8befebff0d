"""The five kinds of span Arc writes (`arc.span.kind`) and how each is named."""

from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What one span stands for; the value of `arc.span.kind`."""

    JOB = "job"
    """One piece of work that someone asked for: a graph invocation, an entrypoint call."""
    RUN = "run"
    """One turn of one agent: a LangGraph node, an agent's loop."""
    TOOL = "tool"
    """One tool execution."""
    ACTION = "action"
    """Something only a person or a policy can decide: an interrupt, an approval."""
    LLM = "llm"
    """One model call on the wire."""

    # That of the enum is a function in Python, and each span looks its kind up.
    __hash__ = str.__hash__


class RunState(StrEnum):
    """How a job or run ended when it neither succeeded nor failed; the value of `arc.run.state`."""

    INTERRUPTED = "interrupted"
    """It waits for a person; another job resumes it. Not an error."""
    CANCELLED = "cancelled"
    """The caller stopped it. Not an error."""


class LinkKind(StrEnum):
    """What a link between two spans stands for; the value of `arc.link` on it."""

    RESUMES = "resumes"
    """From a job to the one that was interrupted and that it goes on with."""
    ANSWERS = "answers"
    """From the job that resumes to the action that was waited for."""
    HANDOFF = "handoff"
    """From the run of an agent to that of the one it took over from."""


class Naming(NamedTuple):
    """How spans of one kind are named."""

    prefix: str
    """First word of Arc's name, e.g. `agent.run`; empty for model calls, which the conventions name."""
    operation: str
    """`gen_ai.operation.name`, also the first word under `ARC_SPAN_NAMES=genai`; empty when there is none."""


NAMING: Final[dict[Kind, Naming]] = {
    Kind.JOB: Naming("agent.job", "invoke_workflow"),
    Kind.RUN: Naming("agent.run", "invoke_agent"),
    Kind.TOOL: Naming("agent.tool", "execute_tool"),
    Kind.ACTION: Naming("agent.action", ""),
    Kind.LLM: Naming("", "chat"),
}
