"""The registry in a database: SQLite or PostgreSQL, by one set of statements."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, bindparam, create_engine, event, insert, inspect, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from arc_core.access import SCOPES, Key, Keyring, Limits, Scope, Tenant
from arc_core.errors import RegistryError, StartError
from arc_core.registry._model import AuditEntry, AuditHead, Usage
from arc_core.registry._tables import API_KEYS, AUDIT, HEAD, STATE, TENANTS, USAGE

_LIMITS: Final = ("requests_per_second", "spans_per_second", "spans_per_day", "bytes_per_day")
_MIGRATING: Final = 0x617263
"""The number of PostgreSQL's lock while the schema is brought up to date."""


class RegistryStore:
    """Rows of the registry; every method raises RegistryError when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator["Rows"]:
        """Rows as they are at one moment."""
        with _translated(), self._engine.connect() as connection:
            yield Rows(connection)

    @contextmanager
    def changing(self) -> Iterator["Rows"]:
        """Rows to change: all of it or nothing, one after the other in all processes."""
        with _translated(), self._engine.begin() as connection:
            connection.execute(update(STATE).values(version=STATE.c.version + 1))
            yield Rows(connection)

    def add_usage(self, usage: list[Usage], used: Mapping[str, int]) -> None:
        """Count `usage` and the last use of keys, in milliseconds by id, without it being a change."""
        with _translated(), self._engine.begin() as connection:
            for one in usage:
                _add(connection, one)
            if used:
                statement = update(API_KEYS).where(API_KEYS.c.id == bindparam("used_id"))
                later = statement.values(last_used_ms=bindparam("used_ms"))
                connection.execute(later, [{"used_id": key, "used_ms": at_ms} for key, at_ms in sorted(used.items())])


class Rows:
    """The rows, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def version(self) -> int:
        """How many changes there were."""
        return int(self._connection.execute(select(STATE.c.version)).scalar_one())

    def keyring(self) -> Keyring:
        """Every tenant and key."""
        tenants = (_tenant(row._asdict()) for row in self._connection.execute(select(TENANTS).order_by(TENANTS.c.id)))
        keys = (
            _key(row._asdict()) for row in self._connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_ms))
        )
        return Keyring({tenant.id: tenant for tenant in tenants}, {key.id: key for key in keys})

    def put_tenant(self, tenant: Tenant, *, is_new: bool) -> None:
        """Add `tenant`, or write it over the one with its id."""
        values = {name: getattr(tenant, name) for name in ("name", "created_ms", "disabled_ms", "retention_days")}
        values |= {name: getattr(tenant.limits, name) for name in _LIMITS}
        if is_new:
            self._connection.execute(insert(TENANTS).values(id=tenant.id, **values))
        else:
            self._connection.execute(update(TENANTS).where(TENANTS.c.id == tenant.id).values(**values))

    def add_key(self, key: Key) -> None:
        """Add a key."""
        values = msgspec.structs.asdict(key) | {"scopes": " ".join(scope for scope in SCOPES if scope in key.scopes)}
        self._connection.execute(insert(API_KEYS).values(**values))

    def end_key(self, key_id: str, *, expires_ms: int | None, revoked_ms: int | None) -> None:
        """Set until when a key is in force."""
        wanted = API_KEYS.c.id == key_id
        self._connection.execute(update(API_KEYS).where(wanted).values(expires_ms=expires_ms, revoked_ms=revoked_ms))

    def head(self) -> AuditHead:
        """Where the audit log ends, by what was written last."""
        number, hash_ = self._connection.execute(select(STATE.c.entries, STATE.c.head)).one()
        return AuditHead(number, hash_)

    def add_entry(self, entry: AuditEntry) -> None:
        """Add to the audit log, which then ends there."""
        values = msgspec.structs.asdict(entry) | {"detail": msgspec.json.encode(entry.detail).decode()}
        self._connection.execute(insert(AUDIT).values(**values))
        self._connection.execute(update(STATE).values(entries=entry.number, head=entry.hash))

    def entries(self, tenant: str | None, before: int | None, limit: int) -> list[AuditEntry]:
        """At most `limit` of the audit log, newest first: of one tenant or all, before the one with a number."""
        query = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
        if tenant is not None:
            query = query.where(AUDIT.c.tenant == tenant)
        if before is not None:
            query = query.where(AUDIT.c.number < before)
        return [_entry(row._asdict()) for row in self._connection.execute(query)]

    def all_entries(self) -> Iterator[AuditEntry]:
        """The whole audit log, oldest first."""
        for row in self._connection.execute(select(AUDIT).order_by(AUDIT.c.number)):
            yield _entry(row._asdict())

    def usage(self, first_day: int) -> list[Usage]:
        """What each tenant sent on `first_day` and since."""
        query = select(USAGE).where(USAGE.c.day >= first_day).order_by(USAGE.c.day, USAGE.c.tenant)
        return [Usage(**row._asdict()) for row in self._connection.execute(query)]


def open_store(url: str) -> RegistryStore:
    """The registry at `url` (`sqlite:///PATH` or `postgresql://...`), its schema brought up to date.

    Raise StartError when it cannot be opened, or a newer Arc Core has been there.
    """
    address = _address(url)
    engine = create_engine(address, pool_pre_ping=True, pool_size=2, max_overflow=2)
    if address.get_backend_name() == "sqlite":
        _set_up_sqlite(engine)
    try:
        _migrate(engine)
    except StartError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        shown = address.render_as_string(hide_password=True)
        raise StartError(f"the registry {shown} does not open: {_first_line(error)}; see --registry") from error
    return RegistryStore(engine)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
        if address.get_backend_name() == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        if address.get_backend_name() not in ("postgresql", "sqlite"):
            raise ArgumentError(address.drivername)  # noqa: TRY301 - answered like a URL that cannot be read
        address.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError):
        raise StartError(
            "the registry's address (--registry or ARC_CORE_REGISTRY) is no postgresql://USER:PASSWORD@HOST/DATABASE "
            "and no sqlite:///PATH"
        ) from None
    except ImportError:
        raise StartError("a registry in PostgreSQL needs psycopg: pip install 'arc-core[postgres]'") from None
    return address


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and late
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _began(connection: Connection) -> None:
        # A transaction that reads first and writes then would be refused when another wrote in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        if _applied(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
        applied = _applied(connection)
        if applied is not None and applied > HEAD:
            raise StartError(
                f"the registry has schema {applied}, this Arc Core knows {HEAD}; install the newer arc-core again"
            )
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "arc_core.registry:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _applied(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _add(connection: Connection, one: Usage) -> None:
    # Both know INSERT .. ON CONFLICT alike, SQLAlchemy has it for each apart.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as upsert
    else:
        from sqlalchemy.dialects.sqlite import insert as upsert  # type: ignore[assignment]
    fresh = upsert(USAGE).values(**msgspec.structs.asdict(one))
    added = {name: USAGE.c[name] + fresh.excluded[name] for name in ("spans", "size_bytes")}
    connection.execute(fresh.on_conflict_do_update(index_elements=["tenant", "day"], set_=added))


def _tenant(row: dict[str, Any]) -> Tenant:
    limits = Limits(**{name: row.pop(name) for name in _LIMITS})
    return Tenant(**row, limits=limits)


def _key(row: dict[str, Any]) -> Key:
    held = row.pop("scopes").split()
    scopes: frozenset[Scope] = frozenset(scope for scope in SCOPES if scope in held)
    return Key(**row, scopes=scopes)


def _entry(row: dict[str, Any]) -> AuditEntry:
    return AuditEntry(**row | {"detail": msgspec.json.decode(row["detail"])})


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise RegistryError(f"the registry does not answer: {_first_line(error)}") from error


def _first_line(error: SQLAlchemyError) -> str:
    origin = getattr(error, "orig", None)
    return str(origin or error).partition("\n")[0][:300]
