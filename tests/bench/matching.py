"""Match and apply over 10, 1,000 and 10,000 entries spread over 200 models; prints JSON.

Run in Arc's environment it measures Arc's engine, with --published arc-runtime 0.1.5's registry. A request's time is the
tenth percentile of its rounds, as everywhere here; p50 and p99 are over the requests, half of which match.
"""

import argparse
import json
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

MODELS = 200
SIZES = (10, 1_000, 10_000)
Call = Callable[[], object]


def rules(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Patterns and fixes: each model has thresholds of its own on several fields."""
    fields = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
    for number in range(count):
        model, step = f"model-{number % MODELS}", number // MODELS
        yield {"model": model, fields[step % 4]: {">": 0.9 + step / 1000}}, {fields[step % 4]: 0.7}


def bodies(count: int) -> list[dict[str, Any]]:
    """Requests; every second has a temperature that is too high for its model."""
    said = [{"role": "user", "content": "Hello"}]
    models = min(count, MODELS)
    return [
        {"model": f"model-{n % models}", "messages": said, "top_p": 0.5, "temperature": 0.95 if n % 2 else 0.3}
        for n in range(MODELS)
    ]


def ours(count: int) -> tuple[Callable[[], object], list[Call]]:
    """How Arc's registry is filled, and the calls to measure."""
    from arc_runtime.fixes import Engine, Entry, Registry, Request

    entries = [Entry(id=f"e{n}", pattern=p, fix=f) for n, (p, f) in enumerate(rules(count))]

    def fill() -> Registry:
        registry = Registry()
        for entry in entries:
            registry.register(entry)
        return registry

    engine = Engine(fill())
    requests = [Request(body, "openai", "chat.completions", "api.openai.com", stream=False) for body in bodies(count)]
    return fill, [lambda request=request: engine.before(request) for request in requests]


def published(count: int) -> tuple[Callable[[], object], list[Call]]:
    """The same for arc-runtime 0.1.5: what its interceptor does to the arguments of a call."""
    import http.server

    def refuse(_server: object) -> None:
        raise OSError("the bench opens no port")

    bind, http.server.HTTPServer.server_bind = http.server.HTTPServer.server_bind, refuse
    try:
        from runtime.patterns.registry import PatternRegistry
    finally:
        http.server.HTTPServer.server_bind = bind
    given = list(rules(count))

    def fill() -> PatternRegistry:
        registry = PatternRegistry()
        for pattern, fix in given:
            registry.register(pattern, fix)
        return registry

    registry = fill()

    def mend(body: dict[str, Any]) -> dict[str, Any]:
        fix = registry.match(body)
        return {**body, **fix} if fix else body

    return fill, [lambda body=body: mend(body) for body in bodies(count)]


def percentiles(calls: list[Call], rounds: int) -> dict[str, float]:
    """p50 and p99 over the calls, in microseconds, less what the clock itself takes."""
    clock = time.perf_counter_ns
    empty = min(-(clock() - clock()) for _ in range(1000))
    times: list[list[int]] = [[] for _ in calls]
    for _ in range(rounds):
        for held, call in zip(times, calls, strict=True):
            began = clock()
            call()
            held.append(clock() - began - empty)
    typical = sorted(sorted(held)[len(held) // 10] for held in times)
    return {"p50_us": typical[len(typical) // 2] / 1000, "p99_us": typical[int(len(typical) * 0.99)] / 1000}


def rate(calls: list[Call], threads: int, seconds: float) -> float:
    """Calls a second of all threads together."""
    counts, go, until = [0] * threads, threading.Event(), [0.0]

    def run(place: int) -> None:
        go.wait()
        while time.perf_counter() < until[0]:
            for call in calls:
                call()
            counts[place] += len(calls)

    workers = [threading.Thread(target=run, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    until[0] = time.perf_counter() + seconds
    go.set()
    for worker in workers:
        worker.join()
    return sum(counts) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--published", action="store_true")
    options = parser.parse_args()
    subject = published if options.published else ours
    results = {}
    for count in SIZES:
        fill, calls = subject(count)
        began = time.process_time()
        kept = fill()
        register_s = time.process_time() - began
        del kept
        tracemalloc.start()
        kept = fill()
        size = tracemalloc.get_traced_memory()[0] / count
        tracemalloc.stop()
        del kept
        for call in calls:
            call()
        rounds = options.rounds if not options.published or count < SIZES[-1] else 3
        # Side by side, as what else the machine does comes and goes.
        scaling = statistics.median(rate(calls, 8, 0.2) / rate(calls, 1, 0.2) for _ in range(7))
        results[f"{count:,}"] = {
            **percentiles(calls, rounds),
            "register_s": register_s,
            "bytes": size,
            "eight_threads": scaling,
        }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
