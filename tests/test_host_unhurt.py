"""Whatever is wrong with Arc or its backend, the program prints, returns and fails as it does without."""

import socket
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def nobody():
    """The URL of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def bare(run):
    return run(instrumented=False)


def gained(done, bare):
    """The lines of stderr that the bare run does not have; everything else must be byte for byte the same."""
    assert done.stdout == bare.stdout
    assert done.returncode == bare.returncode == 3
    lines, own = done.stderr.decode().splitlines(), bare.stderr.decode().splitlines()
    assert [line for line in lines if line in own] == own
    return [line for line in lines if line not in own]


@pytest.mark.parametrize("setting", [{"ARC_DISABLE": "1"}, {"OTEL_SDK_DISABLED": "true"}])
def test_switched_off_nothing_at_all_is_different(run, bare, model, nobody, setting):
    done = run(ARC_ENDPOINT=nobody, **setting)
    assert gained(done, bare) == []
    assert [request.body["temperature"] for request in model.requests] == [0.95, 0.95]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_with_the_backend_away_one_line_says_so(run, bare, nobody, scheme, state_home):
    (line,) = gained(run(ARC_ENDPOINT=nobody.replace("http", scheme), ARC_EXIT_SECONDS="1"), bare)
    assert line.startswith("arc: spans could not be delivered to")
    assert f"4 are kept in {state_home}/arc/spool" in line
    assert "arc doctor" in line


def test_what_is_in_force_is_said_where_it_is_asked_for_and_no_secret_is(run, bare, nobody):
    url = nobody.replace("http://", "http://jane:hunter2@")
    lines = gained(
        run(ARC_ENDPOINT=url, ARC_API_KEY="arc_live_secret1", ARC_LOG_LEVEL="INFO", ARC_EXIT_SECONDS="1"), bare
    )
    (hello,) = [line for line in lines if line.startswith("arc: arc ")]
    assert f"spans to {nobody} over http/protobuf with ARC_API_KEY; fixes on, level safe; content NO_CONTENT" in hello
    beside = "logs none; metrics none; spool 64 MiB; cost on; no metrics page; plugins arc_anthropic, arc_langchain, arc_langgraph, arc_openai"
    assert hello.endswith(f"; {beside}")
    assert not any(secret in line for line in lines for secret in ("hunter2", "secret1"))


def test_with_a_key_that_is_garbage_one_line_says_so(run, bare, nobody):
    lines = gained(run(ARC_ENDPOINT=nobody, ARC_API_KEY="gar\tbage\x7f ü", ARC_EXIT_SECONDS="1"), bare)
    assert len(lines) == 2
    assert lines[0].startswith("arc: ARC_API_KEY can't be used")
    assert "bage" not in "".join(lines)


def test_with_a_key_that_the_backend_refuses_one_line_says_so(run, bare, tmp_path):
    from arc_testing._core import running_core

    with running_core(tmp_path / "data", "--api-key", "arc_live_right") as core:
        (line,) = gained(run(ARC_ENDPOINT=core.url, ARC_API_KEY="arc_live_wrong"), bare)
    assert "401" in line
    assert "arc_live" not in line


@pytest.mark.parametrize(
    "settings",
    [
        {"ARC_ENDPOINT": "not a url"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"},
        {"OTEL_TRACES_EXPORTER": "no_such_exporter"},
        {"OTEL_CONFIG_FILE": "/no/such/file.yaml"},
    ],
)
def test_with_a_setting_that_is_wrong_the_program_runs_and_is_told_in_a_line_or_two(run, bare, model, settings):
    lines = gained(run(ARC_EXIT_SECONDS="0.2", **settings), bare)
    assert 1 <= len(lines) <= 2
    assert all(line.startswith("arc: ") for line in lines)
    assert model.requests[-1].body["temperature"] == 0.7  # fixes do not depend on telemetry


@pytest.mark.parametrize("text", [None, "", "a: [", "file_format: '1.0'\ntracer_provider: 3"])
def test_a_configuration_file_that_can_t_be_used_is_one_line(run, bare, model, tmp_path, text):
    file = tmp_path / "otel.yaml"
    if text is not None:
        file.write_text(text)
    (line,) = gained(run(OTEL_CONFIG_FILE=str(file)), bare)
    assert line.startswith(f"arc: telemetry is off: OTEL_CONFIG_FILE={file} could not be used: ")
    assert model.requests[-1].body["temperature"] == 0.7


def test_a_configuration_file_without_its_package_is_one_line_that_names_it(run, bare, tmp_path):
    package = tmp_path / "opentelemetry/configuration"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('no')")
    (line,) = gained(run(OTEL_CONFIG_FILE="otel.yaml", PYTHONPATH=str(tmp_path)), bare)
    assert line.endswith("OTEL_CONFIG_FILE=otel.yaml could not be used: pip install 'arc-runtime[file-configuration]'")


def test_with_a_configuration_file_the_service_is_to_be_named_there(run, bare, nobody, tmp_path):
    file = tmp_path / "otel.yaml"
    exporter = f"{{otlp_http: {{endpoint: '{nobody}/v1/traces'}}}}"
    file.write_text(f"file_format: '1.0'\ntracer_provider: {{processors: [{{batch: {{exporter: {exporter}}}}}]}}\n")
    lines = gained(run(OTEL_CONFIG_FILE=str(file), ARC_LOG_LEVEL="INFO", ARC_EXIT_SECONDS="1"), bare)
    assert f"arc: the service has no name: name it under `resource` in {file}" in lines


BROKEN = """
    def {name}(*args, **kwargs):
        {fault}

    class Instrumentor:
        def __init__(self):
            pass

        instrument = {name}
"""


@pytest.fixture
def broken_plugin(tmp_path):
    """Installs a plugin that fails when it is loaded; given how."""

    def install(fault):
        site = tmp_path / "site"
        info = site / "arc_broken-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: arc-broken\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\naaa_broken = arc_broken:Instrumentor\n")
        (site / "arc_broken.py").write_text(textwrap.dedent(BROKEN).format(name="fail", fault=fault))
        return str(site)

    return install


@pytest.mark.parametrize(
    "fault",
    [
        "raise RuntimeError('no')",
        "raise SystemExit(9)",
        "raise BaseException('panic')",
        "1 / 0",
        "import no_such.module.at_all as x; x()",
    ],
)
def test_a_plugin_that_fails_on_load_is_a_line_and_the_others_load(run, bare, model, broken_plugin, fault):
    lines = gained(run(PYTHONPATH=broken_plugin(fault), OTEL_TRACES_EXPORTER="none"), bare)
    if "import" in fault:
        assert lines == []  # taken for a library that is not installed
    else:
        (line,) = lines
        assert line.startswith("arc: plugin aaa_broken could not be loaded")
    assert model.requests[-1].body["temperature"] == 0.7


def test_a_plugin_whose_metadata_can_t_be_read_is_a_line_and_the_others_load(run, bare, model, broken_plugin):
    site = broken_plugin("pass")
    (metadata,) = Path(site).glob("*.dist-info/METADATA")
    metadata.write_text(
        metadata.read_text() + "Provides-Extra: instruments\nRequires-Dist: ???bad; extra == 'instruments'\n"
    )
    (line,) = gained(run(PYTHONPATH=site, OTEL_TRACES_EXPORTER="none"), bare)
    assert line.startswith("arc: plugin aaa_broken is left out")
    assert model.requests[-1].body["temperature"] == 0.7


def test_the_environment_that_the_program_sees_is_its_own(run, nobody):
    """Arc sets no variables that the program, or its child processes, would find."""
    done = run(program="show_environment.py", ARC_ENDPOINT=nobody, ARC_EXIT_SECONDS="0")
    assert done.stdout.decode().split() == ["ARC_ENDPOINT", "ARC_EXIT_SECONDS"]


def test_a_library_that_the_program_does_not_import_is_not_imported(run, nobody):
    done = run(program="show_modules.py", ARC_ENDPOINT=nobody, ARC_EXIT_SECONDS="0")
    assert done.stdout.decode().split() == []


def test_this_interpreter_has_the_real_executable():
    assert Path(sys.executable).with_name("opentelemetry-instrument").exists(), sysconfig.get_path("scripts")
