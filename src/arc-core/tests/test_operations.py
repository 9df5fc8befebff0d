"""What whoever runs Arc Core needs: probes, metrics, logs, settings by file, backups, keys in force."""

import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import closing

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse


def arc(*arguments, status=0, **environment):
    """Run `arc core` with these arguments; the finished process."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ARC_")}
    done = subprocess.run(
        [sys.executable, "-m", "arc_core", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=env | environment,
    )
    assert done.returncode == status, done.stderr
    return done


def edit(data, sql, *values):
    """Do to the registry what Arc Core would not."""
    with closing(sqlite3.connect(data / "registry.db")) as registry, registry:
        registry.execute(sql, values)


def make_key(data, *arguments):
    return json.loads(arc("keys", "create", "--json", "--data", data, *arguments).stdout)


@pytest.fixture(scope="module")
def keyed(launched, tmp_path_factory):
    """A running Arc Core with two tenants, and a key for each thing."""
    data = tmp_path_factory.mktemp("keyed")
    arc("tenants", "create", "acme", "--data", data)
    keys = {
        "sender": make_key(data, "--tenant", "acme", "--scope", "ingest"),
        "reader": make_key(data, "--tenant", "acme", "--scope", "read"),
        "boss": make_key(data, "--tenant", "acme", "--scope", "admin", "--scope", "read"),
        "operator": make_key(data, "--scope", "admin", "--scope", "read"),
    }
    return launched(data), {name: {"x-api-key": key["key"]} for name, key in keys.items()}, data


def test_probes_need_no_key(keyed):
    core, _, _ = keyed

    assert core.get("/healthz").body == b"ok\n"
    assert core.get("/readyz").json() == {"status": "ready", "store": "ok", "disk": "ok", "registry": "ok"}


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("sender", "/api/v1/traces", 403),
        ("reader", "/api/v1/traces", 200),
        ("reader", "/api/v1/admin/keys", 403),
        ("reader", "/metrics", 403),
        ("boss", "/api/v1/admin/keys", 200),
        ("boss", "/api/v1/admin/backup", 403),
        ("operator", "/api/v1/admin/audit", 200),
    ],
)
def test_a_key_opens_what_it_is_for_and_nothing_else(keyed, name, path, status):
    core, keys, _ = keyed

    assert core.get(path, **keys[name]).status == status
    assert core.get(path).status == 401


def test_sending_needs_the_scope_for_it(keyed, wire, transports):
    core, keys, _ = keyed
    body = wire.request(wire.span())

    for transport in transports.values():
        assert transport.send(core, body, keys["sender"]["x-api-key"]).outcome == "ok"
        assert transport.send(core, body, keys["reader"]["x-api-key"]).outcome in ("403", "PERMISSION_DENIED")
        assert transport.send(core, body, "arc_live_wrong").outcome == "unauthenticated"
        assert transport.send(core, body).outcome == "unauthenticated"


def test_a_key_made_while_it_runs_works_until_it_is_revoked(keyed, eventually):
    core, _, data = keyed
    made = make_key(data, "--tenant", "acme", "--scope", "read")
    headers = {"x-api-key": made["key"]}
    eventually(lambda: core.get("/api/v1/traces", **headers).status == 200)

    arc("keys", "revoke", made["id"], "--data", data)

    eventually(lambda: core.get("/api/v1/traces", **headers).status == 401)
    assert "revoked" in core.get("/api/v1/traces", **headers).json()["detail"]
    shown = {
        key["id"]: key for key in map(json.loads, arc("keys", "list", "--json", "--data", data).stdout.splitlines())
    }
    assert shown[made["id"]]["state"] == "revoked"
    assert "key" not in shown[made["id"]]


def test_who_listens_hears_nothing_more_once_his_key_is_revoked(keyed, eventually):
    core, _, data = keyed
    made = make_key(data, "--tenant", "acme", "--scope", "read")
    eventually(lambda: core.get("/api/v1/traces", **{"x-api-key": made["key"]}).status == 200)
    connection = http.client.HTTPConnection(core.http, timeout=60)
    connection.request("GET", "/api/v1/tail", headers={"x-api-key": made["key"]})
    response = connection.getresponse()
    assert response.readline() == b": listening\n"

    arc("keys", "revoke", made["id"], "--data", data)

    assert response.read().strip() == b""  # to its end
    connection.close()


def test_an_expired_key_is_refused_and_says_so(keyed, eventually):
    core, _, data = keyed
    made = make_key(data, "--tenant", "acme", "--scope", "read", "--expires", "0s")

    eventually(lambda: "expired" in core.get("/api/v1/traces", **{"x-api-key": made["key"]}).json()["detail"])


def test_admins_of_a_tenant_make_rotate_and_end_its_keys_and_no_others(keyed):
    core, keys, _ = keyed
    as_json = {"content-type": "application/json"}
    path = "/api/v1/admin/keys"
    made = core.post(b'{"scopes": ["read"], "name": "ci", "expires_seconds": 60}', keys["boss"] | as_json, path)
    assert made.status == 201
    key = made.json()
    assert core.get("/api/v1/traces", **{"x-api-key": key["key"]}).status == 200  # at once

    rotated = core.post(b'{"overlap_seconds": 0}', keys["boss"] | as_json, f"{path}/{key['id']}/rotate").json()
    assert core.get("/api/v1/traces", **{"x-api-key": key["key"]}).status == 401
    assert core.get("/api/v1/traces", **{"x-api-key": rotated["key"]}).status == 200
    assert core.request("DELETE", f"{path}/{rotated['id']}", headers=keys["operator"]).status == 404
    assert core.request("DELETE", f"{path}/{rotated['id']}", headers=keys["boss"]).json()["state"] == "revoked"
    assert core.get("/api/v1/traces", **{"x-api-key": rotated["key"]}).status == 401

    listed = core.get(path, **keys["boss"]).json()["keys"]
    assert {one["tenant"] for one in listed} == {"acme"}
    assert all(one["key"] is None for one in listed)
    entries = core.get("/api/v1/admin/audit?limit=3", **keys["boss"]).json()["entries"]
    assert [entry["action"] for entry in entries] == ["key.revoke", "key.rotate", "key.create"]
    assert {entry["tenant"] for entry in entries} == {"acme"}
    assert entries[0]["actor"].startswith("key ")


def test_metrics_are_counted_by_tenant_and_each_sees_its_own(keyed, wire):
    core, keys, _ = keyed
    before = _sample(core, keys["operator"], "acme")
    for _ in range(2):
        core.post(wire.request(wire.span(), wire.span()).SerializeToString(), wire.PROTOBUF | keys["sender"])

    assert _sample(core, keys["operator"], "acme") == before + 4
    own = core.get("/metrics", **keys["boss"]).body.decode()
    assert set(re.findall(r'tenant="(\w*)"', own)) == {"acme"}
    everything = core.get("/metrics", **keys["operator"]).body.decode()
    assert set(re.findall(r'tenant="(\w*)"', everything)) >= {"", "acme", "default"}
    for name in (
        "accepted_total",
        "rejected_total",
        "refused_requests_total",
        "export_seconds_bucket",
        "pending_bytes",
    ):
        assert f"arc_core_{name}" in everything


def _sample(core, headers, tenant):
    text = core.get("/metrics", **headers).body.decode()
    found = re.search(rf'arc_core_accepted_total{{signal="traces",tenant="{tenant}"}} ([0-9.]+)', text)
    return float(found[1]) if found else 0.0


def test_what_is_over_a_tenants_limit_is_put_off_and_its_neighbours_are_not(keyed, wire, transports, eventually):
    core, keys, data = keyed
    arc("tenants", "create", "small", "--data", data)
    arc("tenants", "limit", "small", "--spans-per-day", "3", "--requests-per-second", "0.1", "--data", data)
    key = make_key(data, "--tenant", "small", "--scope", "ingest", "--scope", "read")["key"]
    headers = wire.PROTOBUF | {"x-api-key": key}
    body = wire.request(wire.span(), wire.span(), wire.span()).SerializeToString()
    eventually(lambda: core.post(body, headers).status == 200)

    put_off = core.post(wire.request(wire.span()).SerializeToString(), headers)
    assert put_off.status == 429
    assert 0 < int(put_off.headers["retry-after"]) <= 86400
    assert (
        transports["grpc"].send(core, wire.request(wire.span()), key).message.startswith("the tenant's 3 spans a day")
    )
    assert core.post(body, wire.PROTOBUF | keys["sender"]).status == 200
    assert core.get("/api/v1/traces", **headers).status == 200
    assert core.get("/api/v1/traces", **headers).status == 429
    assert _used(data, "small", eventually) == "3"


def _used(data, tenant, eventually):
    found = []

    def is_counted():
        rows = [line.split() for line in arc("tenants", "list", "--data", data).stdout.splitlines()]
        found[:] = [row[3] for row in rows if row[0] == tenant]
        return found != ["0"]

    eventually(is_counted)
    return found[0]


def test_a_registry_that_cannot_be_opened_is_a_problem_to_try_again_and_no_bug(start, tmp_path):
    core = start(data=tmp_path)
    (tmp_path / "registry.db").mkdir()

    answer = core.post(b'{"scopes": ["read"]}', {"content-type": "application/json"}, "/api/v1/admin/keys")

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "registry.db does not open" in answer.json()["detail"]


def test_a_gateway_with_its_secret_names_the_tenant(launched, wire, tmp_path):
    arc("tenants", "create", "acme", "--data", tmp_path)
    core = launched(tmp_path, "--gateway-secret", "open-up", "--http", "0.0.0.0:0")
    core.http = f"127.0.0.1:{core.http.rpartition(':')[2]}"
    span = wire.span()
    gateway = {"x-arc-gateway-secret": "open-up", "x-consumer-custom-id": "acme"}
    body = wire.request(span).SerializeToString()

    assert core.post(body, wire.PROTOBUF | {"x-consumer-custom-id": "acme"}).status == 401
    assert core.post(body, wire.PROTOBUF | gateway | {"x-arc-gateway-secret": "guess"}).status == 401
    assert core.post(body, wire.PROTOBUF | gateway).status == 200
    path = f"/api/v1/traces/{span.trace_id.hex()}"
    assert core.get(path, **gateway).status == 200
    assert core.get(path, **gateway | {"x-consumer-custom-id": "default"}).status == 404


def test_a_gateway_that_has_stamped_each_resource_sends_for_several_tenants_at_once(launched, wire, tmp_path):
    arc("tenants", "create", "acme", "--data", tmp_path)
    arc("tenants", "create", "bolt", "--data", tmp_path)
    core = launched(tmp_path, "--gateway-secret", "open-up")
    gateway = {"x-arc-gateway-secret": "open-up", "x-consumer-custom-id": "*"}
    spans = {tenant: wire.span(tenant) for tenant in ("acme", "bolt", "nobody", "")}
    spans["acme", "bolt"] = wire.span("torn")
    request = wire.request()
    for tenants, span in spans.items():
        stamped = wire.request(span)
        for tenant in filter(None, [tenants] if isinstance(tenants, str) else tenants):
            stamped.resource_spans[0].resource.attributes.add(key="arc.tenant.id").value.string_value = tenant
        request.MergeFrom(stamped)

    answer = core.post(request.SerializeToString(), wire.PROTOBUF | gateway)

    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 3)
    assert "no tenant" in partial.error_message
    for tenant in ("acme", "bolt"):
        for other in ("acme", "bolt", "default"):
            path = f"/api/v1/traces/{spans[tenant].trace_id.hex()}"
            found = core.get(path, **gateway | {"x-consumer-custom-id": other})
            assert found.status == (200 if other == tenant else 404)
        torn = f"/api/v1/traces/{spans['acme', 'bolt'].trace_id.hex()}"
        assert core.get(torn, **gateway | {"x-consumer-custom-id": tenant}).status == 404
    assert core.get("/api/v1/traces", **gateway).status == 403
    assert core.post(b"{}", wire.JSON | gateway).status == 400
    assert core.post(request.SerializeToString(), wire.PROTOBUF | {"x-consumer-custom-id": "*"}).status == 401


def test_keys_open_other_addresses_and_without_any_it_does_not_start_there(launched, tmp_path):
    refused = arc("--http", "0.0.0.0:0", "--data", tmp_path, status=2)
    assert "arc core keys create" in refused.stderr

    make_key(tmp_path, "--scope", "read")
    core = launched(tmp_path, "--http", "0.0.0.0:0")

    core.http = f"127.0.0.1:{core.http.rpartition(':')[2]}"
    assert core.get("/api/v1/traces").status == 401


def test_without_a_key_it_says_that_this_machine_alone_is_let_in(tmp_path):
    command = [
        sys.executable,
        "-m",
        "arc_core",
        "--data",
        str(tmp_path),
        "--http",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(
        [*command, "--end-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    _, said = process.communicate(timeout=30)

    assert "no API key, so only this machine is let in" in said


def test_settings_come_from_a_file_variables_go_before_it_and_options_before_them(tmp_path):
    config = tmp_path / "core.toml"
    config.write_text('http = "one"\ngrpc = "two"\nmax_pending_mib = 5\n')

    def said(*options, **environment):
        return arc("--config", config, "--data", tmp_path, *options, status=2, **environment).stderr

    assert "--grpc 'two'" in said()
    assert "there is no setting ARC_CORE_COLOUR" in said(ARC_CORE_COLOUR="red")
    links = {"ARC_CORE_PORT": "tcp://10.0.0.11:4317", "ARC_CORE_SERVICE_HOST": "10.0.0.11"}  # what Kubernetes sets
    assert "there is no setting" not in said(**links)
    assert "--grpc 'three'" in said(ARC_CORE_GRPC="three")
    assert "--grpc 'four'" in said("--grpc", "four", ARC_CORE_GRPC="three")
    config.write_text('colour = "red"\n')
    assert "there is no setting 'colour'" in said()
    config.write_text("http = \n")
    assert "cannot be read" in said()


def test_a_file_tells_the_commands_on_keys_where_the_data_is(tmp_path):
    config = tmp_path / "core.toml"
    config.write_text(f'data = "{tmp_path / "here"}"\nhttp = "127.0.0.1:0"\n')

    arc("--config", config, "tenants", "create", "acme")

    assert "acme" in arc("tenants", "list", ARC_CORE_CONFIG=str(config)).stdout
    assert (tmp_path / "here" / "registry.db").exists()


def test_logs_are_json_with_what_was_asked_and_never_a_key(tmp_path):
    command = [
        sys.executable,
        "-m",
        "arc_core",
        "--data",
        str(tmp_path),
        "--http",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(
        [*command, "--end-with-stdin", "--log-format", "json", "--log-level", "info", "--api-key", "sesame"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    address = re.search(r"http=http://(\S+)", process.stdout.readline())[1]
    connection = http.client.HTTPConnection(address)
    for key in ("sesame", "wrong"):
        connection.request("GET", "/api/v1/traces?filter=kind:llm", headers={"x-api-key": key})
        connection.getresponse().read()
    connection.close()
    _, said = process.communicate(timeout=30)

    lines = [json.loads(line) for line in said.splitlines()]
    asked = [line for line in lines if line["logger"] == "arc_core.api"]
    assert [(line["path"], line["status"], line["tenant"]) for line in asked] == [
        ("/api/v1/traces", 200, "default"),
        ("/api/v1/traces", 401, ""),
    ]
    assert "sesame" not in said
    assert "wrong" not in said


def test_a_backup_of_a_running_arc_core_is_restored_as_it_was(start, wire, tmp_path):
    core = start(data=tmp_path / "data")
    spans = [wire.span(), wire.span(error=True)]
    core.export(wire.request(*spans))
    core.export(wire.request(wire.call(spans[0], gen_ai__input__messages="[]")))
    arc("tenants", "create", "acme", "--data", core.data)
    shown = [core.trace(span.trace_id) for span in spans]
    file = tmp_path / "backup.tar.gz"

    arc("backup", file, "--core", f"http://{core.http}")
    assert core.stop() == 0
    arc("restore", file, "--data", tmp_path / "restored")

    restored = start(data=tmp_path / "restored")
    assert [restored.trace(span.trace_id) for span in spans] == shown
    assert "acme" in arc("tenants", "list", "--data", tmp_path / "restored").stdout
    assert arc("restore", file, "--data", tmp_path / "restored", status=2).stderr.count("holds a store already") == 1
    assert arc("backup", file, "--data", tmp_path / "restored", status=2).stderr.count("is there already") == 1


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("localhost:4318", 2, "'localhost:4318' is no URL of an Arc Core, for example http://127.0.0.1:4318"),
        ("http://127.0.0.1:99999", 2, "is no URL of an Arc Core"),
        ("http://127.0.0.1:1", 1, "nothing answers at http://127.0.0.1:1: Connection refused; is Arc Core running?"),
    ],
)
def test_a_backup_of_what_is_not_there_says_where_it_looked(tmp_path, url, status, words):
    assert words in arc("backup", tmp_path / "file", "--core", url, status=status).stderr
    assert list(tmp_path.iterdir()) == []


def test_the_audit_log_says_who_took_a_backup(keyed):
    core, keys, _ = keyed
    refused = arc("backup", core.data / "b", "--core", f"http://{core.http}", status=1).stderr
    assert "ARC_API_KEY takes an operator's key" in refused
    assert core.get("/api/v1/admin/backup", **keys["operator"]).status == 200

    entry = core.get("/api/v1/admin/audit?limit=1", **keys["operator"]).json()["entries"][0]
    assert (entry["action"], entry["tenant"]) == ("backup.download", "default")
    assert entry["actor"].startswith("key ")


def test_what_others_wrote_cannot_garble_the_terminal_of_who_reads_it(tmp_path):
    arc("tenants", "create", "acme", "--data", tmp_path)
    # As something older, or a hand, may have left it.
    edit(tmp_path, "UPDATE tenants SET name = ? WHERE id = 'acme'", "\x1b[31mred\x9b1m\u202eevil\nmore")
    shown = arc("tenants", "list", "--data", tmp_path).stdout

    assert "\\u001b[31mred\\u009b1m\\u202eevil\\u000amore" in shown
    assert len(shown.splitlines()) == 3
    refused = arc("keys", "create", "--scope", "read", "--name", "\x1b[31m", "--data", tmp_path, status=2)
    assert "control characters" in refused.stderr
    assert "\x1b" not in refused.stderr


def test_times_that_no_calendar_has_hide_no_keys(tmp_path):
    refused = arc("keys", "create", "--scope", "read", "--expires", "999999w", "--data", tmp_path, status=2)
    assert "--expires '999999w' is longer than a hundred years" in refused.stderr
    made = json.loads(arc("keys", "create", "--scope", "read", "--json", "--data", tmp_path).stdout)
    edit(tmp_path, "UPDATE api_keys SET expires_ms = 9223372036854775807")

    assert made["id"] in arc("keys", "list", "--data", tmp_path).stdout


def test_the_audit_log_is_verified_by_the_command_and_says_its_newest_hash(tmp_path):
    arc("tenants", "create", "acme", "--data", tmp_path)
    newest = json.loads(arc("audit", "--json", "--limit", "1", "--data", tmp_path).stdout)
    whole = arc("audit", "--verify", "--data", tmp_path).stderr
    edit(tmp_path, "DELETE FROM audit WHERE number = 2")

    assert f"is whole: 2 entries, the newest has the hash {newest['hash']}" in whole
    assert "entry 2 is missing" in arc("audit", "--verify", "--data", tmp_path, status=1).stderr


def test_listeners_of_one_tenant_are_put_off_and_its_neighbours_are_not(keyed, eventually):
    core, keys, _ = keyed
    open_ones = []
    for _ in range(21):
        connection = http.client.HTTPConnection(core.http, timeout=60)
        connection.request("GET", "/api/v1/tail", headers=keys["reader"])
        open_ones.append((connection, connection.getresponse()))

    statuses = sorted(response.status for _, response in open_ones)
    assert statuses == [200] * 20 + [429]
    assert next(one for _, one in open_ones if one.status == 429).headers["retry-after"] == "10"
    other = http.client.HTTPConnection(core.http, timeout=60)
    other.request("GET", "/api/v1/tail", headers=keys["operator"])
    assert other.getresponse().status == 200

    for connection, response in (*open_ones, (other, None)):
        if response is not None:
            response.close()
        connection.close()

    def is_let_in():
        again = http.client.HTTPConnection(core.http, timeout=60)
        again.request("GET", "/api/v1/tail", headers=keys["reader"])
        response = again.getresponse()
        response.close()
        again.close()
        return response.status == 200

    eventually(is_let_in)


def test_a_backup_that_is_damaged_or_cut_restores_nothing(start, wire, tmp_path):
    core = start(data=tmp_path / "data")
    core.export(wire.request(*(wire.span() for _ in range(50))))
    assert core.stop() == 0
    whole = tmp_path / "whole.tar.gz"
    arc("backup", whole, "--data", core.data)
    with tarfile.open(whole) as tar:
        assert tar.getnames()[0] == "header.json"
        assert tar.getnames()[-1] == "manifest.json"
    body = whole.read_bytes()

    for number, damaged in enumerate(
        (body[: len(body) // 2], body[:-300], body[:300] + b"\0" * 8 + body[308:], b"", b"x" * 99)
    ):
        file = tmp_path / f"damaged-{number}"
        file.write_bytes(damaged)
        target = tmp_path / f"target-{number}"
        assert "backup" in arc("restore", file, "--data", target, status=1).stderr
        assert not (target / "clickhouse").exists()
        assert not (target / "registry.db").exists()


def test_what_a_tenant_keeps_no_longer_is_deleted_and_its_neighbours_keep_all(start, wire, eventually, tmp_path):
    data = tmp_path / "data"
    arc("tenants", "create", "acme", "--data", data)
    keys = {
        tenant: make_key(data, "--tenant", tenant, "--scope", "ingest", "--scope", "read")
        for tenant in ("acme", "default")
    }
    core = start(data=data)
    now_ns = time.time_ns()
    for key in keys.values():
        headers = {"x-api-key": key["key"]}
        for age_days in (0, 20, 40, 400):
            span = wire.span(f"{age_days} days", start_time_unix_nano=now_ns - age_days * 86400 * 10**9)
            assert core.post(wire.request(span).SerializeToString(), wire.PROTOBUF | headers).status == 200
    assert core.stop() == 0
    arc("tenants", "limit", "acme", "--retention-days", "30", "--data", data)

    core = start(data=data)

    def names(tenant, path="traces"):
        found = core.get(f"/api/v1/{path}", **{"x-api-key": keys[tenant]["key"]}).json()[path]
        return {one["name"] for one in found}

    eventually(lambda: names("acme") == {"0 days", "20 days"})
    assert names("acme", "spans") == {"0 days", "20 days"}
    assert names("default") == names("default", "spans") == {"0 days", "20 days", "40 days", "400 days"}
    stats = core.get("/api/v1/agents", **{"x-api-key": keys["acme"]["key"]})
    assert stats.status == 200
