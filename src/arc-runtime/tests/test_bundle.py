"""Fixes from Arc Core: only what is signed, of this tenant, newer and not expired; whatever happens, calls go on."""

import base64
import json
import os
import socket
import threading
import time

import pytest
from arc_runtime.fixes import Breaker, BundleClient, Engine, Entry, Guardrail, Registry, Request
from arc_runtime.settings import Settings
from arc_semconv.bundle import Bundle
from arc_testing import FixServer, SigningKey, eventually

KEY = SigningKey()
FIX = {"id": "a", "pattern": {"model": "m"}, "fix": {"seed": 1}}


def asked(model="m", **more):
    return Request({"model": model}, provider="openai", api="chat.completions", host="h", stream=False, **more)


def bundle(version=1, key=KEY, fixes=(FIX,), **more):
    known = {"tenant": "t", "env": "prod", "created": time.time(), "expires": time.time() + 3600}
    return key.seal(Bundle(version=version, fixes=list(fixes), **{**known, **more}))[0]


class Client:
    """A client with what it warned of."""

    def __init__(self, folder=None, clock=time.time, url=None, **settings):
        self.registry, self.warned = Registry(), []
        known = {"fixes_public_keys": (KEY.public,), "core_url": url, "fixes_dir": folder}
        self.client = BundleClient(self.registry, Settings(**{**known, **settings}), self.warned.append, clock)
        self.engine = Engine(self.registry)

    @property
    def seed(self):
        mended = self.engine.before(asked())
        return mended.body.get("seed") if mended else None


def test_a_signed_bundle_is_in_force():
    one = Client()
    assert one.client.take(bundle())
    assert one.seed == 1
    assert one.registry.entries[0].origin == "bundle"


def tampered(envelope):
    outer = json.loads(envelope)
    payload = base64.b64decode(outer["payload"]).replace(b'"seed":1', b'"seed":2')
    return json.dumps({**outer, "payload": base64.b64encode(payload).decode()}).encode()


BAD = {
    "tampered": (lambda: tampered(bundle(2)), "not signed by a trusted key"),
    "of another key": (lambda: bundle(2, SigningKey()), "not signed by a trusted key"),
    "of another type": (lambda: bundle(2).replace(b"vnd.arc.fixes", b"vnd.other"), "not signed by a trusted key"),
    "unsigned": (lambda: json.dumps({**json.loads(bundle(2)), "signatures": []}).encode(), "not signed"),
    "replayed": (lambda: bundle(1), "version 1; 1 is in force"),
    "older": (lambda: bundle(0), "version 0; 1 is in force"),
    "expired": (lambda: bundle(2, expires=time.time() - 1), "has expired"),
    "of another tenant": (lambda: bundle(2, tenant="u"), "is for 'u/prod', not 't/prod'"),
    "of another environment": (lambda: bundle(2, env="test"), "is for 't/test', not 't/prod'"),
    "cut short": (lambda: bundle(2)[:-40], "can't be read"),
    "no JSON": (lambda: b"<html>", "can't be read"),
    "too large": (lambda: b" " * (9 << 20), "larger than 8 MiB"),
    "for a newer runtime": (lambda: bundle(2, min_runtime="99.0"), "needs arc-runtime 99.0"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_what_may_not_be_used_leaves_the_last_good_one_in_force(bad):
    make, problem = BAD[bad]
    one = Client()
    one.client.take(bundle())
    assert not one.client.take(make())
    assert problem in one.warned[-1]
    assert one.seed == 1


def test_without_keys_nothing_is_taken():
    assert not Client(fixes_public_keys=()).client.take(bundle())


def test_a_tenant_that_is_set_is_the_only_one_from_the_start():
    assert not Client(fixes_tenant="u").client.take(bundle())
    assert Client(fixes_tenant="t").client.take(bundle())
    assert Client(fixes_tenant="t/prod").client.take(bundle())


def test_a_malformed_entry_is_left_out_and_the_others_are_in_force():
    one = Client()
    assert one.client.take(bundle(fixes=[{"id": "x", "pattern": {"a": {"~": 1}}, "fix": {"seed": 1}}, {"id": 3}, FIX]))
    assert [entry.id for entry in one.registry.entries] == ["a"]
    assert len(one.warned) == 2


def test_the_next_key_is_named_by_a_bundle_and_can_be_taken_back():
    new = SigningKey()
    one = Client()
    assert not one.client.take(bundle(1, new))
    assert one.client.take(bundle(1, keys=[new.public]))
    assert one.client.take(bundle(2, new, keys=[new.public]))
    assert one.client.take(bundle(3))
    assert not one.client.take(bundle(4, new))


def test_a_start_without_arc_core_is_from_disk(tmp_path):
    with FixServer(KEY) as server:
        server.publish(FIX)
        one = Client(tmp_path, url=server.url)
        one.client.start()
        eventually((tmp_path / "bundle.json").exists)
        one.client.stop()
    assert (tmp_path / "bundle.json").stat().st_mode & 0o777 == 0o600
    assert Client(tmp_path).seed == 1
    assert Client(tmp_path, fixes_public_keys=(SigningKey().public,)).seed is None
    assert Client(tmp_path, clock=lambda: time.time() + 9999).seed is None
    (tmp_path / "bundle.json").write_bytes(b"{")
    assert Client(tmp_path).seed is None


def kept_from(folder, *envelopes):
    """A client that took `envelopes` from a server one after the other, and has ended."""
    kept = folder / "bundle.json"
    with FixServer(KEY) as server:
        one = Client(folder, url=server.url)
        one.client.start()
        for number, envelope in enumerate(envelopes, 1):
            server.serve(envelope, f'"{number}"')
            eventually(lambda number=number: one.client.last and one.client.last.bundle.version == number)
            eventually(lambda envelope=envelope: kept.exists() and kept.read_bytes() == envelope)
        one.client.stop()
    return one


def test_a_key_that_came_by_a_bundle_is_trusted_by_the_next_process_too(tmp_path):
    second, third = SigningKey(), SigningKey()
    kept_from(
        tmp_path,
        bundle(1, keys=[second.public]),
        bundle(2, second, keys=[second.public]),
        bundle(3, second, keys=[third.public]),
        bundle(4, third, keys=[third.public]),
        bundle(5, third, keys=[third.public]),
    )
    assert (tmp_path / "bundle-keys.json").stat().st_mode & 0o777 == 0o600
    one = Client(tmp_path)
    assert one.seed == 1
    assert one.client.take(bundle(6, third))
    for chain in (b"[]", b"[{}]", b"{", b"[" + bundle(1, SigningKey(), keys=[third.public]) + b"]"):
        (tmp_path / "bundle-keys.json").write_bytes(chain)
        assert Client(tmp_path).seed is None


def test_what_has_expired_on_disk_is_not_applied_and_nothing_older_is_taken_in_its_place(tmp_path):
    kept_from(tmp_path, bundle(1), bundle(2))
    late = time.time() + 9999
    one = Client(tmp_path, clock=lambda: late)
    assert one.seed is None
    assert "has expired" in one.warned[-1]
    assert not one.client.take(bundle(1, expires=late + 60))
    assert one.seed is None
    assert one.client.take(bundle(2, expires=late + 60))
    assert one.seed == 1
    assert not one.client.take(bundle(2, expires=late + 90))


def test_a_clock_that_jumps_takes_nothing_away():
    now = [time.time()]
    one = Client(clock=lambda: now[0])
    one.client.take(bundle())
    for jump in (1e9, -2e9):
        now[0] += jump
        assert one.seed == 1
    assert one.client.take(bundle(2))


def test_a_change_is_in_force_within_two_seconds_and_so_is_the_kill_switch(tmp_path):
    with FixServer(KEY) as server:
        server.publish(FIX)
        one = Client(tmp_path, url=server.url)
        one.registry.register(Entry(id="own", pattern={"model": "n"}, fix={"seed": 9}))
        one.client.start()
        eventually(lambda: one.seed == 1)
        server.publish({**FIX, "fix": {"seed": 2}})
        eventually(lambda: one.seed == 2, within_seconds=2)
        server.publish({**FIX, "state": "off"})
        eventually(lambda: one.seed is None, within_seconds=2)
        server.publish(FIX, mode="off")
        eventually(lambda: one.engine.before(asked("n")) is None, within_seconds=2)
        server.publish(FIX)
        eventually(lambda: one.seed == 1 and one.engine.before(asked("n")), within_seconds=2)
        assert "if-none-match" in server.asked[-1]
        one.client.stop()


def test_a_disk_that_is_full_is_said_and_changes_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with FixServer(KEY) as server:
        server.publish(FIX)
        one = Client(tmp_path / "file", url=server.url)
        one.client.start()
        eventually(lambda: one.seed == 1)
        eventually(lambda: any("could not be kept" in said for said in one.warned))
        one.client.stop()


def test_a_server_that_hangs_or_lies_holds_up_no_call():
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        one = Client(url=f"http://127.0.0.1:{hanging.getsockname()[1]}")
        one.client.take(bundle())
        one.client.start()
        assert one.seed == 1
        connection, _ = hanging.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n{")
        connection.close()
        assert one.seed == 1
        one.client.stop()


def test_calls_go_on_while_bundles_change():
    one = Client()
    one.client.take(bundle(1))
    done, odd = threading.Event(), []

    def call():
        while not done.is_set():
            if one.seed not in (1, 2):
                odd.append(one.seed)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for version in range(2, 40):
        one.client.take(bundle(version, fixes=[{**FIX, "fix": {"seed": 1 + version % 2}}]))
    done.set()
    for caller in callers:
        caller.join()
    assert odd == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_asks_for_itself():
    with FixServer(KEY) as server:
        server.publish(FIX)
        one = Client(url=server.url)
        one.client.start()
        eventually(lambda: one.seed == 1)
        one.registry._lock.acquire()
        child = os.fork()
        if child == 0:
            deadline = time.monotonic() + 20
            while one.seed != 5 and time.monotonic() < deadline:
                time.sleep(0.02)
            os._exit(0 if one.seed == 5 else 1)
        one.registry._lock.release()
        server.publish({**FIX, "fix": {"seed": 5}})
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        one.client.stop()


# --- trials ---


def trial(**more):
    entry = Entry(id="c", pattern={"model": "m"}, fix={"seed": 1}, state="canary", salt="s", sticky="user", **more)
    registry = Registry([entry])
    return registry, Engine(registry, key_of=lambda _sticky, request: request.agent)


def test_a_canary_mends_its_share_and_widening_only_adds():
    def mended_by(percent):
        _, engine = trial(percent=percent)
        told = ((key, engine.before(asked(agent=f"user-{key}"))) for key in range(100_000))
        return {key for key, mended in told if mended is not None and mended.sends}

    five, twenty = mended_by(5), mended_by(20)
    assert abs(len(five) / 100_000 - 0.05) < 0.003
    assert abs(len(twenty) / 100_000 - 0.20) < 0.005
    assert five <= twenty


def test_the_control_group_stays_as_it_is_even_at_a_hundred_per_cent():
    _, engine = trial(percent=100)
    modes = [engine.before(asked(agent=f"user-{key}")).mode for key in range(4000)]
    assert set(modes) == {"canary", "control"}
    assert abs(modes.count("control") / 4000 - 0.05) < 0.015


def test_a_harmful_fix_is_off_within_the_calls_that_its_guard_names():
    registry, engine = trial(percent=100, guard=Guardrail(max_delta=0.1, min_n=10))
    tripped = []
    breaker = Breaker(registry, tripped.append)
    harmed = 0
    for key in range(2000):
        mended = engine.before(asked(agent=f"user-{key}"))
        if mended is None:
            break
        for entry_id, arm in mended.trials:
            breaker.ended(entry_id, arm, failed=arm == "canary")
            harmed += arm == "canary"
    assert tripped == ["c"]
    assert harmed == 10
    assert registry.silenced == {"c"}


def test_a_fix_that_does_no_harm_stays_on():
    registry, engine = trial(percent=50, guard=Guardrail(max_delta=0.1, min_n=10))
    breaker = Breaker(registry)
    for key in range(3000):
        for entry_id, arm in getattr(engine.before(asked(agent=f"user-{key}")), "trials", ()):
            breaker.ended(entry_id, arm, failed=key % 10 == 0)
    assert registry.silenced == frozenset()
