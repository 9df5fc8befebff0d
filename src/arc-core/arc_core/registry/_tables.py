"""The tables of the registry, alike in SQLite and PostgreSQL. Times are milliseconds since 1970."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

HEAD: Final = "0001"
"""The newest of migrations/versions: compared before Alembic is imported, which takes half a second."""

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)

TENANTS: Final = Table(
    "tenants",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
    Column("retention_days", Integer),
    Column("requests_per_second", Float),
    Column("spans_per_second", Float),
    Column("spans_per_day", BigInteger),
    Column("bytes_per_day", BigInteger),
)

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("tenant", String(63), ForeignKey("tenants.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("last_used_ms", BigInteger),
)

USAGE: Final = Table(
    "usage",
    METADATA,
    Column("tenant", String(63), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("spans", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("tenant", String(63), nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

STATE: Final = Table(
    "state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
)
"""One row. Each change of tenants and keys begins by counting it up: changes wait for each other there.

`entries` and `head` are the number and the hash of the newest entry of the audit log.
"""
