"""What docker/ says: each file is read by the library of the program it is for, and what it starts is run here.

There is no container engine in these tests. Images are made of what their Dockerfiles say, step by step, in an
environment of their own; commands, environments, ports and health checks are those of the files.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from arc_testing import collector_program, eventually, free_ports, running_collector
from docker_files import COLLECTOR, DOCKER, ROOT, TOOLS, check, dockerfiles, get, last
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

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


@pytest.fixture(scope="module", name="dockerfiles")
def stages_of_dockerfiles():
    return dockerfiles()


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


def test_nobody_but_deck_reaches_what_kong_is_told_by():
    project = check("compose", DOCKER / "compose.full.yaml", env=SECRETS)["services"]
    listens = project["kong"]["environment"]["KONG_ADMIN_LISTEN"]
    assert listens.startswith("127.0.0.1:")
    assert project["kong-sync"]["network_mode"] == "service:kong"
    assert f"http://{listens}" in project["kong-sync"]["command"]
    assert project["kong"]["environment"]["KONG_ADMIN_GUI_LISTEN"] == "off"


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
