"""What is measured of a subject's graphs, in a process of its own, beside bare graphs and a span a node by hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from clocks import WARM, Variant, call_block, take_turns
from graphs import CONTENT, TASK, Graphs, Node, State
from growth import growth
from opentelemetry.trace import Tracer
from patches import Patches
from subjects import Mode, batching

LOOPS = (100, 1_000, 10_000)
FANS = (10, 100, 1_000)
_LEAST_BLOCK = 100
"""Nodes in a block, at least, so that what the clock misses does not count."""
_EACH = 250
"""Graph runs between two looks at the memory."""


class Bench(NamedTuple):
    """All that a measure needs."""

    graphs: Graphs
    patches: Patches
    modes: Sequence[Mode]
    facts: Mapping[str, Mapping[str, Any]]
    """Attributes of Arc's own spans, of `job` and `run`, by mode, which the hand-written ones copy."""
    rounds: int

    def bare(self) -> AbstractContextManager[None]:
        """LangGraph without the subject."""
        return self.patches.taken_off()

    def watched(self, mode: Mode) -> Callable[[], AbstractContextManager[None]]:
        """LangGraph with the subject in `mode`."""
        return lambda: self.patches.put_on(mode.state)


class Hand:
    """The graphs with a span around each run of a graph and each node, as one would write it; unguarded."""

    def __init__(self, tracer: Tracer, facts: Mapping[str, Mapping[str, Any]], suffix: str) -> None:
        self._tracer = tracer
        of = {
            kind: {name: _value(value) for name, value in facts[f"{kind}{suffix}"].items()} for kind in ("job", "run")
        }
        self._content = {name for name in of["run"] if suffix and name not in facts["run"]}
        self._job = of["job"]
        self._run = {name: value for name, value in of["run"].items() if name not in self._content}
        self._graphs = Graphs(self._watched)

    def _watched(self, name: str, node: Node) -> Node:
        attributes = {**self._run, "gen_ai.agent.name": name}

        def watched(state: State) -> dict[str, Any]:
            with self._tracer.start_as_current_span(f"agent.run {name}", attributes=attributes) as span:
                changed = node(state)
                for content in self._content:
                    span.set_attribute(content, json.dumps({name: changed}))
                return changed

        return watched

    def chain(self) -> None:
        """Run the chain inside a span."""
        with self._tracer.start_as_current_span("agent.job", attributes=self._job):
            self._graphs.chain({})


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def graph(bench: Bench) -> dict[str, Any]:
    """A run of the chain: [thread us, process us]."""
    provider, _ = batching()
    tracer = provider.get_tracer("bench")
    hands = {
        f"hand{suffix}": Hand(tracer, bench.facts, suffix)
        for suffix in sorted({"+content" if mode.content else "" for mode in bench.modes})
    }
    run = bench.graphs.chain

    def block(mode: Mode) -> Callable[[int], Sequence[float]]:
        return call_block(lambda: run(mode.config))

    variants = [
        *(Variant(name, bench.bare, call_block(lambda: run({})), provider.force_flush) for name in ("base", "base2")),
        *(Variant(name, bench.bare, call_block(hand.chain), provider.force_flush) for name, hand in hands.items()),
        *(Variant(mode.name, bench.watched(mode), block(mode), mode.flush) for mode in bench.modes),
    ]
    return take_turns(variants, bench.rounds, 3)


def sizes(bench: Bench) -> dict[str, Any]:
    """Loops and fan-outs by number of nodes: [thread us, process us] a node, bare and in the mode that records least.

    Raises RuntimeError when a node has no span.
    """
    mode = bench.modes[0]
    shapes = {"loop": (bench.graphs.loop, LOOPS), "fan": (bench.graphs.fan, FANS)}
    return {
        shape: {str(nodes): _size(bench, mode, run, nodes) for nodes in counts}
        for shape, (run, counts) in shapes.items()
    }


def _size(bench: Bench, mode: Mode, run: Callable[..., object], nodes: int) -> dict[str, list[float]]:
    runs = max(1, _LEAST_BLOCK // nodes)

    def block(config: Mapping[str, Any]) -> Callable[[int], Sequence[float]]:
        # What is repeated is a node, and a run has as many as there are. A large one is warm by its first hundred.
        warm = min(nodes, _LEAST_BLOCK)
        return lambda repeat: call_block(lambda: run(config, nodes if repeat > WARM else warm))(runs)

    mode.flush()
    before = mode.spans()
    with bench.watched(mode)():
        run(mode.config, nodes)
        mode.flush()
    if mode.spans() - before != nodes + 1:
        raise RuntimeError(f"{mode.name}: {mode.spans() - before:g} spans of a graph run of {nodes} nodes")
    variants = [
        Variant("base", bench.bare, block({}), lambda: None),
        Variant(mode.name, bench.watched(mode), block(mode.config), mode.flush),
    ]
    return take_turns(variants, max(4, min(bench.rounds // 5, 4000 // nodes)), runs * nodes)


def spans(bench: Bench) -> dict[str, Any]:
    """Spans that are exported of a run of the chain, by mode.

    Raises RuntimeError when anything is exported of a graph run that is measured as a bare one, or when content is
    exported in a mode that says it has none, or the other way round.
    """
    counted = {}
    for mode in bench.modes:
        if _exported(mode, bench.bare, lambda: bench.graphs.chain({})):
            raise RuntimeError(f"{mode.name} can't be taken off: bare graphs are recorded too")
        run = lambda: bench.graphs.chain(mode.config)  # noqa: B023, E731 - made, used and dropped in this round
        of_run = _exported(mode, bench.watched(mode), run)
        said = mode.said()
        if of_run and mode.content != (CONTENT in said or TASK[:20] in said):
            raise RuntimeError(f"{mode.name} {'lacks' if mode.content else 'exports'} the content of the graph")
        counted[mode.name] = {"graph": of_run, "content": mode.content}
    return counted


def _exported(mode: Mode, state: Callable[[], AbstractContextManager[None]], run: Callable[[], object]) -> float:
    mode.flush()
    before = mode.spans()
    with state():
        for _ in range(4):
            run()
        mode.flush()
    return (mode.spans() - before) / 4


def memory(bench: Bench, total: int) -> dict[str, Any]:
    """What runs of the chain leave behind for each thousand, bare and in the mode that records most (see `growth`)."""
    most = bench.modes[-1]
    with bench.bare():
        few = max(4, total // 5 // _EACH)
        kept = {"base": growth(lambda: bench.graphs.chain({}), lambda: None, steps=few, each=_EACH)}
    with bench.watched(most)():
        run = lambda: bench.graphs.chain(most.config)  # noqa: E731
        kept[most.name] = growth(run, most.flush, steps=max(4, total // _EACH), each=_EACH)
    return kept


def facts(bench: Bench) -> dict[str, Any]:
    """Attributes of the job's span and of a node's, by mode."""
    found = {}
    for mode in bench.modes:
        suffix = "+content" if mode.content else ""
        with bench.watched(mode)():
            bench.graphs.chain(mode.config)
            mode.flush()
            run, job = mode.recent()
            found |= {f"job{suffix}": dict(job.attributes or {}), f"run{suffix}": dict(run.attributes or {})}
    return found


MEASURES: dict[str, Callable[[Bench], Any]] = {"spans": spans, "graph": graph, "sizes": sizes}
