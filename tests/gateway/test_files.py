"""The files in docker/gateway: each is what its gateway takes, as far as that can be asked offline."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "docker" / "gateway"
TOLD = {"DECK_ARC_GATEWAY_SECRET": "between", "DECK_ARC_BEHIND": "arc-core", "DECK_ARC_KEY_ACME": "key-of-acme"}
# What Kong 3.9 and 3.10 take: the fields of kong/plugins/*/schema.lua there, with the values that are chosen from.
PLUGINS = {
    "key-auth": {
        "key_names": list, "hide_credentials": bool, "anonymous": str, "key_in_header": bool, "key_in_query": bool,
        "key_in_body": bool, "run_on_preflight": bool, "realm": str,
    },
    "rate-limiting": {
        "second": int, "minute": int, "hour": int, "day": int, "month": int, "year": int,
        "limit_by": {"consumer", "credential", "ip", "service", "header", "path"}, "header_name": str, "path": str,
        "policy": {"local", "cluster", "redis"}, "fault_tolerant": bool, "redis": dict, "hide_client_headers": bool,
        "error_code": int, "error_message": str, "sync_rate": int,
    },
    "request-size-limiting": {
        "allowed_payload_size": int, "size_unit": {"megabytes", "kilobytes", "bytes"}, "require_content_length": bool,
    },
    "request-transformer": {"http_method": str, "remove": dict, "rename": dict, "replace": dict, "add": dict, "append": dict},
}  # fmt: skip


def check_kong(file):
    command = [ROOT / ".venv" / "tools" / "check", "kong", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | TOLD)


def kong():
    text = re.sub(r'\$\{\{ env "(\w+)" \}\}', lambda found: TOLD[found[1]], (FILES / "kong.yml").read_text())
    return yaml.safe_load(text)


def test_kongs_configuration_is_what_deck_takes():
    done = check_kong(FILES / "kong.yml")

    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert read["consumers"] == ["acme"]
    assert sorted(read["services"]) == sorted(read["routes"]) == ["arc-otlp-grpc", "arc-otlp-http"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("consumers:", "consumer:"), ("keyauth_credentials", "keyauth_credential"), ("retries: 0", "retries: no")],
)
def test_a_mistake_in_kongs_configuration_is_found(tmp_path, right, wrong):
    text = (FILES / "kong.yml").read_text()
    assert right in text
    file = tmp_path / "kong.yml"
    file.write_text(text.replace(right, wrong))

    assert check_kong(file).returncode == 1


def test_plugins_of_kong_are_told_what_they_know():
    told = kong()
    plugins = [*told["plugins"], *(one for service in told["services"] for one in service.get("plugins", []))]
    assert sorted(one["name"] for one in plugins) == sorted(PLUGINS)
    for plugin in plugins:
        for name, value in plugin["config"].items():
            kind = PLUGINS[plugin["name"]][name]
            assert value in kind if isinstance(kind, set) else isinstance(value, kind), (plugin["name"], name)


def test_kong_keeps_the_contract_that_the_others_are_asked_about():
    told = kong()
    configs = {one["name"]: one["config"] for one in told["plugins"]}
    # Off by default, and then the key goes on to Arc.
    assert configs["key-auth"]["hide_credentials"]
    assert not configs["key-auth"]["key_in_query"]
    # Kong's default, 429, makes exporters over gRPC drop what they have.
    assert configs["rate-limiting"]["error_code"] == 503
    assert not configs["rate-limiting"]["hide_client_headers"]
    assert configs["request-transformer"]["remove"]["headers"] == ["x-arc-gateway-secret", "authorization"]
    assert configs["request-transformer"]["add"]["headers"] == ["x-arc-gateway-secret:between"]
    for service in told["services"]:
        assert service["retries"] == 0
        for route in service["routes"]:
            assert not route.get("strip_path", service["protocol"] == "http")
            is_grpc = service["protocol"] == "grpc"
            assert "methods" not in route or not is_grpc


def test_no_file_of_a_gateway_holds_a_key_or_a_secret():
    for file in FILES.iterdir():
        text = file.read_text()
        assert not re.search(r"arc_live_[a-z0-9]{12}_", text), file.name


def test_envoys_configuration_is_what_envoy_takes():
    envoy = Path(sys.executable).with_name("envoy")
    command = [envoy, "--mode", "validate", "--config-path", FILES / "envoy.yaml"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"GATEWAY_SECRET": "between"},
    )
    assert done.returncode == 0, done.stderr
    # Nothing that is on its way out of Envoy.
    assert "deprecated" not in done.stderr.lower()


def test_variables_of_nginx_are_those_of_the_table():
    used = set(re.findall(r"\$\{(GATEWAY_\w+)\}", (FILES / "nginx.conf.template").read_text()))
    told = set(re.findall(r"^\| `(GATEWAY_\w+)` \|", (FILES / "README.md").read_text(), re.MULTILINE))
    assert used == told
