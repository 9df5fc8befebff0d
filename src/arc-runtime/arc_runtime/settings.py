"""What the environment says, read once, frozen, and passed down; no other module of the runtime reads it.

`OTEL_*` names that Arc itself reads (the SDK reads its own beside them): `OTEL_SDK_DISABLED`, `OTEL_CONFIG_FILE`,
`OTEL_{TRACES,LOGS,METRICS}_EXPORTER`, `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`, `OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_EXPORTER_OTLP_{TRACES,LOGS,METRICS}_ENDPOINT`,
`OTEL_EXPORTER_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_{TRACES,LOGS,METRICS}_PROTOCOL`, `OTEL_SEMCONV_STABILITY_OPT_IN` and
`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`.
"""

import base64
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Self, TypeVar
from urllib.parse import SplitResult, quote, urlsplit

import msgspec
from arc_semconv.variables import is_service_link

__all__ = ["METRICS_FAMILY", "Capture", "Console", "Endpoint", "Granularity", "Mode", "Redaction", "Settings", "masked"]

T = TypeVar("T")
S = TypeVar("S", bound=str)

Mode = Literal["auto", "enabled", "disabled"]
Console = Literal["off", "summary", "live", "json"]
Granularity = Literal["job", "run", "tool", "llm"]
Redaction = Literal["off", "secrets", "standard", "strict"]
Capture = Literal["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"]

_OFF: Final = {"", "0", "false", "no", "off"}
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SIGNALS: Final = ("TRACES", "LOGS", "METRICS")
_OTLP: Final = ("otlp", "otlp_proto_http", "otlp_proto_grpc")
_INSTRUMENT: Final = "ARC_INSTRUMENT_"
_LATEST_GENAI: Final = "gen_ai_latest_experimental"

METRICS_FAMILY: Final = "ARC_METRICS_FAMILY"
"""Name of the one variable that Arc itself sets."""
# 443 is what https is served at; only Arc Core and Collectors without TLS are usually found at OTLP's own port.
_PORTS: Final = {"http": 4318, "https": 443, "grpc": 4317, "grpcs": 4317}
_KNOWN: Final = {
    "ARC_ENDPOINT",
    "ARC_API_KEY",
    "ARC_LOG_LEVEL",
    "ARC_DISABLE",
    "ARC_FIXES",
    "ARC_FIXES_LEVEL",
    "ARC_FIXES_RETRY",
    "ARC_FIXES_FILE",
    "ARC_FIXES_DIR",
    "ARC_FIXES_PUBLIC_KEYS",
    "ARC_FIXES_TENANT",
    "ARC_SPAN_NAMES",
    "ARC_CONTENT_LIMIT",
    "ARC_EXIT_SECONDS",
    "ARC_SPOOL_MIB",
    "ARC_SPOOL_DIR",
    "ARC_REDACTION",
    "ARC_REDACTION_KEY",
    "ARC_REDACTION_POLICY",
    "ARC_COST",
    "ARC_COST_HOSTS",
    "ARC_METRICS_PORT",
    "ARC_METRICS_HOST",
    "ARC_CONSOLE",
    "ARC_GRANULARITY",
    METRICS_FAMILY,
    "ARC_CORE_API_KEY",
    "ARC_CORE_CONFIG",
    "ARC_CORE_DATA",
    "ARC_CORE_GATEWAY_SECRET",
    "ARC_CORE_GATEWAY_TENANT_HEADER",
    "ARC_CORE_GRPC",
    "ARC_CORE_HTTP",
    "ARC_CORE_LOG_FORMAT",
    "ARC_CORE_LOG_LEVEL",
    "ARC_CORE_MAX_PENDING_MIB",
    "ARC_CORE_REGISTRY",
    "ARC_CORE_STORE",
    "ARC_CORE_TEXT_INDEX",
    "ARC_CORE_URL",
}


class Endpoint(msgspec.Struct, frozen=True):
    """Where ARC_ENDPOINT points."""

    protocol: Literal["http/protobuf", "grpc"] | None
    """What the scheme demands; None for http and https, which OTEL_EXPORTER_OTLP_PROTOCOL decides."""
    secure: bool
    host: str
    port: int
    path: str
    """Prefix of `/v1/traces`; empty for most."""

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 host in brackets."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL with an http scheme."""
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.path}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that steers Arc in the user's process."""

    endpoint: Endpoint | None = None
    """`ARC_ENDPOINT`: where Arc Core or a Collector listens: `http://`, `https://`, `grpc://` or `grpcs://` and
    host[:port]. Unset: OpenTelemetry's own endpoint."""
    api_key: str | None = msgspec.field(default=None)
    """`ARC_API_KEY`: sent as `x-api-key`, to ARC_ENDPOINT and nowhere else."""
    log_level: str | None = None
    """`ARC_LOG_LEVEL`: DEBUG, INFO, WARNING, ERROR or CRITICAL on stderr. Unset: one line a problem."""
    core_url: str | None = None
    """`ARC_CORE_URL`: http address of Arc Core's API, for the commands of `arc`. Unset: ARC_ENDPOINT, when that is
    http or https."""
    disabled: bool = False
    """`ARC_DISABLE`: anything but empty, 0, false, no or off switches all of Arc off."""
    fixes: Literal["on", "shadow", "off"] = "on"
    """`ARC_FIXES`: mend requests, only record what would change, or neither."""
    fixes_level: Literal["safe", "ask"] = "safe"
    """`ARC_FIXES_LEVEL`: apply only entries of level safe, or those that ask too."""
    fixes_retry: Literal["on", "off"] = "off"
    """`ARC_FIXES_RETRY`: ask once more where a whole answer is not as the request's JSON schema or tools demand, or do
    not; the second answer costs as much as the first."""
    fixes_file: Path | None = None
    """`ARC_FIXES_FILE`: entries of your own, JSON or YAML; read again when it changes. Unset: none."""
    fixes_dir: Path | None = None
    """`ARC_FIXES_DIR`: folder of what fixes keep for the next process. Unset: `arc/fixes` in `$XDG_STATE_HOME`, or in
    `~/.local/state`."""
    fixes_public_keys: Sequence[str] = ()
    """`ARC_FIXES_PUBLIC_KEYS`: comma-separated Ed25519 keys, base64, by which fixes from Arc Core must be signed.
    Unset: none are taken."""
    fixes_tenant: str | None = None
    """`ARC_FIXES_TENANT`: the tenant, or `tenant/environment`, whose fixes are taken. Unset: that of the first that is
    taken."""
    span_names: Literal["arc", "genai"] = "arc"
    """`ARC_SPAN_NAMES`: `agent.run x`, or `invoke_agent x` as the GenAI conventions name it."""
    content_limit: int = 16_384
    """`ARC_CONTENT_LIMIT`: longest recorded content of one attribute, in characters."""
    exit_seconds: float = 3.0
    """`ARC_EXIT_SECONDS`: longest time that spans still waiting hold up the end of the program, in seconds."""
    spool_mib: int = 64
    """`ARC_SPOOL_MIB`: how much the spool may hold of what could not be delivered, in MiB; the oldest goes first. 0: no
    spool."""
    spool_dir: Path | None = None
    """`ARC_SPOOL_DIR`: folder of the spool. Unset: `arc/spool` in `$XDG_STATE_HOME`, or in `~/.local/state`."""
    redaction: Redaction | None = None
    """`ARC_REDACTION`: what is taken out of telemetry: `off` nothing, `secrets` credentials only, `standard` these and
    personal data, `strict` every number of six digits and more too. Unset: what the policy says, or standard. A value
    that is none of these is taken for strict."""
    redaction_key: str | None = msgspec.field(default=None)
    """`ARC_REDACTION_KEY`: what hashes are keyed with, where the policy asks for hashes."""
    redaction_policy: Path | None = None
    """`ARC_REDACTION_POLICY`: YAML file that says what becomes of each kind of value. One that can't be read switches
    telemetry off. Unset: placeholders for all."""
    cost: Literal["on", "off"] = "on"
    """`ARC_COST`: tell on each model call's span what it costs, where that is known, or do not."""
    cost_hosts: Sequence[str] = ()
    """`ARC_COST_HOSTS`: comma-separated hosts beside the providers' own where a call costs what the provider charges,
    such as a gateway of yours; a domain stands for all below it. Unset: none."""
    metrics_port: int | None = None
    """`ARC_METRICS_PORT`: serve Arc's own four metrics for Prometheus at this port, under `/metrics`. Unset: no
    page."""
    metrics_host: str = "127.0.0.1"
    """`ARC_METRICS_HOST`: the address that page listens on; `0.0.0.0` lets other machines read it."""
    console: Console | None = None
    """`ARC_CONSOLE`: what stderr says of each request: `off`, a `summary` at its end, `live` with each node as it runs,
    or the same as `json` lines. Unset: `live` for programs that switch Arc on in their code, `off` for others."""
    granularity: Granularity = "run"
    """`ARC_GRANULARITY`: the smallest piece of work that counts as a node of a request: `job` (whole graphs), `run`,
    `tool` or `llm`. What is smaller is told only where it is not part of something larger."""
    metrics_family: str | None = None
    """`ARC_METRICS_FAMILY`: set by Arc itself, not by you: the file in which a program with a metrics page and the
    processes that it starts count. Unset: none."""

    instrument: Mapping[str, Mode] = {}
    """`ARC_INSTRUMENT_NAME`: NAME is that of a plugin: OPENAI, LANGGRAPH, ... `auto` leaves the spans to another
    instrumentor of the same library where one is installed, `enabled` writes those that the other one does not,
    `disabled` does not load the plugin. Unset: auto."""

    capture: Capture = "NO_CONTENT"
    """`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`: where message content is recorded."""
    disabled_instrumentations: Sequence[str] = ()
    """`OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`: comma-separated names of plugins that do not load: `arc_openai`,
    `arc_langgraph`, or `*` for all."""
    sdk_disabled: bool = False
    """`OTEL_SDK_DISABLED`: telemetry and fixes are off."""
    config_file: str | None = None
    """`OTEL_CONFIG_FILE`: the SDK is configured from this file."""
    traces_exporter: str | None = None
    """`OTEL_TRACES_EXPORTER`; unset: otlp."""
    logs_exporter: str | None = None
    """`OTEL_LOGS_EXPORTER`; unset: none, or otlp where content is recorded on events."""
    metrics_exporter: str | None = None
    """`OTEL_METRICS_EXPORTER`; unset: none."""
    stability_opt_in: Sequence[str] = ()
    """`OTEL_SEMCONV_STABILITY_OPT_IN`: with `gen_ai_latest_experimental` in it, GenAI metrics have their names of
    November 2026 instead of those of 1.41."""
    otel_endpoints: Mapping[str, str] = {}
    """`OTEL_EXPORTER_OTLP[_SIGNAL]_ENDPOINT` by signal (traces, logs, metrics), where set; these win over
    ARC_ENDPOINT."""
    otel_protocols: Mapping[str, str] = {}
    """`OTEL_EXPORTER_OTLP[_SIGNAL]_PROTOCOL` by signal, where set."""

    @property
    def active(self) -> bool:
        """Whether Arc does anything in this process."""
        return not (self.disabled or self.sdk_disabled)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> tuple[Self, list[str]]:
        """The settings in `env`, and a warning for each name or value that could not be used."""
        reader = _Reader(env)
        level = reader.choice("ARC_LOG_LEVEL", _LEVELS, "", str.upper)
        settings = cls(
            endpoint=reader.url("ARC_ENDPOINT", _endpoint),
            api_key=reader.parsed("ARC_API_KEY", _key, None, secret=True),
            core_url=reader.url("ARC_CORE_URL", _http_url),
            log_level=level or None,
            disabled=env.get("ARC_DISABLE", "").strip().lower() not in _OFF,
            fixes=reader.choice("ARC_FIXES", ("on", "shadow", "off"), "on"),
            fixes_level=reader.choice("ARC_FIXES_LEVEL", ("safe", "ask"), "safe"),
            fixes_retry=reader.choice("ARC_FIXES_RETRY", ("on", "off"), "off"),
            fixes_file=reader.parsed("ARC_FIXES_FILE", _file, None),
            fixes_dir=reader.parsed("ARC_FIXES_DIR", _folder, _state_folder(env, "fixes")),
            fixes_public_keys=reader.parsed("ARC_FIXES_PUBLIC_KEYS", _public_keys, ()),
            fixes_tenant=env.get("ARC_FIXES_TENANT", "").strip() or None,
            span_names=reader.choice("ARC_SPAN_NAMES", ("arc", "genai"), "arc"),
            content_limit=reader.parsed("ARC_CONTENT_LIMIT", _positive_int, 16_384),
            exit_seconds=reader.parsed("ARC_EXIT_SECONDS", _seconds, 3.0),
            instrument=_modes(reader),
            spool_mib=reader.parsed("ARC_SPOOL_MIB", _whole_number, 64),
            spool_dir=reader.parsed("ARC_SPOOL_DIR", _folder, _state_folder(env, "spool")),
            redaction=_redaction(reader),
            redaction_key=env.get("ARC_REDACTION_KEY") or None,
            redaction_policy=reader.parsed("ARC_REDACTION_POLICY", Path, None),
            cost=reader.choice("ARC_COST", ("on", "off"), "on"),
            cost_hosts=tuple(name.lower().strip("[].") for name in _names(env.get("ARC_COST_HOSTS", ""))),
            metrics_port=reader.parsed("ARC_METRICS_PORT", _port, None),
            metrics_host=env.get("ARC_METRICS_HOST", "").strip() or "127.0.0.1",
            console=_console(reader),
            granularity=_granularity(reader),
            metrics_family=env.get(METRICS_FAMILY) or None,
            capture=_capture(reader),
            disabled_instrumentations=_names(env.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "")),
            sdk_disabled=env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true",
            config_file=env.get("OTEL_CONFIG_FILE", "").strip() or None,
            traces_exporter=env.get("OTEL_TRACES_EXPORTER", "").strip() or None,
            logs_exporter=env.get("OTEL_LOGS_EXPORTER", "").strip() or None,
            metrics_exporter=env.get("OTEL_METRICS_EXPORTER", "").strip() or None,
            stability_opt_in=_names(env.get("OTEL_SEMCONV_STABILITY_OPT_IN", "")),
            otel_endpoints=_by_signal(env, "ENDPOINT"),
            otel_protocols=_by_signal(env, "PROTOCOL"),
        )
        reader.unknown_names()
        return settings, reader.warnings

    @property
    def api_url(self) -> str | None:
        """Where Arc Core's HTTP API is thought to be, without a final slash; None when nothing says so."""
        if self.core_url is not None:
            return self.core_url
        endpoint = self.endpoint
        return endpoint.url if endpoint is not None and endpoint.protocol is None else None

    @property
    def api_keyed(self) -> bool:
        """Whether the API key goes along to `api_url`: at the origin of ARC_ENDPOINT, or its host where that is gRPC.

        A key for an endpoint with TLS does not go to an API without.
        """
        endpoint, url = self.endpoint, self.api_url
        if self.api_key is None or endpoint is None or url is None:
            return False
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        if parts.hostname != endpoint.host or (endpoint.secure and not secure):
            return False
        port = parts.port or (443 if secure else 80)
        grpc = (endpoint.protocol or self.otel_protocols.get("traces")) == "grpc"
        return grpc or (secure, port) == (endpoint.secure, endpoint.port)

    def otlp_exporters(self, signal: str) -> tuple[str, ...]:
        """The OTLP exporters of `signal` (traces, logs, metrics) by their entry points' names.

        Traces are exported unless the user says otherwise, the others when he asks. Content recorded on events is a way
        of asking for logs: that is what events are.
        """
        events = "otlp" if self.capture in ("EVENT_ONLY", "SPAN_AND_EVENT") else None
        named = {
            "traces": self.traces_exporter or "otlp",
            "logs": self.logs_exporter or events,
            "metrics": self.metrics_exporter,
        }
        return tuple(name for name in _names(named[signal] or "") if name in _OTLP)

    @property
    def latest_genai(self) -> bool:
        """Whether the newest names of the GenAI conventions are asked for."""
        return _LATEST_GENAI in self.stability_opt_in

    @property
    def level(self) -> int | None:
        """`log_level` as a number of `logging`; None when unset."""
        return logging.getLevelNamesMapping()[self.log_level] if self.log_level else None


class _Reader:
    """Reads values one by one and gathers what was wrong with them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.warnings: list[str] = []

    def choice(self, name: str, allowed: tuple[S, ...], default: S, fold: Callable[[str], str] = str.lower) -> S:
        """The value of `name` when it is one of `allowed`, else the default and a warning."""
        value = fold(self.env.get(name, "").strip())
        for known in allowed:
            if value == known:
                return known
        if value:
            way_out = f"{default} is used" if default else "it is ignored"
            self.warnings.append(f"{name}={self.env[name]!r} is none of {', '.join(allowed)}; {way_out}")
        return default

    def parsed(self, name: str, parse: Callable[[str], T], default: T, *, secret: bool = False) -> T:
        """What `parse` makes of `name`, or the default and a warning when it raises ValueError."""
        value = self.env.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            shown = "" if secret else f"={masked(value)!r}"
            self.warnings.append(f"{name}{shown} can't be used: {error}")
            return default

    def url(self, name: str, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of the address in `name`, and a warning for a user and password in it."""
        found = self.parsed(name, parse, None)
        if found is not None and "@" in urlsplit(self.env[name].strip()).netloc:
            self.warnings.append(f"{name}: the user and password in it are not used; a key belongs into ARC_API_KEY")
        return found

    def unknown_names(self) -> None:
        """Warn once about the ARC_* names that nothing reads."""
        unknown = sorted(
            name
            for name, value in self.env.items()
            if name.startswith("ARC_")
            and name not in _KNOWN
            and not name.startswith(_INSTRUMENT)
            and not is_service_link(name, value)
        )
        if unknown:
            known = ", ".join(sorted({*_KNOWN, f"{_INSTRUMENT}<NAME>"} - {METRICS_FAMILY}))
            self.warnings.append(f"{', '.join(unknown)}: no such setting; there are: {known}")


def _capture(reader: _Reader) -> Capture:
    modes: tuple[Capture, ...] = ("NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT")
    name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    return reader.choice(name, modes, "NO_CONTENT", str.upper)


def _console(reader: _Reader) -> Console | None:
    modes: tuple[Console | Literal[""], ...] = ("off", "summary", "live", "json")
    return reader.choice("ARC_CONSOLE", modes, "") or None


def _granularity(reader: _Reader) -> Granularity:
    sizes: tuple[Granularity, ...] = ("job", "run", "tool", "llm")
    return reader.choice("ARC_GRANULARITY", sizes, "run")


def _redaction(reader: _Reader) -> Redaction | None:
    levels: tuple[Redaction, ...] = ("off", "secrets", "standard", "strict")
    # What can't be read is taken for the strictest: a typing error must not open the door.
    return reader.choice("ARC_REDACTION", levels, "strict") if reader.env.get("ARC_REDACTION", "").strip() else None


def _modes(reader: _Reader) -> dict[str, Mode]:
    modes: tuple[Mode, ...] = ("auto", "enabled", "disabled")
    names = [name for name in reader.env if name.startswith(_INSTRUMENT)]
    return {name.removeprefix(_INSTRUMENT).lower(): reader.choice(name, modes, "auto") for name in names}


def _names(value: str) -> tuple[str, ...]:
    return tuple(name for part in value.split(",") if (name := part.strip()))


def _by_signal(env: Mapping[str, str], what: str) -> dict[str, str]:
    general = env.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()
    found = {
        signal.lower(): env.get(f"OTEL_EXPORTER_OTLP_{signal}_{what}", "").strip() or general for signal in _SIGNALS
    }
    return {signal: value for signal, value in found.items() if value}


def masked(url: str) -> str:
    """`url` with `***` for the user and password: for all between its scheme and its last `@`.

    It need be no URL: a password that is not escaped is often why it is none.
    """
    return re.sub(r"^([A-Za-z][\w+.-]*://)?.*@", r"\g<1>***@", url, flags=re.DOTALL)


def _endpoint(value: str) -> Endpoint:
    parts, port = _split(value)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it is no URL such as http://127.0.0.1:4318 or grpc://127.0.0.1:4317")
    return Endpoint(
        protocol="grpc" if parts.scheme.startswith("grpc") else None,
        secure=parts.scheme.endswith("s"),
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        path=re.sub(r"(/v1/traces)?/*$", "", parts.path),
    )


def _http_url(value: str) -> str:
    parts, port = _split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no URL such as http://127.0.0.1:4318")
    authority = _bracketed(parts.hostname) + (f":{port}" if port else "")
    return f"{parts.scheme}://{authority}{quote(parts.path.rstrip('/'), safe='/%')}"


def _split(value: str) -> tuple[SplitResult, int | None]:
    """`value` taken apart, and its port; the ValueError does not quote it, as urllib's do: it may hold a password."""
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise ValueError("its host can't be read") from error
    try:
        return parts, parts.port
    except ValueError as error:
        raise ValueError("its port is no number from 0 to 65535") from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _key(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("a key is printable ASCII without spaces; it is not sent")
    return value


def _positive_int(value: str) -> int:
    number = int(value) if value.isdecimal() else 0
    if number < 1:
        raise ValueError("it is no whole number above 0; the default is used")
    return number


def _whole_number(value: str) -> int:
    if not value.isdecimal():
        raise ValueError("it is no whole number; the default is used")
    return int(value)


def _port(value: str) -> int:
    number = int(value) if value.isdecimal() else 0
    if not 0 < number < 65536:  # noqa: PLR2004 - what TCP has
        raise ValueError("it is no port from 1 to 65535; there is no metrics page")
    return number


def _file(value: str) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise ValueError(f"{error}; no file is read") from error


def _public_keys(value: str) -> tuple[str, ...]:
    keys = _names(value)
    for key in keys:
        try:
            size = len(base64.b64decode(key, validate=True))
        except ValueError as error:
            raise ValueError("a key is base64; no fixes are taken from Arc Core") from error
        if size != 32:  # noqa: PLR2004 - RFC 8032
            raise ValueError("a key has 32 bytes; no fixes are taken from Arc Core")
    return keys


def _folder(value: str) -> Path:
    try:
        found = Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{error}; the default is used") from error
    if not found.is_absolute():
        raise ValueError("it is no absolute path; the default is used")
    return found


def _state_folder(env: Mapping[str, str], name: str) -> Path | None:
    # XDG Base Directory Specification 0.8: a relative path is ignored
    state = Path(env.get("XDG_STATE_HOME", ""))
    try:
        found = state if state.is_absolute() else Path("~/.local/state").expanduser()
    except RuntimeError:  # a user without a home, as in some containers
        return None
    return found / "arc" / name


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 3600:  # noqa: PLR2004 - an hour is longer than any orchestrator waits
        raise ValueError("it is no number of seconds from 0 to 3600; the default is used")
    return number
