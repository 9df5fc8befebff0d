import pytest
from arc_runtime.settings import Settings, masked


def read(**env):
    return Settings.from_env(env)


def test_an_empty_environment_gives_the_defaults_without_a_warning():
    settings, warnings = read()
    assert settings == Settings(spool_dir=settings.spool_dir, fixes_dir=settings.fixes_dir)
    assert warnings == []
    assert settings.capture == "NO_CONTENT"


@pytest.mark.parametrize(
    ("value", "protocol", "url", "authority"),
    [
        ("http://core:4318", None, "http://core:4318", "core:4318"),
        ("https://core", None, "https://core:443", "core:443"),
        ("grpcs://core", "grpc", "https://core:4317", "core:4317"),
        ("http://core/otlp/", None, "http://core:4318/otlp", "core:4318"),
        ("http://core:80/v1/traces", None, "http://core:80", "core:80"),
        ("grpc://core", "grpc", "http://core:4317", "core:4317"),
        ("grpcs://core:443", "grpc", "https://core:443", "core:443"),
        ("grpc://[::1]:4317", "grpc", "http://[::1]:4317", "[::1]:4317"),
    ],
)
def test_an_endpoint_is_read_with_its_protocol_and_default_port(value, protocol, url, authority):
    settings, warnings = read(ARC_ENDPOINT=value)
    assert warnings == []
    assert (settings.endpoint.protocol, settings.endpoint.url, settings.endpoint.authority) == (
        protocol,
        url,
        authority,
    )


@pytest.mark.parametrize("value", ["core:4318", "ftp://core", "http://", "http://core:port", "grpc://core:99999"])
def test_an_endpoint_that_is_none_warns_and_is_left_out(value):
    settings, (warning,) = read(ARC_ENDPOINT=value)
    assert settings.endpoint is None
    assert "ARC_ENDPOINT" in warning
    assert value in warning


@pytest.mark.parametrize(
    "value",
    [
        "ann:hunter2@core:4318",
        "ftp://ann:hunter2@core",
        "http:/ann:hunter2@core",
        "http://ann:hunter2@",
        "http://ann:hunter2@core:port",
        "http://ann:what/hunter2@core",
        "http://ann:[hunter2@core",
        "http://ann:hunter2@core\N{ACCOUNT OF}",
    ],
)
@pytest.mark.parametrize("name", ["ARC_ENDPOINT", "ARC_CORE_URL"])
def test_a_password_in_an_address_that_is_none_is_not_shown(name, value):
    _, (warning,) = read(**{name: value})
    assert name in warning
    assert "hunter2" not in warning


@pytest.mark.parametrize("name", ["ARC_ENDPOINT", "ARC_CORE_URL"])
def test_a_user_and_password_in_an_address_are_neither_used_nor_shown(name):
    settings, (warning,) = read(**{name: "http://ann:hunter2@core:4318/"})
    assert settings.api_url == "http://core:4318"
    assert "not used" in warning
    assert "hunter2" not in warning


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://core:4318/otlp", "http://core:4318/otlp"),
        ("http://ann:hunter2@core:4318", "http://***@core:4318"),
        ("grpc+x://ann@core", "grpc+x://***@core"),
        ("ann:hunter2@core:4317", "***@core:4317"),
    ],
)
def test_a_masked_address_has_no_user_and_password(url, shown):
    assert masked(url) == shown


@pytest.mark.parametrize("value", ["core", "grpc://core", "http://", "http://127.0.0.1:abc", "http://core:99999"])
def test_an_address_of_the_api_that_is_none_warns_and_is_left_out(value):
    settings, (warning,) = read(ARC_CORE_URL=value)
    assert settings.core_url is None
    assert value in warning


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://core/", "http://core"),
        ("https://[::1]:4318/arc/", "https://[::1]:4318/arc"),
        ("http://core/\N{LATIN SMALL LETTER U WITH DIAERESIS}%20x", "http://core/%C3%BC%20x"),
    ],
)
def test_an_address_of_the_api_can_be_asked_as_it_is(value, url):
    settings, warnings = read(ARC_CORE_URL=value)
    assert warnings == []
    assert settings.api_url == url


@pytest.mark.parametrize(
    ("endpoint", "core", "keyed"),
    [
        ("http://core:4318", "", True),
        ("http://core:4318/otlp", "http://core:4318/arc", True),
        ("http://core:80", "http://CORE", True),
        ("https://core", "https://core:443", True),
        ("http://core:4318", "http://other:4318", False),
        ("http://core:4318", "http://core:4319", False),
        ("http://core:4318", "https://core:4318", False),
        ("https://core:4318", "http://core:4318", False),
        ("grpc://core:4317", "http://core:4318", True),
        ("grpc://core:4317", "https://core:4318", True),
        ("grpcs://core:4317", "https://core:4318", True),
        ("grpcs://core:4317", "http://core:4318", False),
        ("grpc://core:4317", "http://other:4318", False),
        ("", "http://core:4318", False),
    ],
)
def test_the_key_goes_to_the_api_only_at_the_origin_of_the_endpoint(endpoint, core, keyed):
    settings, _ = read(ARC_ENDPOINT=endpoint, ARC_CORE_URL=core, ARC_API_KEY="arc_live_key")
    assert settings.api_keyed is keyed


def test_an_endpoint_that_speaks_grpc_by_its_protocol_has_its_api_on_another_port():
    asked = {"ARC_ENDPOINT": "http://core:4317", "ARC_CORE_URL": "http://core:4318", "ARC_API_KEY": "arc_live_key"}
    assert read(**asked, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")[0].api_keyed
    assert not read(**asked)[0].api_keyed


@pytest.mark.parametrize("key", ["with space", "ümlaut", "tab\tbed", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_not_sent_and_not_shown(key):
    settings, (warning,) = read(ARC_API_KEY=key)
    assert settings.api_key is None
    assert key not in warning


@pytest.mark.parametrize(
    ("value", "disabled"),
    [("1", True), ("true", True), ("anything", True), ("0", False), ("false", False), ("", False), ("off", False)],
)
def test_arc_disable_takes_all_but_the_ways_to_say_no(value, disabled):
    settings, warnings = read(ARC_DISABLE=value)
    assert settings.disabled is disabled
    assert settings.active is not disabled
    assert warnings == []


def test_otel_sdk_disabled_takes_true_alone_as_the_specification_says():
    assert read(OTEL_SDK_DISABLED="TRUE")[0].sdk_disabled
    assert not read(OTEL_SDK_DISABLED="1")[0].sdk_disabled


@pytest.mark.parametrize("value", ["true", "span", "yes"])
def test_a_capture_mode_that_is_none_falls_back_to_no_content(value):
    settings, (warning,) = read(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=value)
    assert settings.capture == "NO_CONTENT"
    assert "SPAN_ONLY" in warning


def test_capture_modes_are_read_in_any_case():
    settings, _ = read(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="span_and_event")
    assert settings.capture == "SPAN_AND_EVENT"


def test_unknown_arc_names_warn_once_with_the_names_there_are():
    _, (warning,) = read(ARC_ENDPIONT="http://core", ARC_FOO="1")
    assert "ARC_ENDPIONT, ARC_FOO" in warning
    assert "ARC_ENDPOINT" in warning
    assert "ARC_INSTRUMENT_<NAME>" in warning
    assert "ARC_METRICS_FAMILY" not in warning  # Arc's own to set


def test_what_kubernetes_says_of_a_service_is_no_misspelt_setting():
    links = {
        "ARC_CORE_SERVICE_HOST": "10.0.0.11", "ARC_CORE_SERVICE_PORT": "4317", "ARC_CORE_SERVICE_PORT_OTLP_GRPC": "4317",
        "ARC_CORE_PORT": "tcp://10.0.0.11:4317", "ARC_CORE_PORT_4317_TCP": "tcp://10.0.0.11:4317",
        "ARC_CORE_PORT_4317_TCP_PROTO": "tcp", "ARC_CORE_PORT_4317_TCP_PORT": "4317",
        "ARC_CORE_PORT_4317_TCP_ADDR": "10.0.0.11", "ARC_PORT": "tcp://10.0.0.12:80", "ARC_SERVICE_HOST": "10.0.0.12",
    }  # fmt: skip
    assert read(**links)[1] == []
    _, (warning,) = read(**links, ARC_METRIC_PORT="9464", ARC_CORE_PORTS="tcp://10.0.0.11:4317")
    assert warning.startswith("ARC_CORE_PORTS, ARC_METRIC_PORT: no such setting")


def test_a_bad_value_names_itself_and_what_is_used_instead():
    settings, warnings = read(ARC_FIXES="maybe", ARC_CONTENT_LIMIT="-3", ARC_EXIT_SECONDS="soon", ARC_LOG_LEVEL="loud")
    assert (settings.fixes, settings.content_limit, settings.exit_seconds, settings.log_level) == (
        "on",
        16384,
        3.0,
        None,
    )
    assert len(warnings) == 4
    for warning, value in zip(sorted(warnings), ["'-3'", "'soon'", "'maybe'", "'loud'"], strict=True):
        assert value in warning


def test_what_the_console_says_is_left_open_unless_the_environment_says_it():
    settings, warnings = Settings.from_env({})
    assert (settings.console, settings.granularity, warnings) == (None, "run", [])
    settings, warnings = Settings.from_env({"ARC_CONSOLE": "LIVE", "ARC_GRANULARITY": "tool"})
    assert (settings.console, settings.granularity, warnings) == ("live", "tool", [])
    settings, warnings = Settings.from_env({"ARC_CONSOLE": "loud", "ARC_GRANULARITY": "atom"})
    assert (settings.console, settings.granularity) == (None, "run")
    assert warnings == [
        "ARC_CONSOLE='loud' is none of off, summary, live, json; it is ignored",
        "ARC_GRANULARITY='atom' is none of job, run, tool, llm; run is used",
    ]
