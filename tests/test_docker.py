"""What docker/ says: each file is read by the library of the program it is for, and what it starts is run here.

There is no container engine in these tests. Images are made of what their Dockerfiles say, step by step, in an
environment of their own; commands, environments, ports and health checks are those of the files.
"""

import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from arc_testing import collector_program, eventually, free_ports, running_collector
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
COLLECTOR = ROOT / "collector-config"
TOOLS = ROOT / ".venv" / "tools"
UV = str(Path(sys.executable).with_name("uv"))
SECRETS = {
    "GATEWAY_SECRET": "between",
    "POSTGRES_PASSWORD": "postgres-word",
    "CLICKHOUSE_PASSWORD": "clickhouse-word",
    "KEY_OF_ACME": "key-of-acme",
    "ARC_CORE_API_KEY": "operator-key",
}
USER = 10001
"""Of the images."""


def check(kind, *files, env=None):
    """What the check of docker/check has read; it is wrong if that says so."""
    done = subprocess.run(
        [TOOLS / "check", kind, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | (env or {}),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def dockerfiles():
    files = sorted(DOCKER.glob("*.Dockerfile"))
    read = check("dockerfile", *files)
    return {file.name.removesuffix(".Dockerfile"): read[str(file)] for file in files}


def last(image, name):
    """The instruction `name` of the image's own stage that is in force."""
    return [one for one in image[-1]["Instructions"] if one["Name"] == name][-1]


def test_every_image_is_run_by_a_user_without_rights(dockerfiles):
    assert sorted(dockerfiles) == ["autoinstrumentation", "collector", "core", "runtime"]
    for image in dockerfiles.values():
        # By number: Kubernetes does not look up whether a name is root's.
        assert last(image, "USER")["Words"] in ([str(USER)], ["65532"])


def test_images_are_of_named_versions_say_what_they_are_and_start_without_a_shell(dockerfiles):
    for name, image in dockerfiles.items():
        stages = {stage["Name"] for stage in image}
        for stage in image:
            assert stage["Base"] in stages or re.search(r":\D*\d+(\.\d+)?\D", stage["Base"] + "-"), stage["Base"]
        told = last(image, "LABEL")["Text"]
        for label in ("title", "description", "licenses"):
            assert f"org.opencontainers.image.{label}=" in told, name
        for one in image[-1]["Instructions"]:
            if one["Name"] in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
                assert not one.get("IsShell"), name
            assert not re.search("KEY|SECRET|PASSWORD|TOKEN", " ".join(one.get("Pairs") or [])), name


def test_no_image_keeps_what_it_was_only_installed_from(dockerfiles):
    for name, image in dockerfiles.items():
        for one in image[-1]["Instructions"]:
            assert one["Name"] != "COPY" or not re.search("wheels|constraints", one["Text"]), name


def test_what_a_dockerfile_copies_or_mounts_is_there_and_not_ignored(dockerfiles):
    for name, image in dockerfiles.items():
        allowed = (DOCKER / f"{name}.Dockerfile.dockerignore").read_text().splitlines()
        kept = tuple(line[1:].partition("*")[0] for line in allowed if line.startswith("!"))
        for stage in image:
            for one in stage["Instructions"]:
                mounted = re.findall(r"--mount=type=bind,source=([^,]+)", one["Text"])
                for source in mounted if one["Name"] != "COPY" or one.get("From") else one["Sources"]:
                    assert list(ROOT.glob(source)), f"{name}: {source}"
                    assert source.startswith(kept), f"{name}: {source} is kept out by the .dockerignore"


def test_wheels_of_every_package_that_an_image_installs_are_built_in_it(dockerfiles):
    for name, image in dockerfiles.items():
        stage = next((one for one in image if one["Name"] == "wheels"), None)
        if stage is None:
            continue
        copied = {source.rstrip("/") for one in stage["Instructions"] for source in one.get("Sources", ())}
        folders = {file.parent for told in copied for file in (ROOT / told).rglob("pyproject.toml")} - {ROOT}
        built = {re.search(r'^name = "(.+)"', (one / "pyproject.toml").read_text(), re.MULTILINE)[1] for one in folders}
        needed = {
            found
            for one in folders
            for found in re.findall(
                r'^ {4}"(arc-[a-z-]+)>=',
                (one / "pyproject.toml").read_text().partition("[project.opt")[0],
                re.MULTILINE,
            )
        }
        assert needed <= built, name


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    build = [UV, "build", "--quiet", "--offline", "--all-packages", "--wheel", "--out-dir", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True)
    shutil.copy(ROOT / "constraints.txt", folder)
    return folder


@pytest.fixture(scope="module")
def made(wheels, dockerfiles, tmp_path_factory):
    """Make of an image's `pip install` an environment, its folder `bin`."""
    done: dict[str, Path] = {}

    def make(name):
        if name not in done:
            (run,) = [one for one in dockerfiles[name][-1]["Instructions"] if "pip install" in one["Text"]]
            command = run["Words"][0].partition("&& rm")[0].replace("\\\n", " ")
            # The constraints and the wheels are in this folder of the image.
            for there, here in (("/tmp/constraints.txt", wheels / "constraints.txt"), ("/tmp/wheels", wheels)):  # noqa: S108
                command = command.replace(there, str(here))
            venv = tmp_path_factory.mktemp(name) / "venv"
            subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, venv], check=True)
            # uv in place of pip, which takes a minute for the same.
            command = command.replace(
                "pip install --no-cache-dir", f"{UV} pip install --quiet --no-config --python {venv}/bin/python"
            )
            subprocess.run(["sh", "-c", command], check=True, cwd=venv)
            done[name] = venv / "bin"
        return done[name]

    return make


def unprivileged(program, *given):
    """How to start `program` as the user of the images, to whom the folders `given` are and the rest is as to anyone.

    Nothing of it where the tests may not become another user, or where what is run lies in a home that is closed to others.
    """
    if os.geteuid() != 0:
        return {}
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in (program, *given):
        for parent in folder.parents:
            if temporary in parent.parents:
                parent.chmod(parent.stat().st_mode | 0o001)
    outside = [Path(sys.executable).resolve(), program, *given]
    if not all(parent.stat().st_mode & 0o001 for one in outside for parent in one.parents):
        return {}
    for folder in given:
        os.chown(folder, USER, USER)
    return {"user": USER, "group": USER, "extra_groups": ()}


@contextmanager
def started(image, bin_folder, home, *, rights=None, **told) -> Iterator[subprocess.Popen]:
    """The container's command with the environment of its image and `told`, and nothing else."""
    # No folder of the user's but those that the image declares as volumes: the rest may be read-only.
    env = {"PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": "/nonexistent"}
    for one in image[-1]["Instructions"]:
        env |= one.get("Pairs") or {}
    words = [*last(image, "ENTRYPOINT")["Words"], *last(image, "CMD")["Words"]]
    words = [str(told.get(word, word)) for word in words]
    env |= {name: value for name, value in told.items() if name.isupper()}
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(words, env=env, stdout=log, stderr=log, cwd="/", **rights or {}) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def get(port, path):
    """The status that GET `path` is answered with on `port`; None when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return None


def body(port, path):
    """The text that GET `path` is answered with on `port`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return response.read().decode()


def healthy(image, bin_folder, port, default):
    """Whether the image's health check says so, for a service on `port` in place of `default`."""
    words = [word.replace(f"127.0.0.1:{default}", f"127.0.0.1:{port}") for word in last(image, "HEALTHCHECK")["Words"]]
    env = {"PATH": f"{bin_folder}:/usr/bin:/bin"}
    return subprocess.run(words, capture_output=True, check=False, env=env, timeout=30).returncode == 0


def test_the_image_of_arc_core_starts_answers_its_health_check_and_ends_in_order(dockerfiles, made, tmp_path):
    image, bin_folder = dockerfiles["core"], made("core")
    otlp_http, grpc = free_ports(2)
    data, scratch = tmp_path / "data", tmp_path / "tmp"
    for folder in (data, scratch):
        folder.mkdir()
    rights = unprivileged(bin_folder, data, scratch)
    # The image's own ports on all addresses would be in the way of others on this machine.
    moved = {
        "0.0.0.0:4317": f"127.0.0.1:{grpc}",
        "0.0.0.0:4318": f"127.0.0.1:{otlp_http}",
        "/var/lib/arc": data,
        "TMPDIR": str(scratch),
    }

    assert not healthy(image, bin_folder, otlp_http, 4318)
    with started(image, bin_folder, tmp_path, rights=rights, **moved, ARC_CORE_API_KEY="operator-key") as process:
        eventually(lambda: get(otlp_http, "/readyz") == 200 or process.poll() is not None, within_seconds=60)
        assert healthy(image, bin_folder, otlp_http, 4318), (tmp_path / "log").read_text()
        process.terminate()
        assert process.wait(30) == 0

    assert last(image, "EXPOSE")["Words"] == ["4317", "4318"]
    assert last(image, "VOLUME")["Words"] == ["/var/lib/arc"]


def test_the_image_of_arc_core_does_not_start_without_a_key(dockerfiles, made, tmp_path):
    moved = {"/var/lib/arc": tmp_path / "data"}

    with started(dockerfiles["core"], made("core"), tmp_path, **moved) as process:
        assert process.wait(60) == 2

    assert "no API key is set" in (tmp_path / "log").read_text()


def test_the_image_of_the_collector_starts_and_answers_its_health_check(dockerfiles, tmp_path):
    image, bin_folder = dockerfiles["collector"], tmp_path / "bin"
    bin_folder.mkdir()
    shutil.copy(collector_program(), bin_folder)
    queue = tmp_path / "queue"
    queue.mkdir()
    files = tmp_path / "etc"
    shutil.copytree(COLLECTOR, files)
    health, grpc, otlp_http, own = free_ports(4)
    moved = {
        "/etc/arc/agent.yaml": files / "agent.yaml",
        "COLLECTOR_GRPC": f"127.0.0.1:{grpc}",
        "COLLECTOR_HTTP": f"127.0.0.1:{otlp_http}",
        "COLLECTOR_HEALTH": f"127.0.0.1:{health}",
        "COLLECTOR_METRICS_HOST": "127.0.0.1",
        "COLLECTOR_METRICS_PORT": str(own),
        "COLLECTOR_QUEUE_DIR": str(queue),
    }
    assert not healthy(image, bin_folder, health, 13133)
    with started(image, bin_folder, tmp_path, rights=unprivileged(bin_folder, queue), **moved) as process:
        eventually(lambda: healthy(image, bin_folder, health, 13133), within_seconds=30)
        assert list(queue.iterdir())
        process.terminate()
        assert process.wait(30) == 0

    told = last(image, "ENV")["Pairs"]
    addresses = [
        told[name] for name in ("COLLECTOR_GRPC", "COLLECTOR_HTTP", "COLLECTOR_HEALTH", "COLLECTOR_SPAN_METRICS")
    ]
    assert {one.rpartition(":")[0] for one in addresses} == {told["COLLECTOR_METRICS_HOST"]} == {"0.0.0.0"}  # noqa: S104
    ports = {one.rpartition(":")[2] for one in addresses} | {"8888"}
    assert set(last(image, "EXPOSE")["Words"]) == ports
    assert last(image, "VOLUME")["Words"] == ["/var/lib/otelcol"]


def drain(collector, *words):
    """The command that a pod with a queue runs before it ends, for `collector`."""
    env = {"PATH": "/usr/bin:/bin", "COLLECTOR_METRICS_PORT": str(collector.metrics_port)}
    command = [DOCKER / "collector" / "arc-drain", *words]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def test_a_collector_that_is_to_go_first_sends_what_waits(tmp_path):
    otlp_http, grpc = free_ports(2)
    away = {"COLLECTOR_HTTP": f"127.0.0.1:{otlp_http}", "COLLECTOR_GRPC": f"127.0.0.1:{grpc}"}
    to_it = {"COLLECTOR_ARC_URL": f"http://127.0.0.1:{otlp_http}"}
    with running_collector([COLLECTOR / "agent.yaml"], tmp_path / "goes", **to_it) as goes:
        exporter = OTLPSpanExporter(f"http://{goes.http}/v1/traces")
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.get_tracer("t").start_span("waits").end()
        eventually(lambda: goes.count("exporter_queue_size") > 0)

        with drain(goes, "0", "0") as given_up:
            assert "stay on disk" in given_up.communicate(timeout=20)[1]
        assert given_up.returncode == 0

        with (
            drain(goes, "0", "60") as waiting,
            running_collector([COLLECTOR / "agent.yaml"], tmp_path / "next", **away) as hop,
        ):
            assert waiting.communicate(timeout=60)[1] == ""
            assert hop.count("receiver_accepted_spans") == 1
        provider.shutdown()

    with drain(goes, "0", "60") as dead:
        assert "stay on disk" not in dead.communicate(timeout=20)[1]
    assert (waiting.returncode, dead.returncode) == (0, 0)


def test_the_image_of_arc_core_has_what_a_clickhouse_server_and_postgresql_need(made):
    subprocess.run([made("core") / "python", "-c", "import clickhouse_connect, psycopg"], check=True)


def test_the_image_for_applications_traces_what_it_runs_and_passes_on_that_it_is_to_end(
    dockerfiles, made, tmp_path, arc_core
):
    image, bin_folder = dockerfiles["runtime"], made("runtime")
    env = {
        "PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path),
        "OTEL_SERVICE_NAME": "in-a-container", "ARC_ENDPOINT": arc_core.url,
    }  # fmt: skip
    program = (
        "import time; from opentelemetry import trace; "
        "trace.get_tracer('t').start_span('work of jane@example.com').end(); print('made', flush=True); time.sleep(60)"
    )

    command = [*last(image, "ENTRYPOINT")["Words"], "python", "-c", program]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"made\n"
        process.terminate()
        # What a shell makes of an end by SIGTERM; as the first process of a container Python itself would not end.
        assert process.wait(30) == 128 + signal.SIGTERM

    (trace,) = eventually(lambda: arc_core.traces("in-a-container"))
    assert [span["name"] for span in trace["spans"]] == ["work of <EMAIL>"]
    doctor = [*last(image, "ENTRYPOINT")["Words"], *last(image, "CMD")["Words"]]
    told = subprocess.run(doctor, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.fixture(scope="module")
def injected(wheels, dockerfiles, tmp_path_factory):
    """The folder /autoinstrumentation of the operator's image, of the Python that runs this."""
    stages = {one["Name"]: one for one in dockerfiles["autoinstrumentation"]}
    run = [one["Words"][0] for one in stages["glibc-3.11"]["Instructions"] if one["Name"] == "RUN"]
    assert run == ["sh /wheels/install.sh /wheels /autoinstrumentation"]
    folder = tmp_path_factory.mktemp("injected")
    script = DOCKER / "autoinstrumentation" / "install.sh"
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env |= {"PIP": f"{UV} pip", "UV_PYTHON": sys.executable, "UV_NO_CONFIG": "1"}  # pip takes a minute for the same
    subprocess.run(["sh", script, wheels, folder / "arc"], check=True, env=env, timeout=110, umask=0o077)
    return folder / "arc"


def test_what_the_operator_puts_into_a_pod_traces_it(injected, arc_core, tmp_path):
    bare = tmp_path / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, bare], check=True)
    instrumentation = yaml.safe_load((DOCKER / "operator" / "instrumentation.yaml").read_text())
    told = {one["name"]: one["value"] for one in instrumentation["spec"]["python"]["env"] if "value" in one}
    # What the operator itself sets: its pkg/instrumentation/python.go.
    env = told | {
        "PATH": f"{bare}/bin:/usr/bin:/bin", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path),
        "PYTHONPATH": f"{injected}/opentelemetry/instrumentation/auto_instrumentation:{injected}",
        "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": arc_core.url, "OTEL_SERVICE_NAME": "in-a-pod",
    }  # fmt: skip
    program = tmp_path / "app.py"
    program.write_text(
        "from opentelemetry import trace; trace.get_tracer('t').start_span('work of jane@example.com').end()"
    )

    subprocess.run([bare / "bin" / "python", program], env=env, check=True, timeout=60)

    (trace,) = eventually(lambda: arc_core.traces("in-a-pod"))
    assert [span["name"] for span in trace["spans"]] == ["work of <EMAIL>"]


def test_what_the_operator_puts_into_a_pod_has_no_grpc_and_is_told_apart_by_python(injected):
    assert not list(injected.glob("grpc*"))
    assert not (injected / "opentelemetry" / "exporter" / "otlp" / "proto" / "grpc").exists()
    # Each says which Python it is for, or that any will do: those of several lie beside each other.
    names = {file.name for file in injected.rglob("*.so")}
    assert names
    assert {name for name in names if "cpython-3" not in name and ".abi3." not in name} == set()


def test_whoever_an_init_container_is_may_read_what_the_operator_puts_into_a_pod(injected):
    hidden = [file for file in injected.rglob("*") if not file.stat().st_mode & (0o001 if file.is_dir() else 0o004)]
    assert hidden == []


def test_every_python_and_libc_has_its_part_in_the_image_of_the_operator(dockerfiles):
    image = dockerfiles["autoinstrumentation"]
    made_in = {one["Name"] for one in image if one["Name"].startswith(("glibc", "musl"))}
    copied = {one["From"]: one["Target"] for one in image[-1]["Instructions"] if one["Name"] == "COPY"}
    assert copied == {
        name: "/autoinstrumentation/" if name.startswith("glibc") else "/autoinstrumentation-musl/" for name in made_in
    }


@pytest.mark.parametrize("name", ["compose.yaml", "compose.full.yaml"])
def test_compose_files_are_what_compose_takes(name):
    project = check("compose", DOCKER / name, env=SECRETS)

    for service, told in project["services"].items():
        for port in told.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", service
        if "build" in told:
            assert (DOCKER / Path(told["build"]["dockerfile"]).name).is_file(), service
            assert told["read_only"], service
        assert int(told["deploy"]["resources"]["limits"]["memory"]) > 0, service
        assert "no-new-privileges:true" in told["security_opt"], service


def test_only_what_puts_keys_into_kong_reaches_its_admin_api():
    project = check("compose", DOCKER / "compose.full.yaml", env=SECRETS)["services"]
    listen = project["kong"]["environment"]["KONG_ADMIN_LISTEN"]
    assert listen.startswith("127.0.0.1:")
    assert project["kong-sync"]["network_mode"] == "service:kong"
    assert project["kong-sync"]["command"][-1] == f"http://{listen}"
    assert not {str(port["target"]) for port in project["kong"]["ports"]} & {listen.rpartition(":")[2]}


def test_compose_does_not_start_with_a_secret_missing():
    for name in SECRETS:
        env = {key: value for key, value in (os.environ | SECRETS).items() if key != name}
        done = subprocess.run(
            [TOOLS / "check", "compose", DOCKER / "compose.full.yaml"],
            capture_output=True,
            text=True,
            check=False,
            env=env,
        )
        assert done.returncode == 1
        assert name in done.stderr


def test_what_compose_waits_for_has_a_health_check(dockerfiles):
    project = check("compose", DOCKER / "compose.full.yaml", env=SECRETS)["services"]
    waited = {
        other
        for told in project.values()
        for other, how in (told.get("depends_on") or {}).items()
        if how["condition"] == "service_healthy"
    }
    images = {told["image"].removeprefix("arc-"): name for name, told in project.items() if "build" in told}
    with_own = {images[name] for name in ("core",) if last(dockerfiles[name], "HEALTHCHECK")["Words"]}
    assert waited <= {name for name, told in project.items() if told.get("healthcheck")} | with_own


def arc_core_settings():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    return set(re.findall(r"ARC_CORE_[A-Z_]+", page))


def collector_settings():
    files = [file.read_text() for file in (ROOT / "collector-config").glob("*.yaml")]
    return {name for text in files for name in re.findall(r"\$\{env:([A-Z0-9_]+)", text)}


def test_every_setting_that_a_container_is_given_is_one_that_its_program_has():
    known = arc_core_settings() | collector_settings() | {"ARC_API_KEY", "OTEL_EXPORTER_OTLP_PROTOCOL"}
    project = check("compose", DOCKER / "compose.full.yaml", env=SECRETS)["services"]
    told = {name for service in project.values() for name in service.get("environment") or {}}
    for file in (DOCKER / "kubernetes").glob("*.yaml"):
        told |= set(re.findall(r"name: ((?:ARC|COLLECTOR|OTEL)_[A-Z_]+)", file.read_text()))
    assert {name for name in told if name.startswith(("ARC_", "COLLECTOR_", "OTEL_"))} - known == set()


def test_every_file_that_a_collector_is_started_with_is_in_its_image():
    project = check("compose", DOCKER / "compose.full.yaml", env=SECRETS)["services"]
    words = [word for service in project.values() for word in service.get("command") or []]
    for file in (DOCKER / "kubernetes").glob("*.yaml"):
        words += re.findall(r"/etc/arc/[a-z-]+\.yaml", file.read_text())
    files = {word.removeprefix("/etc/arc/") for word in words if word.startswith("/etc/arc/")}
    assert files
    assert {file for file in files if not (ROOT / "collector-config" / file).is_file()} == set()


def test_compose_makes_the_topics_of_kafka_yaml_before_a_collector_writes_or_reads_them():
    project = check("compose", DOCKER / "compose.full.yaml", env=SECRETS)["services"]
    made = " ".join(project["topics"]["entrypoint"])
    text = (ROOT / "collector-config" / "kafka.yaml").read_text()
    topics = re.findall(r"COLLECTOR_KAFKA_(?:TRACES|LOGS|METRICS):-([^}]+)", text)
    (size,) = re.findall(r"COLLECTOR_KAFKA_MESSAGE_BYTES:-(\d+)", text)
    assert len(topics) == 3
    assert [topic for topic in topics if topic not in made] == []
    assert f"max.message.bytes={size}" in made
    waiting = {name for name, told in project.items() if "topics" in (told.get("depends_on") or {})}
    assert waiting == {
        name for name, told in project.items() if "COLLECTOR_KAFKA_BROKERS" in (told.get("environment") or {})
    }


def test_the_chart_is_one_that_helm_takes():
    for values in ([], *(["--values", file.name] for file in (DOCKER / "helm").glob("values-*.yaml"))):
        command = [TOOLS / "helm", "lint", "arc", "--strict", "--kube-version", "1.31.0", *values]
        done = subprocess.run(command, cwd=DOCKER / "helm", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_the_images_and_the_operators_resource_are_of_the_version_of_arc_core():
    version = importlib.metadata.version("arc-core")
    chart = yaml.safe_load((DOCKER / "helm" / "arc" / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    files = [DOCKER / "helm" / "arc" / "values.yaml", DOCKER / "operator" / "instrumentation.yaml"]
    images = [one for file in files for one in re.findall(r"^ +image: (\S+)", file.read_text(), re.MULTILINE)]
    assert len(images) == 3
    assert {one.rpartition(":")[2] for one in images} == {version}


def test_the_manifests_are_what_the_chart_renders(tmp_path):
    env = os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
    subprocess.run([DOCKER / "helm" / "render.sh", tmp_path], check=True, env=env)

    for file in sorted((DOCKER / "kubernetes").glob("*.yaml")):
        assert file.read_text() == (tmp_path / file.name).read_text(), f"{file.name}: `make manifests` writes it anew"
    assert len(list(tmp_path.iterdir())) == len(list((DOCKER / "kubernetes").glob("*.yaml")))


def test_manifests_are_what_kubernetes_takes():
    files = sorted((DOCKER / "kubernetes").glob("*.yaml"))
    kinds = {Path(name).stem: sorted(found) for name, found in check("kubernetes", *files).items()}

    many = ["HorizontalPodAutoscaler", "PodDisruptionBudget"]
    scaled = ["Deployment", *many, *many, "ServiceAccount", *["Service"] * 4, "StatefulSet"]
    assert kinds == {
        "embedded": ["Service", "Service", "ServiceAccount", "StatefulSet"],
        "scaled": sorted(scaled),
        "sampled": sorted([*scaled, "PodDisruptionBudget", "Service", "StatefulSet"]),
        "kafka": sorted([*scaled, "Deployment", *many]),
    }


def test_a_misspelt_field_of_a_manifest_is_found(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text((DOCKER / "kubernetes" / "embedded.yaml").read_text().replace("readinessProbe", "readynessProbe"))

    done = subprocess.run([TOOLS / "check", "kubernetes", file], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "readynessProbe" in done.stderr


def documents(name):
    return [one for one in yaml.safe_load_all((DOCKER / "kubernetes" / name).read_text()) if one]


def every_document():
    return [one for file in sorted((DOCKER / "kubernetes").glob("*.yaml")) for one in documents(file.name)]


def pods(documents):
    """The pods that Deployments and StatefulSets make, with the name of each."""
    for document in documents:
        if document["kind"] in ("Deployment", "StatefulSet"):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def test_probes_ports_and_secrets_of_the_manifests_are_those_of_the_images(dockerfiles):
    images = {"core": dockerfiles["core"], "collector": dockerfiles["collector"]}
    for name, pod in pods(every_document()):
        (container,) = pod["containers"]
        image = images[container["name"]]
        assert {str(port["containerPort"]) for port in container["ports"]} <= set(last(image, "EXPOSE")["Words"])
        if name != "arc-consumer":  # it has nothing on disk
            assert set(last(image, "VOLUME")["Words"]) <= {one["mountPath"] for one in container["volumeMounts"]}
        names = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in names
        for one in container["env"]:
            is_secret = any(word in one["name"] for word in ("KEY", "SECRET", "STORE", "REGISTRY"))
            assert ("valueFrom" in one) == is_secret, one["name"]


def test_pods_have_no_rights_and_hear_of_their_end():
    for _, pod in pods(every_document()):
        (container,) = pod["containers"]
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["requests"]["cpu"]
        assert container["resources"]["limits"]["memory"]
        # What is done before the end, and 30 s for the end itself.
        before = sum(int(word) for word in lifecycle(container) if word.isdigit())
        assert pod["terminationGracePeriodSeconds"] == before + 30


def lifecycle(container):
    return container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])


def test_every_selector_finds_the_pods_of_one_tier():
    for file in (DOCKER / "kubernetes").glob("*.yaml"):
        found = documents(file.name)
        tiers = {
            one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
            for one in found
            if one["kind"] in ("Deployment", "StatefulSet")
        }
        services = {one["metadata"]["name"] for one in found if one["kind"] == "Service"}
        for one in found:
            if one["kind"] in ("ServiceAccount", "HorizontalPodAutoscaler"):
                continue
            selector = one["spec"]["selector"]
            wanted = selector.get("matchLabels", selector).items()
            of = [name for name, labels in tiers.items() if wanted <= labels.items()]
            assert of == [one["metadata"]["name"].removesuffix("-headless")], one
            if one["kind"] == "StatefulSet":
                assert one["spec"]["serviceName"] in services
            if one["metadata"]["name"].endswith("-headless"):
                assert one["spec"]["clusterIP"] == "None"


def test_no_queue_is_left_behind_by_an_autoscaler():
    for one in every_document():
        if one["kind"] == "HorizontalPodAutoscaler":
            has_queue = one["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"
            told = one["spec"].get("behavior", {}).get("scaleDown", {}).get("selectPolicy")
            assert (told == "Disabled") == has_queue, one["metadata"]["name"]
        if one["kind"] == "StatefulSet":
            assert one["spec"]["persistentVolumeClaimRetentionPolicy"] == {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            }
            if one["metadata"]["name"] != "arc-core":
                (container,) = one["spec"]["template"]["spec"]["containers"]
                assert lifecycle(container)[0] == (DOCKER / "collector" / "arc-drain").name


@contextmanager
def contained(file, name, image, folder, **told):
    """The Collector's container of the pod `name`; yields its ports by their names, once its probes have answered.

    All is as the manifest has it, but for this machine's sake: what is on all addresses is on the loopback, and each port
    is another number.
    """
    (pod,) = [pod for found, pod in pods(documents(file)) if found == name]
    (container,) = pod["containers"]
    env = last(image, "ENV")["Pairs"] | {one["name"]: one.get("value", "from-the-secret") for one in container["env"]}
    addresses = {key: value for key, value in env.items() if re.fullmatch(r"[0-9.]+:\d+", value)}
    assert {one.rpartition(":")[0] for one in addresses.values()} == {env["COLLECTOR_METRICS_HOST"]} == {"0.0.0.0"}  # noqa: S104
    numbers = [port["containerPort"] for port in container["ports"]]
    ports = dict(zip(numbers, free_ports(len(numbers)), strict=True))
    others = iter(free_ports(9))
    moved = {
        key: f"127.0.0.1:{ports.get(int(value.rpartition(':')[2])) or next(others)}" for key, value in addresses.items()
    }
    moved |= {
        "COLLECTOR_METRICS_HOST": "127.0.0.1", "COLLECTOR_METRICS_PORT": str(ports[8888]), "PATH": "/usr/bin:/bin",
        "COLLECTOR_STAMPED": f"127.0.0.1:{next(others)}", "COLLECTOR_QUEUE_DIR": str(folder / "queue"),
        "COLLECTOR_ARC_URL": "http://127.0.0.1:9", **told,
    }  # fmt: skip
    assert told.keys() <= env.keys() | {"COLLECTOR_SAMPLERS_PORT"}
    words = [word.replace("/etc/arc/", f"{COLLECTOR}/") for word in container["args"]]
    folder.mkdir()
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([collector_program(), *words], env=env | moved, stdout=log, stderr=log, cwd="/") as process,
    ):
        try:
            by_name = {port["name"]: ports[port["containerPort"]] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container[probe]["httpGet"]
                port, path = by_name[asked["port"]], asked["path"]
                eventually(
                    lambda port=port, path=path: get(port, path) == 200 or process.poll() is not None, within_seconds=30
                )
            assert process.poll() is None, (folder / "log").read_text()[-4000:]
            for port in by_name.values():
                with socket.create_connection(("127.0.0.1", port), timeout=5):
                    pass
            assert get(by_name["metrics"], "/metrics") == 200
            yield by_name
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_gateways_and_samplers_listen_and_find_each_other_as_their_manifests_say(dockerfiles, tmp_path):
    image = dockerfiles["collector"]
    with contained("sampled.yaml", "arc-sampler", image, tmp_path / "sampler") as sampler:
        # What a cluster's DNS says of arc-sampler-headless.
        found = {"COLLECTOR_SAMPLERS": "127.0.0.1", "COLLECTOR_SAMPLERS_PORT": str(sampler["otlp-grpc"])}
        with contained("sampled.yaml", "arc-gateway", image, tmp_path / "gateway", **found) as gateway:
            provider = TracerProvider()
            headers = {"x-arc-gateway-secret": "from-the-secret", "x-consumer-custom-id": "acme"}
            exporter = OTLPSpanExporter(f"http://127.0.0.1:{gateway['otlp-http']}/v1/traces", headers=headers)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            provider.get_tracer("t").start_span("sampled").end()
            # As the guide says it, for Prometheus.
            (name,) = re.findall(
                r"`(otelcol_receiver_accepted_spans)`", (ROOT / "docs/guide/telemetry-pipelines.md").read_text()
            )
            eventually(
                lambda: re.search(rf"^{name}{{.*}} 1$", body(sampler["metrics"], "/metrics"), re.MULTILINE),
                within_seconds=20,
            )
            provider.shutdown()


def test_consumers_of_kafka_listen_as_their_manifest_says(dockerfiles, tmp_path):
    away = {"COLLECTOR_KAFKA_BROKERS": "127.0.0.1:9"}
    with contained("kafka.yaml", "arc-consumer", dockerfiles["collector"], tmp_path / "consumer", **away) as consumer:
        assert sorted(consumer) == ["health", "metrics"]


def test_arc_core_answers_the_probes_of_the_manifests(arc_core):
    ((_, pod),) = pods(documents("embedded.yaml"))
    (container,) = pod["containers"]
    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert paths == {"/healthz", "/readyz"}
    assert arc_core.get("/readyz")["status"] == "ready"


def render(*told, release="arc", chart="arc"):
    sets = [word for one in told for word in ("--set-json" if "=[" in one or "={" in one else "--set", one)]
    command = [TOOLS / "helm", "template", release, chart, "--kube-version", "1.31.0", *sets]
    return subprocess.run(command, cwd=DOCKER / "helm", capture_output=True, text=True, check=False)


EXTERNAL = ("core.external=true", "secret.create=true", "secret.apiKey=k", "gateway.enabled=true")


def test_the_chart_makes_a_secret_when_it_is_told_to_and_says_what_is_missing():
    assert "secret.apiKey" in render("secret.create=true").stderr
    assert "secret.storeUrl" in render("secret.create=true", "secret.apiKey=k", "core.external=true").stderr
    assert "secret.gatewaySecret" in render(*EXTERNAL).stderr
    made = render("secret.create=true", "secret.apiKey=k", "secret.gatewaySecret=g")
    found = list(yaml.safe_load_all(made.stdout))
    (secret,) = [one for one in found if one["kind"] == "Secret"]
    assert secret["stringData"] == {"api-key": "k", "gateway-secret": "g"}
    # Pods are made anew when it changes.
    again = list(
        yaml.safe_load_all(render("secret.create=true", "secret.apiKey=other", "secret.gatewaySecret=g").stdout)
    )
    sums = [
        one["spec"]["template"]["metadata"]["annotations"]["checksum/secret"]
        for one in (*found, *again)
        if one["kind"] == "StatefulSet"
    ]
    assert len(set(sums)) == 2


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["core.replica=3"], "additional properties"),
        (["core.replicas=0"], "minimum"),
        (["core.image=arc-core"], "/core/image"),
        (["core.persistence.size=much"], "size"),
        (['core.env={"A": 1}'], "/core/env/A"),
        (['gateway.configs=["../../secret.yaml"]'], "configs"),
        (["core.service.type=Public"], "type"),
        (["kafka.enabled=true", "gateway.enabled=true"], "kafka.brokers"),
        (["kafka.brokers=kafka"], "brokers"),
        (["kafka.enabled=true", "kafka.brokers=k:9092"], "gateway.enabled"),
        (["sampler.enabled=true"], "gateway.enabled"),
        (["sampler.enabled=true", "gateway.enabled=true", "kafka.enabled=true", "kafka.brokers=k:9092"], "one of them"),
        (["ingress.enabled=true"], "ingress.hosts"),
    ],
)
def test_the_chart_says_which_value_is_wrong(told, said):
    done = render(*told)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_chart_with_all_that_it_can_do_is_what_kubernetes_takes(tmp_path):
    whole = {
        "podAnnotations": {"prometheus.io/scrape": "true"}, "podLabels": {"team": "a"}, "priorityClassName": "high",
        "nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}}, "envFrom": [{"secretRef": {"name": "more"}}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        "volumes": [{"name": "more", "secret": {"secretName": "more"}}],
        "volumeMounts": [{"name": "more", "mountPath": "/etc/more"}], "env": {"A": "1"},
    }  # fmt: skip
    for more in ("sampler", "kafka"):
        values = {
            "core": whole | {"external": True, "service": {"annotations": {"a": "b"}}},
            "gateway": whole | {"enabled": True, "extraConfigs": ["/etc/more/more.yaml"], "service": {"type": "NodePort"}},
            "sampler": whole | {"enabled": more == "sampler", "extraConfigs": ["/etc/more/more.yaml"]},
            "kafka": {"enabled": more == "kafka", "brokers": "a:1,b:2", "env": {"COLLECTOR_KAFKA_CA": "/etc/more/ca"}, "consumer": whole},
            "imagePullSecrets": [{"name": "registry"}],
            "ingress": {"enabled": True, "className": "nginx", "hosts": ["arc.example.com"], "tls": [{"secretName": "tls"}]},
            "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}], "metricsFrom": [{"podSelector": {}}]},
            "serviceAccount": {"annotations": {"a": "b"}},
            "secret": {"create": True, "apiKey": "k", "gatewaySecret": "g", "storeUrl": "s", "registryUrl": "r"},
        }  # fmt: skip
        told = [f"{name}={json.dumps(value)}" for name, value in values.items()]
        done = render(*told, release="mine")
        assert done.returncode == 0, done.stderr
        file = tmp_path / f"{more}.yaml"
        file.write_text(done.stdout)
        kinds = set(check("kubernetes", file)[str(file)])
        assert {"Ingress", "NetworkPolicy", "Secret"} <= kinds
        found = [one for one in yaml.safe_load_all(done.stdout) if one]
        # A second release lies beside a first one.
        names = {one["metadata"]["name"] for one in found} - {"arc"}  # that is the Secret's, as it was named
        assert all(name.startswith("mine-arc") for name in names), names
        for name, pod in pods(found):
            (container,) = pod["containers"]
            assert pod["imagePullSecrets"] == [{"name": "registry"}]
            assert pod["nodeSelector"] == {"disk": "fast"}
            assert container["envFrom"] == whole["envFrom"], name
            if "core" not in name:
                assert container["args"][-1] == "--config=/etc/more/more.yaml" or "consumer" in name
        policies = {one["metadata"]["name"]: one["spec"] for one in found if one["kind"] == "NetworkPolicy"}
        assert policies["mine-arc-gateway"]["ingress"][1]["from"] == [{"podSelector": {}}]
        if more == "sampler":
            (peer,) = policies["mine-arc-sampler"]["ingress"][0]["from"]
            assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"


def test_the_notes_of_the_chart_say_where_it_is_found(tmp_path):
    chart = tmp_path / "arc"
    shutil.copytree(DOCKER / "helm" / "arc", chart)
    # helm shows notes only once a cluster has taken the chart.
    (chart / "templates" / "NOTES.txt").rename(chart / "notes")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "notes") . | toJson }}')

    def notes(*told):
        done = render(*told, chart=chart)
        assert done.returncode == 0, done.stderr
        (found,) = [one["notes"] for one in yaml.safe_load_all(done.stdout) if one and "notes" in one]
        return found

    plain = notes()
    assert "port-forward svc/arc-core 4318" in plain
    assert "arc-core.default:4317" in plain
    assert "not made by this chart" in plain
    more = notes("ingress.enabled=true", 'ingress.hosts=["arc.example.com"]', "gateway.enabled=true")
    assert "http://arc.example.com" in more
    assert "arc-gateway.default:4317" in more
