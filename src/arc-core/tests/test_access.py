"""Who is let in: keys, gateways, and how little a wrong key learns."""

import sys

import pytest
from arc_core.access import Access, Gateway, Key, Keyring, Limits, Tenant, digest
from arc_core.errors import ForbiddenError, UnauthenticatedError

NOW = 1_795_000_000_000
SECRET = "s" * 40


class Ring:
    """A keyring that stands still."""

    def __init__(self, tenants=(), keys=()):
        self.keyring = Keyring({one.id: one for one in tenants}, {one.id: one for one in keys})
        self.used = []

    def current(self):
        return self.keyring

    def note_use(self, key):
        self.used.append(key.id)


def text_of(name):
    return f"arc_live_{name:0>12}_{SECRET}"


def key(name, tenant="acme", scopes=("ingest", "read"), **told):
    return Key(
        id=f"{name:0>12}",
        tenant=tenant,
        name="",
        scopes=frozenset(scopes),
        digest=digest(text_of(name)),
        created_ms=1,
        **told,
    )


def tenant(name, **told):
    return Tenant(id=name, name=name, created_ms=1, **told)


@pytest.fixture
def ring():
    return Ring(
        [tenant("acme", limits=Limits(spans_per_day=9)), tenant("bolt"), tenant("shut", disabled_ms=NOW)],
        [
            key("good"),
            key("reader", scopes=["read"]),
            key("boss", "bolt", ["admin"]),
            key("old", expires_ms=NOW),
            key("young", expires_ms=NOW + 1),
            key("gone", revoked_ms=NOW - 1),
            key("shut", "shut"),
        ],
    )


@pytest.fixture
def access(ring):
    return Access(ring, lambda: NOW)


def told(access, headers, scope="ingest"):
    return access.authenticate(headers, scope)


def test_a_key_says_the_tenant_its_limits_and_what_may_be_done(access, ring):
    caller = told(access, {"x-api-key": text_of("good")})

    assert (caller.tenant, caller.scopes, caller.limits.spans_per_day) == ("acme", {"ingest", "read"}, 9)
    assert ring.used == ["good".rjust(12, "0")]
    assert told(access, {"authorization": f"Bearer {text_of('young')}"}).tenant == "acme"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needed"),
        ("sesame", "not one of"),
        (text_of("good") + "x", "not one of"),
        (text_of("good")[:-1], "not one of"),
        (text_of("good")[:-1] + "t", "not one of"),
        (text_of("nobody"), "not one of"),
        ("arc_live_" + "0" * 12 + "_" + "é" * 40, "not one of"),
        (text_of("old"), "expired"),
        (text_of("gone"), "revoked"),
    ],
)
def test_a_key_that_is_not_in_force_is_refused(access, ring, text, words):
    with pytest.raises(UnauthenticatedError, match=words) as refusal:
        told(access, {"x-api-key": text})

    assert SECRET not in str(refusal.value)
    assert ring.used == []


def test_whether_there_is_such_a_key_is_told_to_those_alone_who_have_it(access):
    wrong = text_of("gone")[:-1] + "t"
    unknown = text_of("nobody")

    refusals = set()
    for text in (wrong, unknown):
        with pytest.raises(UnauthenticatedError) as refusal:
            told(access, {"x-api-key": text})
        refusals.add(str(refusal.value))
    assert len(refusals) == 1


@pytest.mark.parametrize(
    ("name", "scope"), [("reader", "ingest"), ("reader", "admin"), ("good", "admin"), ("boss", "read")]
)
def test_a_key_opens_only_what_it_is_for(access, name, scope):
    with pytest.raises(ForbiddenError, match=scope):
        told(access, {"x-api-key": text_of(name)}, scope)


def test_a_disabled_tenant_is_let_in_nowhere(access):
    with pytest.raises(ForbiddenError, match="disabled"):
        told(access, {"x-api-key": text_of("shut")})


def test_the_same_steps_are_taken_for_every_wrong_key(access):
    """Whatever part of a key is wrong: the comparing itself is hmac's, whose time does not depend on what it compares."""
    good = text_of("good")
    wrong = ["x" + good[1:], good[:9] + "1" + good[10:], good[:-1] + "t", text_of("nobody"), "t" * len(good)]

    steps = {_steps(access, text) for text in wrong}

    assert len(steps) == 1


def _steps(access, text):
    lines = []

    def trace(frame, event, _):
        if "arc_core" in frame.f_code.co_filename:
            lines.append((frame.f_code.co_name, event, frame.f_lineno))
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        access.authenticate({"x-api-key": text}, "read")
    except UnauthenticatedError:
        pass
    finally:
        sys.settrace(before)
    return tuple(lines)


def test_without_any_key_everyone_is_the_operator(ring):
    access = Access(Ring(), lambda: NOW)

    assert access.is_open
    assert told(access, {}, "admin").is_operator
    assert told(access, {"x-api-key": "of another Arc Core"}, "admin").is_operator


def test_one_key_is_enough_to_close_it_even_a_revoked_one():
    assert not Access(Ring(keys=[key("gone", revoked_ms=1)]), lambda: NOW).is_open


def test_what_others_can_reach_is_never_open():
    access = Access(Ring(), lambda: NOW, is_local=False)

    assert not access.is_open
    with pytest.raises(UnauthenticatedError):
        told(access, {})


def test_the_operators_key_opens_everything(ring):
    access = Access(ring, lambda: NOW, operator_key="sesame")

    assert told(access, {"x-api-key": "sesame"}, "admin").is_operator
    with pytest.raises(UnauthenticatedError):
        told(access, {"x-api-key": "sesam"})


GATEWAY = Gateway("open-up", "x-consumer-custom-id")


def test_a_gateway_names_the_tenant(ring):
    access = Access(ring, lambda: NOW, gateway=GATEWAY)
    headers = {"x-arc-gateway-secret": "open-up", "x-consumer-custom-id": "bolt"}

    assert told(access, headers).tenant == "bolt"
    assert told(access, headers, "read").tenant == "bolt"
    with pytest.raises(ForbiddenError):
        told(access, headers, "admin")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x-consumer-custom-id": "bolt"}, UnauthenticatedError),
        ({"x-consumer-custom-id": "bolt", "x-arc-gateway-secret": "open-uq"}, UnauthenticatedError),
        ({"x-consumer-custom-id": "bolt", "x-arc-gateway-secret": ""}, UnauthenticatedError),
        ({"x-arc-gateway-secret": "open-up"}, UnauthenticatedError),
        ({"x-arc-gateway-secret": "open-up", "x-consumer-custom-id": "nobody"}, ForbiddenError),
        ({"x-arc-gateway-secret": "open-up", "x-consumer-custom-id": "shut"}, ForbiddenError),
        ({"x-arc-gateway-secret": "open-up", "x-consumer-custom-id": "a' OR 1"}, ForbiddenError),
    ],
)
def test_a_gateway_is_believed_only_with_its_secret_and_of_tenants_there_are(ring, headers, error):
    with pytest.raises(error):
        told(Access(ring, lambda: NOW, gateway=GATEWAY), headers)


def test_the_header_of_a_gateway_means_nothing_beside_a_key(ring):
    headers = {"x-api-key": text_of("good"), "x-consumer-custom-id": "bolt"}

    assert told(Access(ring, lambda: NOW, gateway=GATEWAY), headers).tenant == "acme"
    assert told(Access(ring, lambda: NOW), headers | {"x-arc-gateway-secret": "open-up"}).tenant == "acme"
