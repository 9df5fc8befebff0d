"""What is measured of a subject, in a process of its own; every figure is beside bare calls and a hand-written span."""

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from clocks import Variant, call_block, take_turns
from growth import growth
from hand import Hand
from patches import Patches
from subjects import Mode, batching
from workload import CHUNKS, Calls

THREADS = 8
CALLS_A_THREAD = 4


class Bench(NamedTuple):
    """All that a measure needs."""

    calls: Calls
    """On clients as they are without the subject."""
    seen: Calls
    """On clients made after the subject was switched on: some subjects patch what they are made of."""
    patches: Patches
    modes: Sequence[Mode]
    facts: Mapping[str, Mapping[str, Any]]
    """Attributes of Arc's own spans, by API and mode, which the hand-written ones copy."""
    rounds: int
    repeat: int

    def bare(self) -> AbstractContextManager[None]:
        """The library without the subject."""
        return self.patches.taken_off()

    def watched(self, mode: Mode) -> Callable[[], AbstractContextManager[None]]:
        """The library with the subject in `mode`."""
        return lambda: self.patches.put_on(mode.state)

    def recording(self) -> list[Mode]:
        """The modes in which every kind of call is measured."""
        return [mode for mode in self.modes if mode.calls == "all"]


class Hands:
    """The hand-written wrappers for one API, and where their spans go."""

    def __init__(self, bench: Bench, api: str) -> None:
        self.provider, _ = batching()
        tracer = self.provider.get_tracer("bench")
        self.by_name = {
            f"hand{suffix}": Hand(tracer, bench.facts[f"{api}{suffix}"], responses=api == "responses")
            for suffix in sorted({"+content" if mode.content else "" for mode in bench.modes})
        }


def _variants(
    bench: Bench,
    modes: Sequence[Mode],
    hands: Hands,
    block: Callable[[Mode | None], Callable[[int], Sequence[float]]],
    by_hand: Callable[[Hand], Callable[[int], Sequence[float]]],
) -> list[Variant]:
    flush = hands.provider.force_flush
    return [
        *(Variant(name, bench.bare, block(None), flush) for name in ("base", "base2")),
        *(Variant(name, bench.bare, by_hand(hand), flush) for name, hand in hands.by_name.items()),
        *(Variant(mode.name, bench.watched(mode), block(mode), mode.flush) for mode in modes),
    ]


def chat(bench: Bench) -> dict[str, Any]:
    """A whole chat completion: [thread us, process us] a call."""
    calls = bench.calls
    variants = _variants(
        bench, bench.modes, Hands(bench, "chat"),
        lambda mode: call_block(getattr(bench.seen, mode.ask) if mode else calls.chat),
        lambda hand: call_block(lambda: hand.whole(calls.chat)),
    )  # fmt: skip
    return take_turns(variants, bench.rounds, bench.repeat)


def responses(bench: Bench) -> dict[str, Any]:
    """A whole response of the Responses API: [thread us, process us] a call."""
    calls = bench.calls
    variants = _variants(
        bench, bench.recording(), Hands(bench, "responses"),
        lambda mode: call_block((bench.seen if mode else calls).responses),
        lambda hand: call_block(lambda: hand.whole(calls.responses)),
    )  # fmt: skip
    return take_turns(variants, bench.rounds, bench.repeat)


def chat_async(bench: Bench) -> dict[str, Any]:
    """A chat completion of the asynchronous client: [thread us, process us] a call."""
    calls = bench.calls

    def block(call: Callable[[], Any]) -> Callable[[int], Sequence[float]]:
        async def several(repeat: int) -> Sequence[float]:
            begin = time.thread_time_ns()
            for _ in range(repeat):
                await call()
            return (time.thread_time_ns() - begin,)

        return lambda repeat: calls.loop.run_until_complete(several(repeat))

    variants = _variants(
        bench, bench.recording(), Hands(bench, "chat"),
        lambda mode: block((bench.seen if mode else calls).chat_async),
        lambda hand: block(lambda: hand.whole_async(calls.chat_async)),
    )  # fmt: skip
    return take_turns(variants, bench.rounds, bench.repeat)


def stream(bench: Bench) -> dict[str, Any]:
    """A streamed chat completion: [to the first chunk, the chunks between, the end, whole process] in us a stream."""
    calls = bench.calls

    def block(call: Callable[[], Iterator[Any]]) -> Callable[[int], Sequence[float]]:
        def several(repeat: int) -> Sequence[float]:
            parts = [0, 0, 0]
            for _ in range(repeat):
                marks = [time.thread_time_ns()]
                chunks = iter(call())
                next(chunks)
                marks.append(time.thread_time_ns())
                for _ in itertools.islice(chunks, CHUNKS - 2):
                    pass
                marks.append(time.thread_time_ns())
                for _ in chunks:
                    pass
                marks.append(time.thread_time_ns())
                for place, (begin, end) in enumerate(itertools.pairwise(marks)):
                    parts[place] += end - begin
            return parts

        return several

    variants = _variants(
        bench, bench.recording(), Hands(bench, "stream"),
        lambda mode: block((bench.seen if mode else calls).stream),
        lambda hand: block(lambda: hand.stream(calls.stream)),
    )  # fmt: skip
    return take_turns(variants, max(8, bench.rounds // 3), 1)


def stream_async(bench: Bench) -> dict[str, Any]:
    """The same of the asynchronous client: [the whole stream, whole process] in us a stream."""
    calls = bench.calls

    def block(open_stream: Callable[[], Any]) -> Callable[[int], Sequence[float]]:
        async def several(repeat: int) -> Sequence[float]:
            begin = time.thread_time_ns()
            for _ in range(repeat):
                async for _ in await open_stream():
                    pass
            return (time.thread_time_ns() - begin,)

        return lambda repeat: calls.loop.run_until_complete(several(repeat))

    def by_hand(hand: Hand) -> Callable[[int], Sequence[float]]:
        async def opened() -> Any:
            return hand.stream_async(calls.stream_async)

        return block(opened)

    variants = _variants(
        bench, bench.recording(), Hands(bench, "stream"),
        lambda mode: block((bench.seen if mode else calls).stream_async), by_hand,
    )  # fmt: skip
    return take_turns(variants, max(8, bench.rounds // 3), 1)


def threads(bench: Bench) -> dict[str, float]:
    """Calls a second of 8 threads on one client whose network takes 50 ms, as multiples of the uninstrumented."""

    def rate(calls: Calls) -> float:
        def work() -> None:
            for _ in range(CALLS_A_THREAD):
                calls.chat_late()

        workers = [threading.Thread(target=work) for _ in range(THREADS)]
        begin = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return THREADS * CALLS_A_THREAD / (time.perf_counter() - begin)

    states = {"base": (bench.bare, bench.calls), "base2": (bench.bare, bench.calls)}
    states |= {mode.name: (bench.watched(mode), bench.seen) for mode in bench.recording()}
    rates: dict[str, list[float]] = {name: [] for name in states}
    for _ in range(max(3, bench.rounds // 20)):
        for name, (state, calls) in states.items():
            with state():
                rates[name].append(rate(calls))
    return {name: statistics.median(seen) / statistics.median(rates["base"]) for name, seen in rates.items()}


def spans(bench: Bench) -> dict[str, Any]:
    """Spans that are exported by mode: of a chat call, and of a stream.

    Raises RuntimeError when anything is exported of a call that is measured as a bare one, or when content is exported
    in a mode that says it has none, or the other way round.
    """
    counted = {}
    for mode in bench.modes:
        ask = getattr(bench.seen, mode.ask)
        if _exported(mode, bench.bare, bench.calls.chat) or _exported(
            mode, bench.bare, lambda: list(bench.calls.stream())
        ):
            raise RuntimeError(f"{mode.name} can't be taken off: bare calls are recorded too")
        of_stream = _exported(mode, bench.watched(mode), lambda: list(bench.seen.stream()))
        of_chat = _exported(mode, bench.watched(mode), ask)
        if of_chat and mode.content != ("please review" in mode.said() and "word word" in mode.said()):
            raise RuntimeError(f"{mode.name} {'lacks' if mode.content else 'exports'} the content of the call")
        counted[mode.name] = {"chat": of_chat, "stream": of_stream, "content": mode.content}
    return counted


def _exported(mode: Mode, state: Callable[[], AbstractContextManager[None]], call: Callable[[], object]) -> float:
    mode.flush()
    before = mode.spans()
    with state():
        for _ in range(4):
            call()
        mode.flush()
    return (mode.spans() - before) / 4


def memory(bench: Bench, total: int) -> dict[str, Any]:
    """What chat calls leave behind for each thousand, bare and in the mode that records most (see `growth`)."""
    most = bench.recording()[-1]
    with bench.bare():
        kept = {"base": growth(bench.calls.chat, lambda: None, steps=max(2, total // 5000), each=1000)}
    with bench.watched(most)():
        kept[most.name] = growth(bench.seen.chat, most.flush, steps=max(2, total // 1000), each=1000)
    return kept


MEASURES: dict[str, Callable[[Bench], Any]] = {
    "spans": spans,
    "chat": chat,
    "async": chat_async,
    "responses": responses,
    "stream": stream,
    "astream": stream_async,
    "threads": threads,
}
