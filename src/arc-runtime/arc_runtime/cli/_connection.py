"""Checks whether the endpoint listens, with TLS and certificates as its exporter has them."""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from arc_runtime.cli._check import Check, failed, passed
from arc_runtime.export import Destination
from arc_runtime.settings import masked

__all__ = ["TIMEOUT", "check_connection", "tls_context"]

TIMEOUT: Final = 5.0
"""Longest time that one answer is waited for, in seconds."""

_NAME: Final = "connection"
_START: Final = "start Arc Core with `arc core`, or point ARC_ENDPOINT at the one that runs"
_OWN: Final = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
# requests, which the HTTP exporter sends with, lets these win over the certificate that it is given.
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _Address(NamedTuple):
    host: str
    port: int
    secure: bool


def check_connection(target: Destination, env: Mapping[str, str]) -> Check:
    """Whether something answers at `target`; `env` says which certificates its exporter trusts."""
    try:
        address = _address(target, env)
    except ValueError as error:
        return failed(_NAME, f"{masked(target.url)}: {error}", "correct OTEL_EXPORTER_OTLP_ENDPOINT")
    if address is None:
        return passed(_NAME, f"{masked(target.url)} is for gRPC itself to resolve")
    return _reach(address, env, target.protocol)


def tls_context(env: Mapping[str, str], protocol: str) -> ssl.SSLContext:
    """TLS with the certificates that an exporter takes from `env`; OSError when one of the files can't be used."""
    _, trusted = _authorities(env, protocol)
    if trusted is not None and Path(trusted).is_dir():
        context = ssl.create_default_context(capath=trusted)
    else:
        context = ssl.create_default_context(cafile=trusted)
    own = _first(env, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE")[1]
    if own is not None:
        key = _first(env, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY")[1]
        context.load_cert_chain(own, key)
    return context


def _authorities(env: Mapping[str, str], protocol: str) -> tuple[str, str | None]:
    """The variable that names the trusted certificates, and its file; None for those of the system."""
    return _first(env, *(() if protocol == "grpc" else _BUNDLES), *_OWN)


def _first(env: Mapping[str, str], *names: str) -> tuple[str, str | None]:
    """The first of `names` that is set, and its value; the last of them and None when none is."""
    return next(((name, env[name]) for name in names if env.get(name)), (names[-1], None))


def _address(target: Destination, env: Mapping[str, str]) -> _Address | None:
    """Where the exporter connects to; None for what gRPC resolves (`unix:`, `dns:`), ValueError when it is nowhere."""
    grpc = target.protocol == "grpc"
    if grpc and "://" not in target.url:
        return _bare_address(target, env)
    try:
        parts = urlsplit(target.url)
    except ValueError as error:
        raise ValueError("its host can't be read") from error
    if parts.scheme not in ("http", "https"):
        if grpc:
            return None
        raise ValueError("it starts with neither http:// nor https://")
    if not parts.hostname:
        raise ValueError("it names no host")
    secure = _is_secure(parts.scheme, target, env)
    try:
        # gRPC has one default port, with TLS or without.
        port = parts.port or (443 if secure or grpc else 80)
    except ValueError as error:
        raise ValueError("its port is no number from 0 to 65535") from error
    return _Address(parts.hostname, port, secure)


def _bare_address(target: Destination, env: Mapping[str, str]) -> _Address | None:
    """The address in `host:port`; None for the other names that gRPC knows."""
    try:
        parts = urlsplit(f"//{target.url}")
        port = parts.port or 443
    except ValueError:
        return None
    if not parts.hostname or parts.path:
        return None
    return _Address(parts.hostname, port, _is_secure("", target, env))


def _is_secure(scheme: str, target: Destination, env: Mapping[str, str]) -> bool:
    """Whether the exporter uses TLS: for gRPC OTEL_EXPORTER_OTLP_INSECURE decides where the scheme is not https."""
    if target.protocol != "grpc" or scheme == "https" or target.arguments:
        return scheme == "https"
    said = env.get("OTEL_EXPORTER_OTLP_TRACES_INSECURE", env.get("OTEL_EXPORTER_OTLP_INSECURE"))
    return scheme != "http" if said is None else said.lower() != "true"


def _reach(address: _Address, env: Mapping[str, str], protocol: str) -> Check:
    where = f"{address.host}:{address.port}"
    variable, trusted = _authorities(env, protocol)
    try:
        context = tls_context(env, protocol) if address.secure else None
    except OSError as error:
        # Python does not say which file it was.
        detail = f"{variable}={trusted or ''}, or the client's certificate or key: {error.strerror or error}"
        return failed(_NAME, detail, "correct or unset the OTEL_EXPORTER_OTLP_* variable that names the file")
    try:
        return _shake_hands(address, context)
    except ssl.SSLError as error:
        wins = f", which comes before {_OWN[-1]}" if variable in _BUNDLES else " for one of your own"
        advice = f"check the certificate, or {variable}{wins}; http:// is without TLS"
        return failed(_NAME, f"{where}: no TLS: {error.reason or error}", advice)
    except UnicodeError as error:  # what a name that can't be a host's raises
        return failed(_NAME, f"{where}: {error}", "correct the host in the endpoint")
    except OSError as error:
        return failed(_NAME, f"{where}: {error.strerror or error}", _START)


def _shake_hands(address: _Address, context: ssl.SSLContext | None) -> Check:
    where = f"{address.host}:{address.port}"
    with socket.create_connection((address.host, address.port), TIMEOUT) as plain:
        if context is None:
            return passed(_NAME, f"{where} answers, without TLS")
        with context.wrap_socket(plain, server_hostname=address.host) as sealed:
            return passed(_NAME, f"{where} answers, {sealed.version()}")
