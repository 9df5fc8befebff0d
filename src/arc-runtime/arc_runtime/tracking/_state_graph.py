"""`ArcStateGraph`: LangGraph's `StateGraph` for programs that trace the graphs they choose, and no others.

LangGraph is imported with this module, which `arc_runtime` imports on use.
"""

import copy
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, get_type_hints, overload

from langgraph.errors import InvalidUpdateError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command
from langgraph.typing import ContextT, InputT, OutputT, StateT

from arc_runtime.instrumentation import ArcInstrumentor, Guard
from arc_runtime.tracking._lending import lent_plugin

__all__ = ["ArcStateGraph"]

_GUARD: Final = Guard("arc-runtime")
_ROOT: Final = "__root__"
"""The one channel of a graph whose state has no fields of its own, as LangGraph calls it."""

Mapper = Callable[[Any], Sequence[tuple[str, Any]] | None]


def _merged(state: object, update: object) -> dict[str, Any]:
    """`state` overlaid with `update`, key by key."""
    if not isinstance(update, Mapping):
        raise InvalidUpdateError(
            f"a graph without a schema has a dict as its state, and its nodes return dicts to merge into that or None; "
            f"this is of type {type(update).__name__}: {update!r}"
        )
    return {**(state if isinstance(state, Mapping) else {}), **update}


class ArcStateGraph(StateGraph[StateT, ContextT, InputT, OutputT], Generic[StateT, ContextT, InputT, OutputT]):
    """A `StateGraph` whose compiled graphs are traced, also where nothing instruments LangGraph.

    The spans are those of the plugin arc-instrumentation-langgraph; where that is on, nothing is written twice, and
    where it is missing the graph runs without spans. Without a schema the state is a plain dict: what a node returns is
    merged into it, key by key. A node that takes a dataclass or a Pydantic model is given one, with the fields that the
    state has; every other is given the whole dict. A graph without any edge runs its nodes in the order in which they
    were added; of those that declare where they lead (`Command[Literal[...]]`, `destinations`) each goes there instead.
    """

    @overload
    def __init__(self: "ArcStateGraph[Any, None, Any, Any]") -> None: ...

    @overload
    def __init__(
        self,
        state_schema: type[StateT],
        context_schema: type[ContextT] | None = None,
        *,
        input_schema: type[InputT] | None = None,
        output_schema: type[OutputT] | None = None,
        **kwargs: Any,
    ) -> None: ...

    def __init__(self, state_schema: Any = None, context_schema: Any = None, **kwargs: Any) -> None:
        self._schemaless = state_schema is None
        schema: Any = Annotated[dict, _merged] if state_schema is None else state_schema
        super().__init__(schema, context_schema, **kwargs)

    if not TYPE_CHECKING:  # for a type checker it is the method of StateGraph, with all its parameters

        @wraps(StateGraph.compile)
        def compile(self, *args: Any, **kwargs: Any) -> CompiledStateGraph:
            """The compiled graph; see `StateGraph.compile`."""
            builder = self._in_a_row() if self._has_no_edges() else self
            compiled = StateGraph.compile(builder, *args, **kwargs)
            self.compiled = True
            if self._schemaless:
                _GUARD.attempt("reading commands", _take_commands, compiled)
                _GUARD.attempt("reading what nodes take", _give_objects, compiled)
            compiled.__class__ = _TracedGraph
            return compiled

        @wraps(StateGraph.validate)
        def validate(self, *args: Any, **kwargs: Any) -> Any:
            """See `StateGraph.validate`."""
            StateGraph.validate(self._in_a_row() if self._has_no_edges() else self, *args, **kwargs)
            return self

        def _add_schema(self, schema: Any, *args: Any, **kwargs: Any) -> None:
            """See `StateGraph._add_schema`: without a schema, what nodes say they take is no channel of the state."""
            if self._schemaless and schema is not self.state_schema:
                self.schemas[schema] = self.schemas[self.state_schema]
            else:
                super()._add_schema(schema, *args, **kwargs)

    def _has_no_edges(self) -> bool:
        return bool(self.nodes) and not (self.edges or self.waiting_edges or self.branches)

    def _in_a_row(self) -> "ArcStateGraph[StateT, ContextT, InputT, OutputT]":
        """A copy whose nodes follow each other: what is added to this one later may still give it edges of its own."""
        row = copy.copy(self)
        names = list(self.nodes)
        nexts = dict(zip(names, [*names[1:], END], strict=True))
        row.edges = {(START, names[0]), *((name, nexts[name]) for name in names if not self.nodes[name].ends)}
        return row


class _TracedGraph(CompiledStateGraph[StateT, ContextT, InputT, OutputT], Generic[StateT, ContextT, InputT, OutputT]):
    """A compiled graph that has the plugin look on; whatever runs it goes through one of these two methods."""

    if not TYPE_CHECKING:

        @wraps(CompiledStateGraph.stream)
        def stream(self, *args: Any, **kwargs: Any) -> Any:
            """See `CompiledStateGraph.stream`."""
            args, kwargs = _with_whole_update(self, args, kwargs)
            steps = super().stream(*args, **kwargs)
            plugin = _GUARD.attempt("asking for the plugin", lent_plugin, _GUARD)
            return steps if plugin is None else _watched(steps, plugin)

        @wraps(CompiledStateGraph.astream)
        def astream(self, *args: Any, **kwargs: Any) -> Any:
            """See `CompiledStateGraph.astream`."""
            args, kwargs = _with_whole_update(self, args, kwargs)
            steps = super().astream(*args, **kwargs)
            plugin = _GUARD.attempt("asking for the plugin", lent_plugin, _GUARD)
            return steps if plugin is None else _watched_async(steps, plugin)


def _watched(steps: Generator[Any, None, None], plugin: ArcInstrumentor) -> Generator[Any, None, None]:
    """The items of `steps`, each of which is worked out with `plugin` at work: the reader has a context of its own."""
    try:
        while True:
            with plugin.on_request():
                try:
                    item = next(steps)
                except StopIteration:
                    return
            yield item
    finally:
        steps.close()


async def _watched_async(steps: AsyncGenerator[Any, None], plugin: ArcInstrumentor) -> AsyncGenerator[Any, None]:
    """The same for an async graph."""
    try:
        while True:
            with plugin.on_request():
                try:
                    item = await anext(steps)
                except StopAsyncIteration:
                    return
            yield item
    finally:
        await steps.aclose()


def _take_commands(compiled: Any) -> None:
    """Have what a `Command` updates merged like what a node returns.

    LangGraph takes the keys of such an update for channels, of which a plain dict has none; it would drop them.
    """
    for node in compiled.nodes.values():
        for writer in node.writers:
            writer.writes = [_rooted_entry(entry) for entry in writer.writes]


def _give_objects(compiled: Any) -> None:
    """Have nodes that take a dataclass or a model be given one, as LangGraph does where the state has fields."""
    for name, node in compiled.builder.nodes.items():
        kind = node.input_schema
        if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "model_fields")):
            compiled.nodes[name].mapper = partial(_object_of, kind, frozenset(get_type_hints(kind)))


def _object_of(kind: type, fields: frozenset[str], state: Mapping[str, object]) -> object:
    return kind(**{name: value for name, value in state.items() if name in fields})


def _with_whole_update(graph: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The same for a `Command` that the graph is given as its input; everything else is left as it is."""
    given = args[0] if args else kwargs.get("input")
    if not (isinstance(given, Command) and isinstance(given.update, dict) and graph.builder._schemaless):  # noqa: SLF001
        return args, kwargs
    whole = replace(given, update=[(_ROOT, given.update)])
    return ((whole, *args[1:]), kwargs) if args else (args, {**kwargs, "input": whole})


def _rooted_entry(entry: Any) -> Any:
    reads_root = getattr(getattr(entry, "mapper", None), "__name__", "") == "_get_root"
    return entry._replace(mapper=_rooted(entry.mapper)) if reads_root else entry


def _rooted(mapper: Mapper) -> Mapper:
    def rooted(value: Any) -> Sequence[tuple[str, Any]] | None:
        pairs = mapper(value)
        return pairs and [(name, given) if name == _ROOT else (_ROOT, {name: given}) for name, given in pairs]

    return rooted
