"""What `arc core` was told, checked: one frozen record that is passed down."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import msgspec

from arc_core.errors import UsageError

MIB: Final = 1024 * 1024

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
            end_with_stdin=end_with_stdin,
            idle_minutes=idle_minutes,
            note=note,
        )
        if "?" in str(settings.data):  # chDB would read what follows as parameters of a connection string
            raise UsageError(f"--data {str(data)!r} has a '?' in it; name another folder")
        if settings.api_key is not None and not _KEY.fullmatch(settings.api_key):
            raise UsageError(
                "the API key (ARC_CORE_API_KEY or --api-key) has a character that cannot be sent in a header; "
                "use visible ASCII characters only, without spaces"
            )
        if settings.api_key is None:
            _refuse_open_bind(settings.grpc, "--grpc")
            _refuse_open_bind(settings.http, "--http")
        return settings


def default_data(env: Mapping[str, str], home: Path) -> Path:
    """Return `$XDG_DATA_HOME/arc`, else `~/.local/share/arc` (XDG base directories)."""
    base = env.get("XDG_DATA_HOME", "")
    return (Path(base) if base else home / ".local" / "share") / "arc"


def _refuse_open_bind(address: Address, option: str) -> None:
    if not address.is_loopback:
        raise UsageError(
            f"{option} {address} can be reached from other machines, and no API key is set; "
            "set ARC_CORE_API_KEY (or --api-key), or listen on 127.0.0.1"
        )
