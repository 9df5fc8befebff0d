"""Beside opentelemetry-distro, or a vendor's: whichever the loader takes, Arc works, and nothing leaves unredacted."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SITE = sysconfig.get_path("purelib")
MODEL_SPANS = ["agent.job loan", "agent.run refuser", "agent.run reviewer", "chat gpt-4.1"]

VENDOR = """
    from opentelemetry.instrumentation.distro import BaseDistro
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    class Distro(BaseDistro):
        def _configure(self, **kwargs):
            pass

        def load_instrumentor(self, entry_point, **kwargs):
            super().load_instrumentor(entry_point, **kwargs)

    class Configurator(_OTelSDKConfigurator):
        def _configure(self, **kwargs):
            super()._configure(**kwargs)
"""


@pytest.fixture(scope="session")
def distro(tmp_path_factory):
    """A folder with the real opentelemetry-distro; the packages that it stands on are those of the environment."""
    folder = tmp_path_factory.mktemp("distro")
    pins = ["--no-deps", "--constraint", ROOT / "constraints.txt", "--python", sys.executable]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", "--quiet", "--target", folder, *pins, "opentelemetry-distro"], check=True)
    return folder


@pytest.fixture
def vendor(tmp_path):
    """A folder with a distro and a configurator of some vendor's."""
    info = tmp_path / "vendor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_distro]\nvendor = vendor:Distro\n[opentelemetry_configurator]\nvendor = vendor:Configurator\n"
    )
    (tmp_path / "vendor.py").write_text(textwrap.dedent(VENDOR))
    return tmp_path


def first(folder):
    return os.pathsep.join([str(folder), SITE])


def last(folder):
    return os.pathsep.join([SITE, str(folder)])


def names(done):
    return sorted(re.findall(r'"name": "([^"]*)"', done.stdout.decode("latin-1")))


def assert_redacted(done, personal_values):
    said = done.stdout.decode("latin-1")
    assert "<EMAIL>" in said
    for value in personal_values:
        assert value not in said
        assert json.dumps(value) not in said


def lines(done):
    """What is on stderr beside the program's own line and what OpenTelemetry's loader says of others."""
    of_others = ("starting", "Configuration of", "OTEL_CONFIG_FILE is set; ignoring")
    return [one for one in done.stderr.decode().splitlines() if not one.startswith(of_others)]


@pytest.mark.parametrize(
    ("order", "chosen", "scheme"),
    [
        (first, {}, "http"),
        (first, {}, "grpc"),
        (last, {}, "http"),
        (first, {"OTEL_PYTHON_DISTRO": "arc"}, "http"),
        (first, {"OTEL_PYTHON_CONFIGURATOR": "arc"}, "http"),
        (last, {"OTEL_PYTHON_DISTRO": "distro"}, "http"),
    ],
)
def test_whichever_the_loader_takes_spans_go_to_arc_core(run, model, arc_core, distro, order, chosen, scheme):
    service = f"{order.__name__}-{scheme}-{'-'.join([*chosen, *chosen.values()])}"
    endpoint = arc_core.url if scheme == "http" else f"grpc://{arc_core.grpc}"
    done = run(PYTHONPATH=order(distro), ARC_ENDPOINT=endpoint, OTEL_SERVICE_NAME=service, **chosen)
    (trace,) = arc_core.traces(service)
    assert sorted(span["name"] for span in trace["spans"]) == MODEL_SPANS
    assert model.requests[0].body["temperature"] == 0.7
    taken_over = order is first and "OTEL_PYTHON_CONFIGURATOR" not in chosen
    line = "the configurator that was loaded gave way to Arc's: set OTEL_PYTHON_DISTRO=arc and OTEL_PYTHON_CONFIGURATOR=arc"
    # opentelemetry-distro has metrics exported wherever it runs; Arc Core takes them without a word.
    assert lines(done) == [f"arc: {line}"] * taken_over


@pytest.mark.parametrize("order", [first, last])
@pytest.mark.parametrize("chosen", [{}, {"OTEL_PYTHON_CONFIGURATOR": "configurator"}])
def test_whatever_the_loader_takes_is_redacted(run, distro, order, chosen, personal_values):
    quiet = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "console", "OTEL_TRACES_EXPORTER": "console"}
    content = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT"}
    done = run(PYTHONPATH=order(distro), **quiet, **content, **chosen)
    assert done.returncode == 3
    assert all("gave way" in line for line in lines(done))
    assert [name for name in names(done) if name in MODEL_SPANS] == MODEL_SPANS
    assert "gen_ai.client.inference.operation.details" in done.stdout.decode("latin-1")
    assert_redacted(done, personal_values)


def test_with_a_configuration_file_the_loader_s_choice_changes_nothing(run, distro, tmp_path, personal_values):
    file = tmp_path / "otel.yaml"
    file.write_text(
        'file_format: "1.0"\ntracer_provider:\n  processors:\n    - simple:\n        exporter:\n          console: {}\n'
    )
    done = run(PYTHONPATH=first(distro), OTEL_CONFIG_FILE=str(file))
    assert (done.returncode, lines(done)) == (3, [])
    assert [name for name in names(done) if name in MODEL_SPANS] == MODEL_SPANS
    assert_redacted(done, personal_values)


@pytest.mark.parametrize("chosen", [{}, {"OTEL_PYTHON_DISTRO": "vendor", "OTEL_PYTHON_CONFIGURATOR": "vendor"}])
def test_a_vendor_s_configurator_is_honoured_redacted_and_told(run, vendor, chosen, personal_values):
    done = run(
        PYTHONPATH=first(vendor), OTEL_TRACES_EXPORTER="console", ARC_ENDPOINT="http://127.0.0.1:9",
        ARC_INSTRUMENT_OPENAI="disabled", **chosen,
    )  # fmt: skip
    (line,) = lines(done)
    assert line.startswith("arc: ARC_ENDPOINT gets no spans: the configurator vendor was loaded")
    assert "OTEL_PYTHON_CONFIGURATOR=arc" in line
    assert [name for name in names(done) if name in MODEL_SPANS] == MODEL_SPANS[:3]  # Arc's own choice of plugins
    assert_redacted(done, personal_values)


def test_providers_of_the_program_s_own_are_redacted_beside_another_distro(run, distro, personal_values):
    done = run(program="own_providers.py", PYTHONPATH=first(distro), OTEL_TRACES_EXPORTER="none")
    assert done.returncode == 0, done.stderr
    assert_redacted(done, personal_values)


@pytest.mark.parametrize("setting", [{"ARC_DISABLE": "1"}, {"OTEL_SDK_DISABLED": "true"}])
def test_switched_off_arc_does_nothing_beside_another_distro(run, model, distro, setting):
    quiet = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "console"}
    done = run(PYTHONPATH=first(distro), **quiet, **setting)
    assert (done.returncode, lines(done)) == (3, [])
    assert names(done) == []
    assert model.requests[0].body["temperature"] == 0.95


def test_a_plugin_that_fails_beside_another_distro_does_not_stop_the_others(run, model, distro, tmp_path):
    info = tmp_path / "arc_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: arc-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\naaa = arc_broken:Instrumentor\n")
    (tmp_path / "arc_broken.py").write_text("class Instrumentor:\n    def instrument(self, **kwargs):\n        1 / 0\n")
    path = os.pathsep.join([str(tmp_path), first(distro)])
    done = run(PYTHONPATH=path, OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
    (line,) = [line for line in lines(done) if "gave way" not in line]
    assert line.startswith("arc: plugin aaa could not be loaded")
    assert model.requests[0].body["temperature"] == 0.7


def test_a_configurator_that_is_not_there_is_said(run, distro):
    done = run(PYTHONPATH=first(distro), OTEL_PYTHON_CONFIGURATOR="nobody")
    assert lines(done)[0] == "arc: telemetry is off: OTEL_PYTHON_CONFIGURATOR=nobody is not installed"
