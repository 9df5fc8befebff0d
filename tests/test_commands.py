"""`arc` as a user types it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from arc_testing._core import running_core

ARC = str(Path(sys.executable).with_name("arc"))


@pytest.fixture
def arc():
    def arc(*args, timeout=90, **env):
        kept_out = ("OTEL_", "ARC_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        base = {name: value for name, value in os.environ.items() if not name.startswith(kept_out)}
        return subprocess.run(
            [ARC, *args], env=base | env, capture_output=True, text=True, timeout=timeout, check=False
        )

    return arc


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.requests.append(("POST", self.headers))
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.requests.append(("GET", self.headers))
        self.send_error(404)

    def log_message(self, *args):
        pass


@contextmanager
def running_collector(context=None):
    """A server that takes spans and has no API; `requests` are the method and headers of each request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.requests = []
    server.handle_error = lambda *_: None  # a refused handshake is what a test is about
    server.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def collector():
    with running_collector() as server:
        yield server


@pytest.fixture
def sealed_collector(tmp_path):
    certificate, key = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    named = ["-subj", "/CN=arc-test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *made, *named, "-keyout", key, "-out", certificate], check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_collector(context) as server:
        yield server, certificate


def findings(done):
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_doctor_sends_a_span_and_reads_it_back_redacted(arc, arc_core, protocol):
    env = {"ARC_ENDPOINT": arc_core.url, "OTEL_SERVICE_NAME": "named"}
    if protocol == "grpc":
        env |= {"ARC_ENDPOINT": f"grpc://{arc_core.grpc}", "ARC_CORE_URL": arc_core.url}
    done = arc("doctor", "--json", **env)
    found = findings(done)
    assert done.returncode == 0
    assert {name for name, one in found.items() if one["state"] != "ok"} == set()
    assert "the address in it redacted" in found["read back"]["detail"]
    assert {"versions", "distro", "configurator", "plugin arc_openai", "plugin arc_langgraph", "connection"} <= set(
        found
    )


def test_doctor_reads_well_and_says_so_when_all_is_well(arc, arc_core):
    done = arc("doctor", ARC_ENDPOINT=arc_core.url, COLUMNS="100", PYTHONIOENCODING="utf-8")
    assert "telemetry works" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_doctor_says_what_to_do_when_nobody_listens(arc):
    done = arc("doctor", "--json", ARC_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert findings(done)["connection"]["state"] == "problem"
    assert "arc core" in findings(done)["connection"]["advice"]


def test_doctor_says_what_to_do_when_the_key_is_refused(arc, tmp_path):
    with running_core(tmp_path / "data", "--api-key", "arc_live_right") as core:
        refused = arc("doctor", "--json", ARC_ENDPOINT=core.url)
        accepted = arc("doctor", "--json", ARC_ENDPOINT=core.url, ARC_API_KEY="arc_live_right")
    assert refused.returncode == 1
    assert "ARC_API_KEY" in findings(refused)["span"]["advice"]
    assert accepted.returncode == 0


def test_doctor_says_that_there_is_no_tls(arc, arc_core):
    done = arc("doctor", "--json", ARC_ENDPOINT=arc_core.url.replace("http", "https"))
    assert done.returncode == 1
    assert "no TLS" in findings(done)["connection"]["detail"]


def test_doctor_names_settings_plugins_and_distros_that_are_wrong(arc, arc_core):
    done = arc(
        "doctor",
        "--json",
        ARC_ENDPOINT=arc_core.url,
        ARC_ENDPIONT="x",
        OTEL_PYTHON_DISTRO="other",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="arc_openai",
    )
    found = findings(done)
    assert done.returncode == 1
    assert found["settings"]["state"] == "warning"
    assert found["plugin arc_openai"]["state"] == "warning"
    assert found["distro"]["advice"] == "export OTEL_PYTHON_DISTRO=arc"


def test_doctor_says_that_a_plugin_is_switched_off_by_its_own_variable(arc, collector):
    found = findings(arc("doctor", "--json", ARC_ENDPOINT=collector.url, ARC_INSTRUMENT_OPENAI="disabled"))
    assert "switched off" in found["plugin arc_openai"]["detail"]
    assert "ARC_INSTRUMENT_OPENAI" in found["plugin arc_openai"]["advice"]
    assert found["plugin arc_langgraph"]["state"] == "ok"


def test_doctor_says_whom_spans_are_left_to_and_how_to_have_arc_s(arc, collector, tmp_path):
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: other\nVersion: 1.0\nProvides-Extra: instruments\n"
        "Requires-Dist: openai; extra == 'instruments'\n"
    )
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nopenai = other:Instrumentor\n")
    (tmp_path / "other.py").write_text("class Instrumentor: ...\n")
    env = {"ARC_ENDPOINT": collector.url, "PYTHONPATH": str(tmp_path)}
    left = findings(arc("doctor", "--json", **env))["plugin arc_openai"]
    kept = findings(arc("doctor", "--json", **env, ARC_INSTRUMENT_OPENAI="enabled"))["plugin arc_openai"]
    assert "leaves the spans to the instrumentor openai" in left["detail"]
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=openai" in left["advice"]
    assert kept["state"] == "ok"


def test_doctor_says_whether_the_metrics_page_can_be_served(arc, collector, tmp_path):
    env = {"ARC_ENDPOINT": collector.url}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        taken = findings(arc("doctor", "--json", **env, ARC_METRICS_PORT=port))["metrics page"]
    free = findings(arc("doctor", "--json", **env, ARC_METRICS_PORT=port))["metrics page"]
    assert taken["state"] == "warning"
    assert port in taken["detail"]
    assert (free["state"], free["detail"]) == ("ok", f"http://127.0.0.1:{port}/metrics can be served")
    assert "metrics page" not in findings(arc("doctor", "--json", **env))


def test_doctor_names_a_plugin_whose_metadata_can_t_be_read(arc, arc_core, tmp_path):
    info = tmp_path / "arc_bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: arc-bad\nVersion: 1.0\nProvides-Extra: instruments\n"
        "Requires-Dist: ???bad; extra == 'instruments'\n"
    )
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nbad = arc_bad:Instrumentor\n")
    done = arc("doctor", "--json", ARC_ENDPOINT=arc_core.url, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "can't be read" in findings(done)["plugin bad"]["detail"]


@pytest.mark.parametrize("name", ["ARC_DISABLE", "OTEL_SDK_DISABLED"])
def test_doctor_says_that_arc_is_switched_off(arc, arc_core, name):
    done = arc("doctor", "--json", ARC_ENDPOINT=arc_core.url, **{name: "true"})
    assert done.returncode == 1
    assert findings(done)["switched off"]["advice"] == f"unset {name}"


@pytest.mark.parametrize("exporter", ["none", "console"])
def test_doctor_does_not_say_that_telemetry_works_when_no_span_is_sent(arc, collector, exporter):
    env = {"ARC_ENDPOINT": collector.url, "OTEL_TRACES_EXPORTER": exporter}
    done, read = arc("doctor", "--json", **env), arc("doctor", **env)
    assert done.returncode == 0
    assert findings(done)["exporter"]["state"] == "warning"
    assert f"OTEL_TRACES_EXPORTER={exporter}" in findings(done)["exporter"]["detail"]
    assert "telemetry works" not in read.stdout
    assert collector.requests == []


@pytest.mark.parametrize(
    ("sampler", "ratio"), [("always_off", ""), ("parentbased_always_off", ""), ("traceidratio", "0.0")]
)
def test_doctor_says_that_sampling_drops_all_and_sends_its_own_span(arc, arc_core, sampler, ratio):
    env = {"ARC_ENDPOINT": arc_core.url, "OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": ratio}
    done, read = arc("doctor", "--json", **env), arc("doctor", **env)
    found = findings(done)
    assert done.returncode == 0
    assert found["sampling"]["state"] == "warning"
    assert sampler in found["sampling"]["detail"]
    assert found["read back"]["state"] == "ok"
    assert "telemetry works" not in read.stdout


@pytest.mark.parametrize("env", [{"OTEL_TRACES_SAMPLER": "always_on"}, {"OTEL_TRACES_SAMPLER": "traceidratio"}])
def test_doctor_has_nothing_against_sampling_that_keeps_spans(arc, arc_core, env):
    assert "sampling" not in findings(arc("doctor", "--json", ARC_ENDPOINT=arc_core.url, **env))


@pytest.mark.parametrize(
    "env",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier"},
        {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "carrier", "OTEL_LOGS_EXPORTER": "otlp"},
    ],
)
def test_doctor_says_which_protocols_there_are(arc, arc_core, env):
    done = arc("doctor", "--json", ARC_ENDPOINT=arc_core.url, **env)
    found = findings(done)["exporter"]
    assert done.returncode == 1
    assert "carrier" in found["detail"]
    assert "http/protobuf" in found["advice"]
    assert "grpc" in found["advice"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://127.0.0.1:abc", "port"),
        ("127.0.0.1:4318", "http://"),
        ("http://a..b:4318", "a..b"),
        ("http://[::1", "host"),
    ],
)
def test_doctor_says_what_is_wrong_with_an_endpoint_of_opentelemetrys(arc, endpoint, said):
    done = arc("doctor", "--json", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert done.returncode == 1
    assert said in findings(done)["connection"]["detail"]
    assert done.stderr == ""


@pytest.mark.parametrize("core_url", ["http://127.0.0.1:abc", "http://a..b", "http://a%20b"])
def test_doctor_takes_a_wrong_address_of_the_api_for_a_warning(arc, collector, core_url):
    done = arc("doctor", "--json", ARC_ENDPOINT=collector.url, ARC_CORE_URL=core_url)
    assert done.returncode == 0
    assert findings(done)["read back"]["state"] == "warning"
    assert done.stderr == ""


def test_doctor_takes_a_grpc_endpoint_without_a_scheme_as_the_exporter_does(arc, arc_core):
    env = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": arc_core.grpc}
    plain = arc("doctor", "--json", **env, OTEL_EXPORTER_OTLP_INSECURE="true", ARC_CORE_URL=arc_core.url)
    sealed = arc("doctor", "--json", **env)
    assert plain.returncode == 0, plain.stdout
    assert arc_core.grpc in findings(plain)["connection"]["detail"]
    assert findings(plain)["read back"]["state"] == "ok"
    assert "no TLS" in findings(sealed)["connection"]["detail"]


def test_doctor_trusts_the_certificate_that_the_exporter_trusts(arc, sealed_collector, tmp_path):
    server, certificate = sealed_collector
    env = {"ARC_ENDPOINT": server.url}
    trusted = arc("doctor", "--json", **env, OTEL_EXPORTER_OTLP_CERTIFICATE=certificate)
    assert findings(trusted)["connection"]["state"] == "ok"
    assert findings(trusted)["span"]["state"] == "ok"
    assert "404" in findings(trusted)["read back"]["detail"]
    unknown = arc("doctor", "--json", **env)
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in findings(unknown)["connection"]["advice"]
    missing = arc("doctor", "--json", **env, OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE=str(tmp_path / "none.pem"))
    assert "none.pem" in findings(missing)["connection"]["detail"]
    bundle = arc("doctor", "--json", **env, REQUESTS_CA_BUNDLE=certificate, OTEL_EXPORTER_OTLP_CERTIFICATE="none.pem")
    assert findings(bundle)["span"]["state"] == "ok"
    assert {one.returncode for one in (unknown, missing)} == {1}


def test_doctor_tells_a_collector_from_arc_core(arc, collector):
    done = arc("doctor", "--json", ARC_ENDPOINT=collector.url)
    assert done.returncode == 0
    assert findings(done)["span"]["state"] == "ok"
    assert findings(done)["read back"]["state"] == "warning"
    assert "ARC_CORE_URL" in findings(done)["read back"]["advice"]


@pytest.mark.parametrize("named", [True, False])
def test_doctor_gives_the_key_to_the_endpoint_alone(arc, collector, arc_core, named):
    endpoint = "ARC_ENDPOINT" if named else "OTEL_EXPORTER_OTLP_ENDPOINT"
    done = arc("doctor", "--json", ARC_API_KEY="arc_live_key", ARC_CORE_URL=collector.url, **{endpoint: arc_core.url})
    read_back = findings(done)["read back"]
    assert {method for method, _ in collector.requests} == {"GET"}
    assert [headers["x-api-key"] for _, headers in collector.requests if "x-api-key" in headers] == []
    assert "without ARC_API_KEY" in read_back["detail"]


def test_doctor_says_why_a_protected_api_at_another_address_is_not_read(arc, collector, tmp_path):
    with running_core(tmp_path / "data", "--api-key", "arc_live_right") as core:
        env = {"ARC_ENDPOINT": collector.url, "ARC_CORE_URL": core.url, "ARC_API_KEY": "arc_live_right"}
        done = arc("doctor", "--json", **env)
    assert done.returncode == 0
    assert "401" in findings(done)["read back"]["detail"]
    assert "Collector" not in findings(done)["read back"]["advice"]
    assert "ARC_ENDPOINT" in findings(done)["read back"]["advice"]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("name", ["ARC_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_doctor_does_not_show_a_password_in_an_endpoint(arc, collector, name, protocol):
    env = {name: collector.url.replace("//", "//ann:hunter2@"), "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    done = arc("doctor", "--json", **env, OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert "span" in findings(done)
    assert "hunter2" not in done.stdout + done.stderr


def test_doctor_tells_what_is_redacted_and_what_is_wrong_with_a_policy(arc, collector, tmp_path):
    env = {"ARC_ENDPOINT": collector.url}
    assert findings(arc("doctor", "--json", **env))["redaction"]["detail"] == "standard"
    assert findings(arc("doctor", "--json", **env, ARC_REDACTION="off"))["redaction"]["state"] == "warning"
    policy = tmp_path / "policy.yaml"
    policy.write_text("actions: {EMIAL: mask}")
    done = arc("doctor", "--json", **env, ARC_REDACTION_POLICY=str(policy))
    assert done.returncode == 1
    assert "is it EMAIL?: telemetry stays off" in findings(done)["redaction"]["detail"]


def test_doctor_asks_for_the_name_of_the_service(arc, collector):
    env = {"ARC_ENDPOINT": collector.url}
    assert "OTEL_SERVICE_NAME" in findings(arc("doctor", "--json", **env))["service name"]["advice"]
    stated = arc("doctor", "--json", **env, OTEL_RESOURCE_ATTRIBUTES="a=b,service.name=mine")
    assert "service name" not in findings(stated)


CONFIG_FILE = """
file_format: "1.0"
tracer_provider:
  processors:
    - simple: {{exporter: {{console: {{}}}}}}
    - batch: {{exporter: {{otlp_http: {{endpoint: "{url}/v1/traces"}}}}}}
logger_provider:
  processors:
    - simple: {{exporter: {{console: {{}}}}}}
"""


def test_doctor_tells_what_a_configuration_file_names_and_that_it_is_redacted(arc, arc_core, tmp_path):
    file = tmp_path / "otel.yaml"
    file.write_text(CONFIG_FILE.format(url=arc_core.url.replace("//", "//ann:hunter2@")))
    done = arc("doctor", "--json", OTEL_CONFIG_FILE=str(file), ARC_ENDPOINT="http://127.0.0.1:9")
    found = findings(done)
    assert done.returncode == 0, done.stdout
    host = arc_core.url.removeprefix("http://")
    assert found["OTEL_CONFIG_FILE"]["detail"] == (
        f"{file}: traces to console, otlp_http http://***@{host}/v1/traces; logs to console"
    )
    assert "redacted" in found["span"]["detail"]
    assert "ARC_ENDPOINT" in found["endpoint"]["detail"]
    (trace,) = [
        one for one in arc_core.traces("unknown_service:python") if one["spans"][0]["name"] == "agent.job doctor"
    ]
    assert trace["spans"][0]["attributes"]["arc.doctor.probe"] == "written to <EMAIL>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "not found"),
        ("", "empty"),
        ("a: [", "YAML"),
        ("file_format: '9.0'", "9.0"),
        ("file_format: '1.0'\ntracer_provider: {processors: [{simple: {exporter: {nobody: {}}}}]}", "nobody"),
    ],
)
def test_doctor_says_what_is_wrong_with_a_configuration_file(arc, tmp_path, text, said):
    file = tmp_path / "otel.yaml"
    if text is not None:
        file.write_text(text)
    done = arc("doctor", "--json", OTEL_CONFIG_FILE=str(file))
    problems = " ".join(one["detail"] for one in findings(done).values() if one["state"] == "problem")
    assert done.returncode == 1
    assert said in problems
    assert done.stderr == ""


def test_doctor_says_that_nobody_takes_what_a_configuration_file_sends(arc, tmp_path):
    file = tmp_path / "otel.yaml"
    file.write_text(CONFIG_FILE.format(url="http://127.0.0.1:9"))
    done = arc("doctor", "--json", OTEL_CONFIG_FILE=str(file))
    assert done.returncode == 1
    assert "not delivered" in findings(done)["span"]["detail"]


def test_the_demo_shows_a_fix_a_redaction_and_a_failing_tool_and_ends_well(arc):
    done = arc("demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agent.job loan_review" in done.stdout
    assert "temperature 0.95" in done.stdout
    assert "Redacted" in done.stdout
    assert "Failed tools" in done.stdout
    assert "http://127.0.0.1:" in done.stdout


def test_the_demo_stays_up_until_it_is_interrupted():
    with subprocess.Popen(
        [ARC, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Trace " in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_help_names_every_command_and_a_wrong_one_is_an_error(arc):
    done = arc("--help")
    assert done.returncode == 0
    for command in ("core", "demo", "doctor"):
        assert command in done.stdout
    assert arc("nonsense").returncode == 2
    assert arc("--version").stdout == "arc 1.0.0\n"
