"""LangGraph's loop, which runs the steps of a graph: what it knows and no callback says.

Checkpoints, what a resumed graph goes on from, and to whom the nodes of a step pass control. The class is private, with
these four methods from 0.6 to 1.2; where one is missing, what it tells is missing too, and nothing else changes.
The methods are replaced by plain functions: one of them is put on an `ExitStack`, which takes a wrapt proxy for a
context manager.
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec
from arc_runtime.instrumentation import ArcInstrumentor

from arc_langchain_callbacks import _actions, _handoffs, _mapping
from arc_langchain_callbacks._run import Run

if TYPE_CHECKING:
    from arc_langchain_callbacks._handler import Handler

__all__ = ["follow"]

_MODULE: Final = "langgraph.pregel._loop"
Told = Callable[..., None]


def follow(plugin: ArcInstrumentor, handler: "Handler") -> None:
    """Listen to the loop once it is imported; `plugin` waits for that."""
    seen = _Seen(handler)

    def wrap(module: Any) -> None:
        loop = getattr(module, "PregelLoop", None)
        _around(loop, "_first", plugin, before=seen.begins, after=seen.began)
        _after_saving(loop, "_put_checkpoint", plugin, seen.saved)
        _before_each(loop, "after_tick", plugin, seen.stepped)
        _around(loop, "_suppress_interrupt", plugin, before=seen.stops, after=seen.stopped)

    plugin.when_imported(_MODULE, wrap)


def _around(
    loop: Any, name: str, plugin: ArcInstrumentor, *, before: Told | None = None, after: Told | None = None
) -> None:
    original = getattr(loop, name, None)
    if original is None:
        return
    reading, attempt = f"reading {name}", plugin.guard.attempt

    @wraps(original)
    def around(self: Any, *args: Any, **kwargs: Any) -> object:
        if before is not None:
            attempt(reading, before, self, *args)
        result = original(self, *args, **kwargs)
        if after is not None:
            attempt(reading, after, self, *args)
        return result

    setattr(loop, name, around)


def _before_each(loop: Any, name: str, plugin: ArcInstrumentor, before: Told) -> None:
    """The same for what comes by in each step."""
    original = getattr(loop, name, None)
    if original is None:
        return
    reading, attempt = f"reading {name}", plugin.guard.attempt

    @wraps(original)
    def around(self: Any, *args: Any) -> object:
        attempt(reading, before, self)
        return original(self, *args)

    setattr(loop, name, around)


def _after_saving(loop: Any, name: str, plugin: ArcInstrumentor, after: Told) -> None:
    """The same for what comes by in each step, and matters only where checkpoints are kept."""
    original = getattr(loop, name, None)
    if original is None:
        return
    reading, attempt = f"reading {name}", plugin.guard.attempt

    @wraps(original)
    def around(self: Any, *args: Any, **kwargs: Any) -> object:
        result = original(self, *args, **kwargs)
        if getattr(self, "checkpointer", None):
            attempt(reading, after, self)
        return result

    setattr(loop, name, around)


class _Seen:
    """What to do with what the loop tells; each method gets the loop, and the arguments of its method."""

    def __init__(self, handler: "Handler") -> None:
        self._tree = handler.tree

    def _run(self, loop: Any) -> Run | None:
        return self._tree.run(getattr(loop.manager, "run_id", None))

    def begins(self, loop: Any) -> None:
        """The state is loaded; the input is not yet looked at."""
        run = self._run(loop)
        if run is None:
            return
        self._tree.is_graph(run)
        if loop.is_nested or run.graph is None:
            return
        run.graph.root = run.graph  # one with checkpoints of its own, even if it is inside another
        command = loop.input is not None and type(loop.input).__name__ == "Command"
        if loop.input is None or command:
            notes = [value for _, channel, value in loop.checkpoint_pending_writes if channel == _actions.NOTE]
            _actions.resumed(run, notes, loop.input.resume if command else None)

    def began(self, loop: Any) -> None:
        """It is clear from which checkpoint the graph goes on."""
        self._keep_checkpoint(loop)

    def saved(self, loop: Any) -> None:
        """A checkpoint was saved, or is about to be."""
        self._keep_checkpoint(loop)

    def _keep_checkpoint(self, loop: Any) -> None:
        run = self._run(loop)
        # Saved at the end only, those in between never are.
        if run is not None and run.graph is not None and loop.checkpointer and loop.durability != "exit":
            run.graph.checkpoint_id = loop.checkpoint["id"]

    def stepped(self, loop: Any) -> None:
        """All nodes of a step have ended; what they wrote is not yet taken over."""
        run = self._run(loop)
        if run is None or run.graph is None:
            return
        writer = run.writer or self._tree.graph_writer
        recorder = writer.pen.recorder if writer is not None else None
        hold = recorder.hold if recorder is not None and recorder.on_spans else None
        _handoffs.pass_on(run.graph, loop.tasks.values(), hold)

    def stops(self, loop: Any, _kind: object, error: BaseException | None, *_: object) -> None:
        """The loop is left, by `error` where there is one."""
        run, writer = self._run(loop), self._tree.graph_writer
        asked = _mapping.interrupts_of(error) if error is not None else None
        if asked is None or run is None or run.graph is None or run.span is None or writer is None or loop.is_nested:
            return
        run.graph.interrupted = True
        if asked:
            _actions.open_for(run.graph, asked, run.span, writer)
        elif not run.graph.actions:
            tasks = getattr(loop, "tasks", {})
            _actions.open_breakpoint(run.graph, [task.name for task in tasks.values()], run.span, writer)

    def stopped(self, loop: Any, _kind: object, error: BaseException | None, *_: object) -> None:
        """What there is to save was handed to the checkpointer, whose work is waited for after this."""
        run = self._run(loop)
        if run is None or run.graph is None or not loop.checkpointer:
            return
        run.graph.checkpoint_id = loop.checkpoint["id"]
        if loop.is_nested or error is None or _mapping.interrupts_of(error) is None:
            return
        note = _actions.note_of(run)
        if note is not None:
            _save(loop, msgspec.json.encode(note).decode())


def _save(loop: Any, note: str) -> None:
    config = {
        **loop.checkpoint_config,
        "configurable": {**loop.checkpoint_config["configurable"], "checkpoint_id": loop.checkpoint["id"]},
    }
    # Under a task id of its own: the writes under a task's are what that task has done. A checkpointer that fails to
    # save it is not the program's trouble.
    arguments = (config, [(_actions.NOTE, note)], str(uuid4()))
    loop.submit(loop.checkpointer_put_writes, *arguments, __reraise_on_exit__=False)
