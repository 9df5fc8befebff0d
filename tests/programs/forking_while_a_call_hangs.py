"""A program that forks two hundred times while one call gets no answer."""

import os
import threading

from arc_runtime.export._calls import calling

begun, done = threading.Event(), threading.Event()


def call() -> None:
    with calling():
        begun.set()
        done.wait()


if __name__ == "__main__":
    caller = threading.Thread(target=call)
    caller.start()
    begun.wait()
    for _ in range(200):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    done.set()
    caller.join()
