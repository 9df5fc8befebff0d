"""The files in collector-config: a real Collector takes each, and the pages say what they say."""

import http.client
import os
import re
import ssl
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import grpc
import msgspec
import pytest
from arc_core.model.dialects import CANONICAL
from arc_semconv import attributes as names
from arc_testing import collector_program, eventually, running_collector
from hops import CONFIGS, Spans, post
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

README = CONFIGS / "README.md"
SECRETS = {"COLLECTOR_GATEWAY_SECRET": "x", "COLLECTOR_SAMPLER_SECRET": "x", "COLLECTOR_SAMPLERS": "127.0.0.1"}
RUN = [
    ("agent.yaml",),
    ("sidecar.yaml",),
    ("sampler.yaml",),
    ("redaction.yaml", "gateway.yaml"),
    ("agent.yaml", "load-balancing.yaml"),
    ("agent.yaml", "load-balancing.yaml", "load-balancing-dns.yaml"),
    ("agent.yaml", "clickhouse.yaml"),
    ("agent.yaml", "kafka.yaml"),
    ("kafka-consumer.yaml",),
]
"""Each file once. Other tests start the gateway, by itself and below load-balancing.yaml, clickhouse.yaml and kafka.yaml."""
SETTING = re.compile(r"\$\{env:([A-Z0-9_]+):-([^}]*)\}")
ROW = re.compile(r"^\| `(COLLECTOR_[A-Z0-9_]+)` \| ([^|]+) \|", re.MULTILINE)
FILES = sorted(CONFIGS.glob("*.yaml"))


def collector(*words, **env):
    base = {name: value for name, value in os.environ.items() if not name.startswith("COLLECTOR_")}
    command = [str(collector_program()), *words]
    return subprocess.run(command, env=base | env, capture_output=True, text=True, check=False)


def test_every_file_is_run_here():
    assert {path.name for path in FILES} - {"manifest.yaml"} == {name for names in RUN for name in names}


@pytest.mark.parametrize("files", RUN, ids="+".join)
def test_a_collector_takes_the_files(files):
    words = [word for name in files for word in ("--config", str(CONFIGS / name))]
    checked = collector("validate", *words, **SECRETS)
    assert checked.returncode == 0, checked.stderr
    assert "deprecated" not in checked.stderr


@pytest.mark.parametrize("files", [files for files in RUN if "gateway.yaml" not in files], ids="+".join)
def test_a_collector_starts_with_the_files(files, tmp_path):
    with running_collector([CONFIGS / name for name in files], tmp_path, **SECRETS) as running:
        assert "Everything is ready" in running.text()
        assert "deprecated" not in running.text()


@pytest.fixture
def snippets(tmp_path):
    """Those of existing-stack.md, each as a file, behind a stack that they are for."""
    shown = re.findall(r"^```yaml\n(.*?)^```$", (CONFIGS / "existing-stack.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)  # fmt: skip
    stack = msgspec.yaml.decode((CONFIGS / "agent.yaml").read_bytes())
    del stack["extensions"]["file_storage/queue"]
    stack["exporters"] = {"debug": {}}
    stack["service"]["extensions"] = ["health_check"]
    for pipeline in stack["service"]["pipelines"].values():
        pipeline["exporters"] = ["debug"]
    files = [tmp_path / f"{name}.yaml" for name in ("stack", "exporter", "agents", "redacted")]
    for file, text in zip(files, [msgspec.yaml.encode(stack).decode(), *shown], strict=True):
        file.write_text(text)
    return files


def test_a_collector_takes_each_snippet_for_a_stack_that_is_there(snippets):
    stack, exporter, agents, redacted = snippets
    for files in ((exporter,), (exporter, agents), (CONFIGS / "redaction.yaml", exporter, redacted)):
        checked = collector("validate", *(word for path in (stack, *files) for word in ("--config", str(path))))
        assert checked.returncode == 0, checked.stderr
        assert "deprecated" not in checked.stderr


def test_a_stack_that_is_there_sends_arc_what_agents_do(snippets, tmp_path):
    stack, exporter, agents, _ = snippets
    lists = tmp_path / "lists.yaml"
    service = {"extensions": ["health_check", "file_storage/arc"], "pipelines": {"traces": {"exporters": ["debug"]}}}
    lists.write_bytes(msgspec.yaml.encode({"service": service}))
    made = Spans("mixed")
    made.tracer.start_span("SELECT").end()
    made.tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    with running_collector([CONFIGS / "agent.yaml"], tmp_path / "arc") as arc:
        env = {"COLLECTOR_ARC_URL": f"http://{arc.http}"}
        with running_collector([stack, exporter, agents, lists], tmp_path / "theirs", **env) as theirs:
            assert post(theirs, made.taken(), {}) == 200
            eventually(lambda: theirs.count("exporter_sent_spans", exporter="otlp_http/arc"))
            assert theirs.count("exporter_sent_spans", exporter="debug") == 2
        assert arc.count("receiver_accepted_spans") == 1


@pytest.mark.parametrize("file", ["gateway.yaml", "sampler.yaml"])
def test_what_believes_a_tenant_does_not_start_without_a_secret(file, quick_gateway):
    words = [word for path in (quick_gateway[0], CONFIGS / file) for word in ("--config", str(path))]
    refused = collector("validate", *words)
    assert refused.returncode != 0
    assert "no bearer token" in refused.stderr


def test_the_ports_are_sealed_as_the_page_says(tmp_path):
    (shown,) = re.findall(r"^```yaml\n(receivers:.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    sealed, certificate, key = (tmp_path / name for name in ("tls.yaml", "certificate.pem", "key.pem"))
    sealed.write_text(shown)
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    named = ["-subj", "/CN=arc-test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", *options, *named, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    env = {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    made = Spans("sealed")
    made.tracer.start_span("chat").end()
    body = encode_spans(made.taken()).SerializeToString()
    with running_collector([CONFIGS / "agent.yaml", sealed], tmp_path, **env) as running:
        trusting = ssl.create_default_context(cafile=certificate)
        with closing(http.client.HTTPSConnection(running.http, timeout=30, context=trusting)) as connection:
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            assert connection.getresponse().status == http.HTTPStatus.OK
        with grpc.secure_channel(running.grpc, grpc.ssl_channel_credentials(certificate.read_bytes())) as channel:
            channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(body, timeout=30)
        assert running.count("receiver_accepted_spans") == 2


def test_what_a_kill_left_of_a_compaction_is_cleaned_up(tmp_path):
    (tmp_path / "queue").mkdir()
    left = tmp_path / "queue" / "tempdb1234"
    left.write_bytes(b"half of a queue")
    with running_collector([CONFIGS / "agent.yaml"], tmp_path):
        assert not left.exists()


def test_the_table_of_settings_is_that_of_the_files():
    in_files = {}
    for path in FILES:
        for name, default in SETTING.findall(path.read_text("utf-8")):
            in_files.setdefault(name, {}).setdefault(default, set()).add(path.stem)
    in_table = {name: cell.strip() for name, cell in ROW.findall(README.read_text("utf-8"))}
    assert set(in_table) == set(in_files)
    wrong = {
        name: (in_table[name], defaults)
        for name, defaults in in_files.items()
        if set(re.findall(r"`([^`]*)`", in_table[name])) != {default for default in defaults if default}
        or ("empty" in in_table[name]) != ("" in defaults)
    }
    assert wrong == {}


def test_the_rules_of_redaction_are_those_that_arc_exports():
    command = [str(Path(sys.executable).with_name("arc")), "redact", "--export", "collector"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (CONFIGS / "redaction.yaml").read_text("utf-8") == printed


def test_the_gateway_normalises_the_names_that_arc_core_reads():
    said = set(
        re.findall(r'set\(span\.attributes\["([^"]+)"\], span\.attributes\["([^"]+)"\]\)', (CONFIGS / "gateway.yaml").read_text("utf-8"))
    )  # fmt: skip
    texts = {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES}
    assert said == {(name, other) for other, name in CANONICAL.items() if name not in texts and not other.startswith("deployment.")}  # fmt: skip
