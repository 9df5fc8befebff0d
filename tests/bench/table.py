"""The results as tables in the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from figures import targets

QUIET = 0.1
"""Noise up to which ratios are worth reading, as a part of a hand-written span."""


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def grid(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of one table; nothing when it has no rows."""
    rows = list(rows)
    if not rows:
        return
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    yield ""
    yield title
    yield "  " + _row(heads, widths)
    for row in rows:
        yield "  " + _row(row, widths)


def _number(value: float | None, digits: int = 0, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign},.{digits}f}"


def _calls(results: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, mode in _lines(results):
        cells = [name, _number((mode["spans"] or {}).get("chat"), 1), "yes" if mode["content"] else "no"]
        for measure in ("chat", "async", "responses"):
            figures = mode[measure]
            cells += [_number(figures.get("thread_us"), sign="+"), _number(figures.get("thread_x"), 2)]
            cells += [_number(figures.get("process_us"), sign="+"), _number(figures.get("process_x"), 2)]
        if mode["chat"]:
            yield cells


def _streams(results: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, mode in _lines(results):
        if figures := mode["stream"]:
            spans = (mode["spans"] or {}).get("stream")
            yield [
                name,
                _number(spans, 1),
                _number(figures["first_us"], sign="+"),
                _number(figures["first_over_hand_us"], sign="+"),
                *(_number(figures[one], 2, "+") for one in ("chunk_us", "process_chunk_us", "async_chunk_us")),
                _number(figures["end_us"], sign="+"),
            ]


def _processes(results: Mapping[str, Any]) -> Iterator[list[str]]:
    for subject in {**results["footprints"], **results["subjects"]}:
        modes = results["subjects"].get(subject, {})
        held = results["footprints"].get(subject, {})
        kept = results["memory"].get(subject, {})
        left = next((figures for mode, figures in kept.items() if mode != "base"), {})
        bare = kept.get("base", {})
        rates = [mode["threads_x"] for name, mode in modes.items() if mode["threads_x"] and name != "base2"]
        if held or kept or rates:
            resident = held.get("kb")
            yield [
                subject,
                _number(held.get("ms")),
                _number(held.get("modules")),
                _number(held.get("threads")),
                _number(None if resident is None else resident / 1024, 1),
                _number(left.get("kb"), 2),
                _number(bare.get("kb"), 2),
                _number(left.get("objects"), 1),
                _number(left.get("blocks"), 1),
                _number(left.get("calls")),
                _number(min(rates, default=None), 2),
            ]


def _graphs(results: Mapping[str, Any]) -> Iterator[list[str]]:
    for subject, modes in results["graphs"].items():
        left = next((one for mode, one in results["graph_memory"].get(subject, {}).items() if mode != "base"), {})
        for name, mode in modes.items():
            if subject == "arc" or not name.startswith(("hand", "base")):
                kept = left if name in results["graph_memory"].get(subject, {}) else {}
                yield [
                    name,
                    _number(mode["spans"], 1),
                    "yes" if mode["content"] else "no",
                    _number(mode.get("thread_us"), 1, "+"),
                    _number(mode.get("thread_x"), 2),
                    _number(mode.get("process_us"), 1, "+"),
                    _number(mode.get("process_x"), 2),
                    *(_number(kept.get(one), 1) for one in ("kb", "objects", "blocks")),
                    _number(kept.get("calls")),
                ]


def _sizes(results: Mapping[str, Any]) -> Iterator[list[str]]:
    for shape, sizes in results["sizes"].items():
        for nodes, of_node in sorted(sizes.items()):
            yield [shape, f"{nodes:,}", _number(of_node["bare"], 1), _number(of_node["added"], 1, "+")]


def _lines(results: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for subject, modes in results["subjects"].items():
        for mode, figures in modes.items():
            if subject == "arc" or not mode.startswith(("hand", "base")):
                yield mode, figures


def _verdicts(results: Mapping[str, Any]) -> Iterator[list[str]]:
    for one in targets(results):
        value, limit = (f"{figure:,.2f} {one.unit}".strip() for figure in (one.value, one.limit))
        yield [one.name, value, f"<= {limit}", "met" if one.met else "MISSED"]


def _noise(results: Mapping[str, Any]) -> Iterator[str]:
    """A warning where bare calls differ from bare calls by a tenth of a hand-written span or more."""
    chats = {
        subject: {mode: figures["chat"] for mode, figures in modes.items()}
        for subject, modes in results["subjects"].items()
    }
    loud = {}
    for subject, modes in (*chats.items(), *((f"graphs, {name}", modes) for name, modes in results["graphs"].items())):
        hand = next((modes[name]["thread_us"] for name in ("hand", "hand+content") if name in modes), None)
        apart = abs(modes["base2"].get("thread_us", 0)) if "base2" in modes else 0
        if hand is not None and (hand <= 0 or apart / hand >= QUIET):
            loud[subject] = f"{apart:.0f} us"
    if loud:
        yield ""
        yield (
            "Noise: the same bare calls or graphs were this far apart, which blurs what is added to them; repeat on a quieter"
            f" machine: {', '.join(f'{name} {apart}' for name, apart in loud.items())}"
        )


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """All tables."""
    clocks = ("+us thread", "x hand", "+us process", "x hand")
    yield from grid(
        "Whole calls: CPU on top of a bare call; x hand = multiples of one span with the same attributes, written by hand."
        " Thread: the caller's. Process: all threads, with what was put off. Columns: chat, async chat, Responses.",
        ["", "spans", "content", *clocks, *clocks, *clocks],
        _calls(results),
    )
    yield from grid(
        "Streams: CPU on top of a bare stream",
        ["", "spans", "first chunk +us", "over hand +us", "us/chunk", "process us/chunk", "async us/chunk", "end +us"],
        _streams(results),
    )
    yield from grid(
        "Processes: switching on in a fresh process, over SDK, OTLP exporter and OpenAI; what a thousand chat calls leave"
        " behind; throughput of 8 threads on one client, as a multiple of the uninstrumented",
        [
            "",
            "ms CPU",
            "modules",
            "threads",
            "MB idle",
            "KB/1000",
            "bare KB/1000",
            "objects/1000",
            "blocks/1000",
            "calls",
            "8 threads x",
        ],
        _processes(results),
    )
    yield from grid(
        "Graphs of ten nodes: CPU a node on top of a bare graph; x hand = multiples of one span a node with the same"
        " attributes, and one around the graph, written by hand; what a thousand runs leave behind",
        [
            "",
            "spans",
            "content",
            *clocks,
            "KB/1000",
            "objects/1000",
            "blocks/1000",
            "runs",
        ],
        _graphs(results),
    )
    yield from grid(
        "Graphs by size, with Arc: process CPU a node, all that was put off included",
        ["", "nodes", "bare us", "added us"],
        _sizes(results),
    )
    if parts := results.get("parts"):
        yield from grid(
            "Fix engine: one request, no entry applies, one in a hundred is for its model",
            ["", "us"],
            [[name, _number(value, 2)] for name, value in parts["engine"].items()],
        )
        yield from grid(
            "Match and apply, entries spread over 200 models; 8 threads as a multiple of the calls of one",
            ["", "entries", "us p50", "us p99", "s to register", "bytes an entry", "8 threads x"],
            [
                [
                    name,
                    count,
                    *(_number(one[key], 2) for key in ("p50_us", "p99_us", "register_s", "bytes", "eight_threads")),
                ]
                for name, sizes in results["matching"].items()
                for count, one in sizes.items()
            ],
        )
        redaction = parts["redaction"]
        yield ""
        yield f"Redaction of {redaction['characters']:,} characters without findings: {redaction['mb_s']:.0f} MB/s"
    yield from grid("Not measured", ["", "why"], [[name, why] for name, why in results["failed"].items()])
    yield from _noise(results)
    yield from grid("Targets", ["", "figure", "target", ""], _verdicts(results))
