import pytest
from arc_runtime.export import destination, plan
from arc_runtime.settings import Settings
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter


def settings(**env):
    return Settings.from_env(env)[0]


def test_without_any_setting_spans_go_to_opentelemetry_s_default_over_http():
    wanted = plan(settings())
    assert wanted.env["OTEL_TRACES_EXPORTER"] == "otlp"
    assert wanted.env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"
    assert wanted.exporter_args == {}
    assert destination(settings()).url == "http://localhost:4318"


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_the_protocol_is_the_one_that_is_asked_for(protocol):
    wanted = plan(settings(OTEL_EXPORTER_OTLP_PROTOCOL=protocol))
    assert wanted.env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == protocol


def test_the_key_goes_along_to_arc_endpoint_over_http():
    args = plan(settings(ARC_ENDPOINT="http://core:4318", ARC_API_KEY="arc_live_1")).exporter_args[HttpExporter]
    assert args == {"endpoint": "http://core:4318/v1/traces", "headers": {"x-api-key": "arc_live_1"}}


def test_the_key_goes_along_to_arc_endpoint_over_grpc():
    args = plan(settings(ARC_ENDPOINT="grpc://core", ARC_API_KEY="arc_live_1")).exporter_args[GrpcExporter]
    assert args == {"endpoint": "core:4317", "insecure": True, "headers": (("x-api-key", "arc_live_1"),)}


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_an_otel_endpoint_comes_first_and_never_gets_the_key(name):
    given = settings(ARC_ENDPOINT="http://core", ARC_API_KEY="arc_live_1", **{name: "http://collector:4318"})
    wanted = plan(given)
    assert wanted.exporter_args == {}
    assert any("ARC_ENDPOINT" in warning for warning in wanted.warnings)
    assert not destination(given).keyed


def test_the_scheme_of_arc_endpoint_outranks_a_protocol_that_it_can_t_speak():
    wanted = plan(settings(ARC_ENDPOINT="grpc://core", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))
    assert wanted.env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "grpc"
    assert len(wanted.warnings) == 1


@pytest.mark.parametrize(
    ("named", "classes"),
    [
        ("otlp_proto_grpc", [GrpcExporter]),
        ("otlp_proto_http", [HttpExporter]),
        ("console,otlp", [HttpExporter]),
        ("otlp_proto_http, otlp_proto_grpc", [GrpcExporter, HttpExporter]),
        ("my_otlp_like", []),
        ("none", []),
    ],
)
def test_an_exporter_that_is_named_goes_to_arc_endpoint_with_the_key(named, classes):
    given = settings(OTEL_TRACES_EXPORTER=named, ARC_ENDPOINT="http://core:4318", ARC_API_KEY="arc_live_1")
    args = plan(given).exporter_args
    assert sorted(one.__module__ for one in args) == sorted(one.__module__ for one in classes)
    assert all("arc_live_1" in repr(one["headers"]) for one in args.values())


def test_a_trace_exporter_that_the_user_chose_is_left_alone():
    wanted = plan(settings(OTEL_TRACES_EXPORTER="console", ARC_ENDPOINT="http://core"))
    assert "OTEL_TRACES_EXPORTER" not in wanted.env
    assert wanted.exporter_args == {}
