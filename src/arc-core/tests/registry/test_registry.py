"""The registry, in SQLite and in PostgreSQL alike."""

import sqlite3
import threading
import uuid

import pytest
from arc_core.access import Limits
from arc_core.errors import ConflictError, NotFoundError, RegistryError, StartError, UsageError
from arc_core.registry import AuditHead, Limiter, LiveRing, Usage, broken_link, duration_ms, open_registry
from arc_core.settings import sqlite_url
from sqlalchemy import create_engine, text

NOW = 1_795_000_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "registry.db")
    server = request.getfixturevalue("postgres")
    name = f"r{uuid.uuid4().hex}"
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def registry(url):
    with open_registry(url, lambda: NOW) as opened:
        yield opened


def test_there_is_the_operators_tenant_from_the_start(registry):
    assert list(registry.keyring().tenants) == ["default"]


def test_of_a_key_only_the_digest_is_stored(registry, url):
    registry.create_tenant("acme", "test", name="Acme")
    new = registry.create_key("acme", frozenset(["ingest"]), "test", name="ci", expires_ms=NOW + 5)

    key = registry.keyring().keys[new.key.id]
    assert key == new.key
    assert new.text.startswith(key.prefix)
    secret = new.text.removeprefix(key.prefix)
    assert secret not in _dump(url)
    assert key.id in _dump(url)


def test_what_is_there_is_not_made_again(registry):
    registry.create_tenant("acme", "test")

    with pytest.raises(ConflictError, match="acme"):
        registry.create_tenant("acme", "test")


@pytest.mark.parametrize("tenant", ["", "A", "-a", "a" * 64, "a'b", "a b", "ä", "a\n"])
def test_an_id_that_cannot_be_a_tenants_is_refused(registry, tenant):
    with pytest.raises(UsageError, match="tenant id"):
        registry.create_tenant(tenant, "test")


def test_what_is_not_there_cannot_be_changed(registry):
    with pytest.raises(NotFoundError, match="nobody"):
        registry.create_key("nobody", frozenset(["read"]), "test")
    with pytest.raises(NotFoundError, match="nobody"):
        registry.limit_tenant("nobody", "test", Limits(), None)
    with pytest.raises(NotFoundError, match="nothing"):
        registry.revoke_key("nothing", "test")


def test_a_key_of_another_tenant_is_not_there(registry):
    registry.create_tenant("acme", "test")
    key = registry.create_key("acme", frozenset(["read"]), "test").key

    with pytest.raises(NotFoundError):
        registry.revoke_key(key.id, "test", tenant_id="default")
    with pytest.raises(NotFoundError):
        registry.rotate_key(key.id, "test", overlap_ms=0, tenant_id="default")
    assert registry.keyring().keys[key.id].revoked_ms is None


def test_a_rotated_key_ends_after_the_overlap_and_lends_its_scopes(registry):
    old = registry.create_key("default", frozenset(["read", "ingest"]), "test", name="app", expires_ms=NOW + 1000).key

    new = registry.rotate_key(old.id, "test", overlap_ms=10)

    assert registry.keyring().keys[old.id].expires_ms == NOW + 10
    assert (new.key.scopes, new.key.name, new.key.expires_ms) == (old.scopes, "app", NOW + 1000)
    registry.revoke_key(old.id, "test")
    with pytest.raises(ConflictError, match="no longer in force"):
        registry.rotate_key(old.id, "test", overlap_ms=10)


def test_limits_are_kept_as_they_were_given(registry):
    limits = Limits(requests_per_second=0.5, spans_per_second=1000, spans_per_day=10**12, bytes_per_day=0)

    registry.limit_tenant("default", "test", limits, 30)

    tenant = registry.keyring().tenants["default"]
    assert (tenant.limits, tenant.retention_days) == (limits, 30)


def test_usage_of_several_adds_up(registry):
    for _ in range(3):
        registry.add_usage([Usage("default", 20_000, 2, 2**40), Usage("default", 20_001, 1, 1)], {})

    assert registry.usage(20_000) == [Usage("default", 20_000, 6, 3 * 2**40), Usage("default", 20_001, 3, 3)]
    assert registry.usage(20_001) == [Usage("default", 20_001, 3, 3)]


def test_the_last_use_of_a_key_is_no_change(registry):
    key = registry.create_key("default", frozenset(["read"]), "test").key
    version = registry.version()

    registry.add_usage([], {key.id: NOW + 7})

    assert registry.keyring().keys[key.id].last_used_ms == NOW + 7
    assert registry.version() == version


def test_each_change_is_in_the_audit_log_and_the_log_shows_what_was_altered(registry, url):
    registry.create_tenant("acme", "cli ann")
    key = registry.create_key("acme", frozenset(["admin"]), "cli ann").key
    registry.revoke_key(key.id, "key other")
    registry.revoke_key(key.id, "key other")  # changes nothing
    registry.disable_tenant("acme", "cli bob")
    registry.enable_tenant("acme", "cli bob")

    entries = registry.audit()
    assert [(one.actor, one.action, one.tenant) for one in reversed(entries)] == [
        ("operator", "tenant.create", "default"),
        ("cli ann", "tenant.create", "acme"),
        ("cli ann", "key.create", "acme"),
        ("key other", "key.revoke", "acme"),
        ("cli bob", "tenant.disable", "acme"),
        ("cli bob", "tenant.enable", "acme"),
    ]
    assert registry.broken_audit() is None
    assert [one.number for one in registry.audit(tenant_id="acme", before=4, limit=1)] == [3]
    _execute(url, "UPDATE audit SET actor = 'nobody' WHERE number = 3")
    assert registry.broken_audit() == 3


def test_an_entry_that_is_missing_breaks_the_log(registry):
    registry.create_tenant("acme", "test")
    registry.create_tenant("bolt", "test")
    entries = list(reversed(registry.audit()))

    head = registry.audit_head()
    assert head == AuditHead(3, entries[2].hash)
    assert broken_link(entries, head) is None
    assert broken_link([entries[0], entries[2]], head) == 2
    assert broken_link(entries, AuditHead(2, entries[1].hash)) is None  # one came while it was read
    assert broken_link(entries, AuditHead(3, "another")) == 3


def test_entries_cut_off_the_end_are_missed_even_after_others_came(registry, url):
    for tenant in ("acme", "bolt", "cork"):
        registry.create_tenant(tenant, "test")
    _execute(url, "DELETE FROM audit WHERE number > 2")

    assert registry.broken_audit() == 3
    registry.disable_tenant("acme", "test")
    assert registry.broken_audit() == 3


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "a\0", "\x9b1m", "\udc9b", "x" * 201])
def test_a_name_that_would_garble_a_terminal_is_refused(registry, name):
    with pytest.raises(UsageError, match="the name"):
        registry.create_tenant("acme", "test", name=name)
    with pytest.raises(UsageError, match="the name"):
        registry.create_key("default", frozenset(["read"]), "test", name=name)
    assert registry.create_tenant("acme", "test", name="Ärger & Söhne 日本").name == "Ärger & Söhne 日本"


@pytest.mark.parametrize("text", ["999999w", "36601d"])
def test_a_duration_beyond_what_can_be_shown_is_refused(text):
    with pytest.raises(UsageError, match=f"--expires '{text}' is longer than a hundred years"):
        duration_ms(text, "--expires")
    assert duration_ms("36600d", "--expires") == 36_600 * 24 * 3600 * 1000


def test_changes_from_several_at_once_all_happen_in_one_order(url):
    def add(number):
        with open_registry(url, lambda: NOW) as one:
            for each in range(5):
                one.create_tenant(f"t-{number}-{each}", "test")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with open_registry(url, lambda: NOW) as registry:
        assert len(registry.keyring().tenants) == 21
        assert registry.broken_audit() is None


def test_a_registry_of_a_newer_arc_core_is_refused(registry, url):
    _execute(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StartError, match="9999"), open_registry(url, lambda: NOW):
        pass


def test_the_models_are_what_the_migrations_make(registry, url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from arc_core.registry._tables import HEAD, METADATA

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
    engine.dispose()


@pytest.mark.parametrize(
    "address",
    ["", "mysql://localhost/x", "nonsense", "postgresql://arc:secret@127.0.0.1:1/none", "sqlite:////no/where/x.db"],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(address):
    with pytest.raises(StartError, match="registry") as told, open_registry(address, lambda: NOW):
        pass

    assert "secret" not in str(told.value)


def test_a_ring_follows_the_registry_and_outlives_it(tmp_path):
    file = tmp_path / "registry.db"
    limiter = Limiter(lambda: 0.0, lambda: NOW)
    ring = LiveRing(sqlite_url(file), file.exists, limiter, lambda: NOW)
    ring.refresh()
    assert not ring.current().keys
    assert not file.exists()  # nobody pays for keys who has none

    with open_registry(sqlite_url(file), lambda: NOW) as other:
        key = other.create_key("default", frozenset(["read"]), "test").key
        ring.refresh()
        assert ring.current().keys[key.id].revoked_ms is None
        other.revoke_key(key.id, "test")
        ring.refresh()
        assert ring.current().keys[key.id].revoked_ms == NOW
        ring.note_use(key)
        ring.count()
        assert other.keyring().keys[key.id].last_used_ms == NOW

    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE state")
    with pytest.raises(RegistryError):
        ring.refresh()
    assert key.id in ring.current().keys
    ring.close()


def _dump(url):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = "".join(
            str(list(connection.execute(text(f"SELECT * FROM {table}"))))  # noqa: S608
            for table in ("tenants", "api_keys", "audit", "usage", "state")
        )
    engine.dispose()
    return found


def _execute(url, statement):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
