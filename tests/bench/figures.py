"""From what the processes measured to figures a subject, and which targets of Arc's they meet. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from graphs import NODES
from workload import CHUNKS

Passes = Sequence[Mapping[str, Any]]
"""What one subject's processes printed, one a pass."""
BETWEEN = CHUNKS - 2
"""Chunks of a stream that are neither the first nor part of its end."""

_SHAPES = {"loop": "nodes in a loop", "fan": "nodes at once"}


class Target(NamedTuple):
    """One promise, and whether it is kept."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the figure is within the limit."""
        return self.value <= self.limit


def _over(one: Mapping[str, Any], measure: str, variant: str, part: int) -> float:
    return one[measure][variant][part] - one[measure]["base"][part]


def _quietest(passes: Passes, measure: str) -> Mapping[str, Any]:
    """The pass in which bare calls took the least: the machine was disturbed least."""
    return min((one for one in passes if measure in one), key=lambda one: one[measure]["base"][-1])


def _has(passes: Passes, measure: str, mode: str) -> bool:
    return any(mode in one.get(measure, {}) for one in passes)


def _call(passes: Passes, mode: str, measure: str, yardstick: str) -> dict[str, Any]:
    """Added microseconds of thread and of process, each also as a multiple of the hand-written span's."""
    if not _has(passes, measure, mode):
        return {}
    one = _quietest(passes, measure)
    figures: dict[str, Any] = {"bare_us": one[measure]["base"][0]}
    for part, clock in enumerate(("thread", "process")):
        figures[f"{clock}_us"] = _over(one, measure, mode, part)
        if yardstick in one[measure]:
            figures[f"{clock}_x"] = figures[f"{clock}_us"] / _over(one, measure, yardstick, part)
    return figures


def _stream(passes: Passes, mode: str, yardstick: str) -> dict[str, Any]:
    if not _has(passes, "stream", mode):
        return {}
    one, other = _quietest(passes, "stream"), _quietest(passes, "astream")
    first, chunks, end, process = (_over(one, "stream", mode, part) for part in range(4))
    yard = _over(one, "stream", yardstick, 0) if yardstick in one["stream"] else 0
    return {
        "first_us": first,
        "first_over_hand_us": first - yard,
        "chunk_us": chunks / BETWEEN,
        "end_us": end,
        "process_chunk_us": process / CHUNKS,
        "async_chunk_us": _over(other, "astream", mode, 0) / CHUNKS,
    }


def _threads(passes: Passes, mode: str) -> float | None:
    seen = [one["threads"][mode] for one in passes if mode in one.get("threads", {})]
    return statistics.median(seen) if seen else None


def _of_mode(passes: Passes, mode: str, *, content: bool) -> dict[str, Any]:
    yardstick = "hand+content" if content else "hand"
    return {
        "content": content,
        "spans": passes[0].get("spans", {}).get(mode),
        **{measure: _call(passes, mode, measure, yardstick) for measure in ("chat", "async", "responses")},
        "stream": _stream(passes, mode, yardstick),
        "threads_x": _threads(passes, mode),
    }


def figures_of(passes: Passes) -> dict[str, dict[str, Any]]:
    """Figures by mode of one subject, and of what it is held against (`hand`, `base2`), of its own processes."""
    contents = {mode: seen["content"] for mode, seen in passes[0]["spans"].items()}
    known = {"base2": False}
    measured = passes[0].get("chat", {})
    known |= {name: name.endswith("+content") for name in ("hand", "hand+content") if name in measured}
    return {mode: _of_mode(passes, mode, content=content) for mode, content in (known | contents).items()}


def graphs_of(passes: Passes) -> dict[str, dict[str, Any]]:
    """Figures by mode of one subject's graphs, and of what it is held against; microseconds are those of a node."""
    seen = passes[0]["spans"]
    known = {
        name: name.endswith("+content") for name in ("base2", "hand", "hand+content") if name in passes[0]["graph"]
    }
    figures = {}
    for mode, content in (known | {name: one["content"] for name, one in seen.items()}).items():
        of_run = _call(passes, mode, "graph", "hand+content" if content else "hand")
        of_node = {name: value / NODES if name.endswith("_us") else value for name, value in of_run.items()}
        figures[mode] = {"content": content, "spans": seen.get(mode, {}).get("graph"), **of_node}
    return figures


def sizes_of(measured: Mapping[str, Any]) -> dict[str, dict[int, dict[str, float]]]:
    """Microseconds of process CPU a node by shape and number of nodes: `bare`, and `added` to it."""
    return {
        shape: {
            int(nodes): {"bare": seen["base"][-1], "added": seen["arc"][-1] - seen["base"][-1]}
            for nodes, seen in sizes.items()
        }
        for shape, sizes in measured.items()
    }


def targets(results: Mapping[str, Any]) -> Iterable[Target]:
    """The promises of Arc that these results say anything of."""
    if "arc" in results["subjects"]:
        yield from _targets_of_calls(results)
    if "arc" in results["graphs"]:
        yield from _targets_of_graphs(results)


def _targets_of_graphs(results: Mapping[str, Any]) -> Iterable[Target]:
    modes = results["graphs"]["arc"]
    for mode, of_mode in (("arc", "a graph"), ("arc+content", "a graph with content")):
        own = modes[mode]
        if not own["content"]:
            yield Target(f"{of_mode}, thread CPU a node", own["thread_x"], 1.5, "x hand")
        rivals = {
            name: figures["thread_x"]
            for subject, of_subject in results["graphs"].items()
            if subject != "arc"
            for name, figures in of_subject.items()
            if (figures["spans"] or 0) > NODES and figures["content"] is own["content"]
        }
        if rivals:
            least = min(rivals, key=rivals.__getitem__)
            title = f"{of_mode}, below every peer that records nodes ({least})"
            yield Target(title, own["thread_x"], rivals[least], "x hand")
    for shape, sizes in results["sizes"].items():
        least, most = min(sizes), max(sizes)
        grown = sizes[most]["added"] / sizes[least]["added"]
        yield Target(f"{_SHAPES[shape]}, a node of {most:,} beside one of {least:,}", grown, 1.25, "x")
    if kept := results["graph_memory"].get("arc"):
        most = next(figures for mode, figures in kept.items() if mode != "base")
        yield Target(f"memory, a thousand of {most['calls']:,} graph runs", most["kb"], 10, "KB")
        yield Target("objects left, a thousand graph runs", most["objects"], 1, "")


def _targets_of_calls(results: Mapping[str, Any]) -> Iterable[Target]:
    modes = results["subjects"]["arc"]
    plain, full = modes["arc"], modes["arc+content"]
    for clock in ("thread", "process"):
        yield Target(f"chat, {clock} CPU", plain["chat"][f"{clock}_x"], 1.3, "x hand")
        yield Target(f"chat with content, {clock} CPU", full["chat"][f"{clock}_x"], 1.5, "x hand")
    for measure in ("async", "responses"):
        if plain[measure]:
            yield Target(f"{measure}, thread CPU", plain[measure]["thread_x"], 1.3, "x hand")
            yield Target(f"{measure} with content, thread CPU", full[measure]["thread_x"], 1.5, "x hand")
    rivals = {
        name: figures["chat"]["thread_x"]
        for subject, of_subject in results["subjects"].items()
        if subject != "arc"
        for name, figures in of_subject.items()
        if figures["content"] and figures["chat"].get("thread_x") and not name.startswith(("hand", "base"))
    }
    if rivals:
        least = min(rivals, key=rivals.__getitem__)
        yield Target(
            f"chat with content, below every peer ({least})", full["chat"]["thread_x"], rivals[least], "x hand"
        )
    if plain["stream"]:
        yield Target("stream, a chunk", plain["stream"]["chunk_us"], 3, "us")
        yield Target("stream with content, a chunk", full["stream"]["chunk_us"], 3, "us")
        yield Target("first chunk, over the hand-written span's", plain["stream"]["first_over_hand_us"], 30, "us")
    if plain["threads_x"]:
        yield Target("8 threads, time a call", 1 / full["threads_x"], 1.05, "x bare")
    for mode in ("arc, disabled", "arc, unsampled", "arc, suppressed"):
        yield Target(f"chat, {mode.partition(', ')[2]}", modes[mode]["chat"]["thread_us"], 5, "us")
    yield from _of_processes(results)


def _of_processes(results: Mapping[str, Any]) -> Iterable[Target]:
    if print_of_arc := results["footprints"].get("arc"):
        own = print_of_arc["ms"] - results["footprints"].get("opentelemetry", {"ms": 0})["ms"]
        yield Target("activation", print_of_arc["ms"], 60, "ms")
        yield Target("activation, over OpenTelemetry's own without Arc", own, 60, "ms")
        in_code = results["footprints"]["Arc()"]["ms"]
        yield Target("activation by Arc() in code", in_code, 60, "ms")
        yield Target("activation by Arc(), over OpenTelemetry's own", in_code - print_of_arc["ms"] + own, 60, "ms")
        yield Target("resident when idle", print_of_arc["kb"] / 1024, 50, "MB")
    if parts := results.get("parts"):
        call = parts["entrypoint"]
        yield Target("a call of an @entrypoint", call["entrypoint"] / call["span"], 1.5, "x bare span")
    if kept := results["memory"].get("arc"):
        most = next(figures for mode, figures in kept.items() if mode != "base")
        yield Target(f"memory, a thousand of {most['calls']:,} calls", most["kb"], 1, "KB")
        yield Target("objects left, a thousand calls", most["objects"], 1, "")
