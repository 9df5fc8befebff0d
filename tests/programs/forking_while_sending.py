"""A program of a user's that forks again and again while spans are sent."""

import os
import sys
import threading

from opentelemetry import trace

tracer = trace.get_tracer("forking")
done = threading.Event()


def work() -> None:
    while not done.wait(0.001):
        with tracer.start_as_current_span("busy"):
            pass


if __name__ == "__main__":
    worker = threading.Thread(target=work)
    worker.start()
    for number in range(int(sys.argv[1])):
        child = os.fork()
        if child == 0:
            with tracer.start_as_current_span(f"child {number}"):
                pass
            sys.exit(0)
        os.waitpid(child, 0)
    done.set()
    worker.join()
