"""A program of a user's that works in child processes, in the way that its argument names; spans in all of them."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from opentelemetry import trace

tracer = trace.get_tracer("children")


def work(number: int) -> int:
    with tracer.start_as_current_span(f"child {number}"):
        return number


def by_process(method: str) -> None:
    context = multiprocessing.get_context(method)
    children = [context.Process(target=work, args=(number,)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def by_pool(method: str) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        list(pool.map(work, range(3)))


def by_fork() -> None:
    for number in range(3):
        child = os.fork()
        if child == 0:
            work(number)
            sys.exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    with tracer.start_as_current_span("before"):
        pass
    way, _, method = sys.argv[1].partition("-")
    {"process": lambda: by_process(method), "pool": lambda: by_pool(method), "fork": by_fork}[way]()
    with tracer.start_as_current_span("after"):
        pass
