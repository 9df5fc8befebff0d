"""What Arc Core tells a gateway that asks whose a key is."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def asked(launched, tmp_path_factory):
    """An Arc Core with keys, and these: one that may send, one that may only read, a revoked one."""
    data = tmp_path_factory.mktemp("gateway")

    def arc(*arguments):
        command = [sys.executable, "-m", "arc_core", *arguments, "--data", str(data)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    arc("tenants", "create", "acme")
    keys = {}
    for name, scope in (("sender", "ingest"), ("reader", "read"), ("revoked", "ingest")):
        keys[name] = arc("keys", "create", "--tenant", "acme", "--scope", scope)
    arc("keys", "revoke", keys["revoked"].split("_")[2])
    return launched(data, "--gateway-secret", "between"), keys


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", ["", "/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"])
def test_a_gateway_is_told_the_tenant_of_a_key(asked, method, path):
    core, keys = asked

    answer = core.request(method, "/gateway/ingest" + path, headers={"x-api-key": keys["sender"]})

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-consumer-custom-id"] == "acme"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("name", "status"), [("reader", 403), ("revoked", 401), ("nobody", 401)])
def test_a_gateway_is_told_nothing_of_a_key_that_may_not_send(asked, name, status):
    core, keys = asked

    answer = core.get("/gateway/ingest/v1/traces", **{"x-api-key": keys.get(name, "sesame")})

    assert answer.status == status
    assert "x-consumer-custom-id" not in answer.headers


def test_a_client_cannot_have_itself_named_another_tenant(asked):
    core, keys = asked

    answer = core.get("/gateway/ingest", **{"x-api-key": keys["sender"], "x-consumer-custom-id": "default"})

    assert answer.headers["x-consumer-custom-id"] == "acme"
