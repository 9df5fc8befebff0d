"""The handler in its process: as a value that is copied, at exit, and after a fork."""

import copy
import subprocess
import sys


def test_a_copy_of_the_handler_is_the_handler():
    from arc_langchain_callbacks._handler import Handler
    from arc_langchain_callbacks._share import Shares

    handler = Handler(Shares())
    assert copy.deepcopy([handler]) == [handler]
    assert copy.copy(handler) is handler


HELD = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

provider = TracerProvider()
provider.add_span_processor(
    BatchSpanProcessor(ConsoleSpanExporter(formatter=lambda span: f"{span.name} {span.attributes.get('arc.run.state')}\\n"))
)
from arc_instrumentation_langgraph import LangGraphInstrumentor

LangGraphInstrumentor().instrument(skip_dep_check=True, tracer_provider=provider)
from langgraph.graph import START, StateGraph

graph = StateGraph(dict)
graph.add_node("a", lambda _: {})
graph.add_node("b", lambda _: {})
graph.add_edge(START, "a")
graph.add_edge("a", "b")
held = graph.compile(name="held").stream({})
next(held)
"""


def test_a_stream_that_the_program_holds_until_it_exits_is_a_cancelled_job():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", HELD], capture_output=True, text=True, check=True)
    assert "agent.job held cancelled" in done.stdout.splitlines()
    assert "Traceback" not in done.stderr


def test_a_fork_leaves_open_runs_to_the_process_that_opened_them():
    fork = "import os, sys\nchild = os.fork()\nif not child:\n    sys.exit()\nos.waitpid(child, 0)\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HELD + fork], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines().count("agent.job held cancelled") == 1
