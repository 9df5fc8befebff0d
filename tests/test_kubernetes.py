"""What the chart in docker/helm renders, asked of helm and of Kubernetes' own types; its Collectors are run here."""

import importlib.metadata
import json
import os
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from arc_testing import collector_program, eventually, free_ports
from docker_files import COLLECTOR, DOCKER, ROOT, TOOLS, body, check, dockerfiles, get, last
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor


@pytest.fixture(scope="module", name="dockerfiles")
def stages_of_dockerfiles():
    return dockerfiles()


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
