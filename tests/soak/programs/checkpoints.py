"""A user's program that writes spans and flushes now and then; prints how many are delivered or kept by then.

Arguments: a name for its spans.
"""

import itertools
import sys
import time

import arc_runtime
from opentelemetry import trace

tracer = trace.get_tracer("soak")
for number in itertools.count():
    with tracer.start_as_current_span(f"{sys.argv[1]}/{number}"):
        pass
    time.sleep(0.001)
    if number % 50 == 49:
        arc_runtime.flush(5)
        print(number + 1, flush=True)
