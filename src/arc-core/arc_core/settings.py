"""What `arc core` was told, checked: one frozen record that is passed down."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from arc_core.errors import UsageError

MIB: Final = 1024 * 1024

REGISTRY_FILE: Final = "registry.db"
"""In the data folder."""

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
"""A field name of HTTP (RFC 9110 §5.1), in lower case."""

_KEY = re.compile(r"[!-~]+")
"""What every client can put into an HTTP header (RFC 9110 §5.5) and a gRPC metadata value without coding it."""

_ADDRESS = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^\[\]:]+)):(?P<port>[0-9]{1,5})")


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an IP address without brackets, is always this machine."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Address(msgspec.Struct, frozen=True):
    """A host and port to listen on."""

    host: str
    """A name or an IP address, without brackets."""
    port: int
    """0 for any free one."""

    @classmethod
    def parse(cls, text: str, option: str) -> Self:
        """Return the address in `text` (`HOST:PORT` or `[IPV6]:PORT`); raise UsageError when it is none."""
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found["port"]) > 65535:  # noqa: PLR2004 - the highest port there is
            raise UsageError(f"{option} {text!r} is not HOST:PORT, for example 127.0.0.1:4318 or [::1]:4318")
        return cls(found["six"] or found["host"], int(found["port"]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `arc core` can be told."""

    grpc: Address
    """Where OTLP over gRPC is taken."""
    http: Address
    """Where OTLP over HTTP, the JSON API and the workbench are."""
    data: Path
    """Folder of the database; made when it is missing."""
    api_key: str | None
    """The one key that is let in; None lets everyone in, and then only on loopback."""
    max_pending_bytes: int
    """Bytes of requests that may be held at a time before new ones are put off."""
    store: str | None = None
    """URL of a ClickHouse server; None for the database in the data folder."""
    registry: str | None = None
    """URL of the database of tenants and keys; None for a file in the data folder."""
    gateway_secret: str | None = None
    """By this a gateway shows that the tenant it names is to be believed; None believes none."""
    gateway_tenant_header: str = "x-consumer-custom-id"
    """In which a gateway names the tenant; lower case. The default is Kong's."""
    text_index: bool | None = None
    """Whether texts are indexed for searching; None leaves it as it is."""
    log_format: LogFormat = "text"
    log_level: LogLevel = "warning"
    end_with_stdin: bool = False
    """Stop at the end of stdin: how a program that starts Arc Core takes it along, however that program ends."""
    idle_minutes: float = 0.0
    """Stop when nobody has sent or asked anything for so long; 0 never does."""
    note: Path | None = None
    """File in which to say that Arc Core is up; None says it nowhere."""

    @classmethod
    def checked(  # noqa: PLR0913 - one for each option
        cls,
        *,
        grpc: str,
        http: str,
        data: Path,
        api_key: str | None,
        max_pending_mib: int,
        store: str | None = None,
        registry: str | None = None,
        gateway_secret: str | None = None,
        gateway_tenant_header: str = "x-consumer-custom-id",
        text_index: bool | None = None,
        log_format: LogFormat = "text",
        log_level: LogLevel = "warning",
        end_with_stdin: bool = False,
        idle_minutes: float = 0.0,
        note: Path | None = None,
    ) -> Self:
        """Return the settings that the options give; raise UsageError when they cannot be used together."""
        settings = cls(
            grpc=Address.parse(grpc, "--grpc"),
            http=Address.parse(http, "--http"),
            data=data.expanduser().absolute(),
            api_key=api_key or None,
            max_pending_bytes=max_pending_mib * MIB,
            store=store or None,
            registry=registry or None,
            gateway_secret=gateway_secret or None,
            gateway_tenant_header=gateway_tenant_header.lower(),
            text_index=text_index,
            log_format=log_format,
            log_level=log_level,
            end_with_stdin=end_with_stdin,
            idle_minutes=idle_minutes,
            note=note,
        )
        if "?" in str(settings.data):  # chDB would read what follows as parameters of a connection string
            raise UsageError(f"--data {str(data)!r} has a '?' in it; name another folder")
        _check_sendable(settings.api_key, "the API key (ARC_CORE_API_KEY or --api-key)")
        _check_sendable(settings.gateway_secret, "the gateway's secret (ARC_CORE_GATEWAY_SECRET or --gateway-secret)")
        if not _HEADER.fullmatch(settings.gateway_tenant_header):
            raise UsageError(f"--gateway-tenant-header {gateway_tenant_header!r} is no name of an HTTP header")
        if settings.registry is None and not settings.registry_file.exists():
            settings.refuse_open_bind()
        return settings

    @property
    def registry_file(self) -> Path:
        """Where tenants and keys are when no URL says otherwise."""
        return self.data / REGISTRY_FILE

    @property
    def registry_url(self) -> str:
        """The URL of the database of tenants and keys."""
        return self.registry or sqlite_url(self.registry_file)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.grpc.is_loopback and self.http.is_loopback

    def refuse_open_bind(self) -> None:
        """Raise UsageError when others could reach it, and no key is asked for; for when the registry has none."""
        if self.api_key is None and self.gateway_secret is None:
            _refuse_open_bind(self.grpc, "--grpc")
            _refuse_open_bind(self.http, "--http")


def sqlite_url(file: Path) -> str:
    """The URL of a registry in `file`."""
    return f"sqlite:///{file}"


def default_data(env: Mapping[str, str], home: Path) -> Path:
    """Return `$XDG_DATA_HOME/arc`, else `~/.local/share/arc` (XDG base directories)."""
    base = env.get("XDG_DATA_HOME", "")
    return (Path(base) if base else home / ".local" / "share") / "arc"


def _refuse_open_bind(address: Address, option: str) -> None:
    if not address.is_loopback:
        raise UsageError(
            f"{option} {address} can be reached from other machines, and no API key is set; "
            "make one with `arc core keys create`, set ARC_CORE_API_KEY (or --api-key), or listen on 127.0.0.1"
        )


def _check_sendable(text: str | None, what: str) -> None:
    if text is not None and not _KEY.fullmatch(text):
        raise UsageError(
            f"{what} has a character that cannot be sent in a header; use visible ASCII characters only, without spaces"
        )
