"""In a notebook, Arc is started from a cell: spans arrive, the kernel ends and is interrupted as ever."""

import signal

import nbformat
import pytest
from arc_testing import eventually
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

START = """
from opentelemetry.instrumentation.auto_instrumentation import initialize

initialize()
"""
ASK = """
import openai

client = openai.OpenAI(max_retries=0)
client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "hello"}]).usage.total_tokens
"""
FLUSH = """
import arc_runtime

arc_runtime.flush()
"""


@pytest.fixture
def kernel_environment(arc_core, model, monkeypatch, request):
    """What the kernels of a test inherit; the name of their service."""
    service = f"notebook-{request.node.originalname}"
    monkeypatch.setenv("ARC_ENDPOINT", arc_core.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", service)
    monkeypatch.setenv("OPENAI_BASE_URL", model.url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    return service


@pytest.fixture
def kernel(kernel_environment):
    manager, client = start_new_kernel()

    def run(code):
        """The reply to one cell and the text it printed on stderr."""
        said = []
        reply = client.execute_interactive(
            code, timeout=60,
            output_hook=lambda message: said.append(message["content"].get("text", "")),
        )  # fmt: skip
        return reply["content"], "".join(said)

    try:
        yield manager, client, run
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


def names(core, service):
    return [span["name"] for trace in core.traces(service) for span in trace["spans"]]


def test_spans_of_a_notebook_arrive_once_and_its_cells_show_what_they_would(arc_core, kernel_environment):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (START, ASK, ASK)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [[output["data"]["text/plain"] for output in cell.outputs] for cell in notebook.cells]
    assert outputs == [[], ["120"], ["120"]]
    assert eventually(lambda: names(arc_core, kernel_environment)) == ["chat gpt-4.1"] * 2


def test_a_cell_can_flush(arc_core, kernel_environment, kernel):
    _, _, run = kernel
    for code in (START, ASK, FLUSH):
        reply, said = run(code)
        assert reply["status"] == "ok", said
    assert names(arc_core, kernel_environment) == ["chat gpt-4.1"]


def test_a_cell_that_starts_arc_again_changes_nothing(arc_core, kernel_environment, kernel):
    _, _, run = kernel
    assert [run(code)[0]["status"] for code in (START, START, ASK, START, FLUSH)] == ["ok"] * 5
    assert names(arc_core, kernel_environment) == ["chat gpt-4.1"]


def test_an_interrupt_stops_the_cell_and_leaves_the_kernel_alone(arc_core, kernel_environment, kernel):
    manager, client, run = kernel
    run(START)
    # A cell that fails has the kernel abort what is asked right after it, unless it is told not to.
    client.execute("import time\nwhile True: time.sleep(0.01)", stop_on_error=False)
    eventually(lambda: client.get_iopub_msg(timeout=10)["content"].get("code", "").startswith("import time"))
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=30)["content"]["ename"] == "KeyboardInterrupt"
    assert run(ASK)[0]["status"] == "ok"
    assert run(FLUSH)[0]["status"] == "ok"
    assert names(arc_core, kernel_environment) == ["chat gpt-4.1"]


def test_a_kernel_that_is_terminated_sends_what_waits(arc_core, kernel_environment, kernel):
    manager, _, run = kernel
    run(START)
    run(ASK)
    manager.signal_kernel(signal.SIGTERM)
    eventually(lambda: not manager.is_alive(), within_seconds=20)
    assert names(arc_core, kernel_environment) == ["chat gpt-4.1"]
