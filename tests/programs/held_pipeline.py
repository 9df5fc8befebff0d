"""Ends by SIGTERM, or by itself, in the middle of a pipeline and of a graph's stream, neither of which it ever closes."""

import os
import signal
import sys

from arc_runtime import ArcStateGraph, create_multiagent_context

workflow = ArcStateGraph()
workflow.add_node("first", lambda _state: {"first": True})
workflow.add_node("second", lambda _state: {"second": True})

create_multiagent_context(name="loan").__enter__()
steps = workflow.compile(name="review").stream({"application": 1})
next(steps)
if sys.argv[1] == "sigterm":
    os.kill(os.getpid(), signal.SIGTERM)
