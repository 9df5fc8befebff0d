"""A program of a user's that writes a span every few milliseconds, and what it is told to do at its end."""

import os
import signal
import sys
import time
from pathlib import Path

import arc_runtime
from opentelemetry import trace

tracer = trace.get_tracer("steady")


def span(number):
    with tracer.start_as_current_span(f"step {number}") as current:
        current.set_attribute("note", os.environ.get("NOTE", ""))


match sys.argv[1]:
    case "some":
        for number in range(5):
            span(number)
    case "nothing":
        time.sleep(1)
    case "until-told":
        number = 0
        print("ready", flush=True)
        while not Path(sys.argv[2]).exists():
            span(number)
            number += 1
            time.sleep(0.005)
        print(number, flush=True)
    case "wait":
        span(0)
        print("ready", flush=True)
        time.sleep(60)
    case "own-handler":
        span(0)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print("ready", flush=True)
        time.sleep(60)
    case "flush":
        span(0)
        begun = time.monotonic()
        print(arc_runtime.flush(float(sys.argv[2])), time.monotonic() - begun < float(sys.argv[2]) + 0.5, flush=True)
        os._exit(0)
