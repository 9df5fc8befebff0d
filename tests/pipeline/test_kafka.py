"""Gateway, Kafka, consumer, Arc Core: what the gateway acknowledged arrives, whichever of them dies, and is stored once."""

import http.client
import os
from collections import Counter
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from arc_semconv import attributes as names
from arc_testing import eventually, running_collector
from confluent_kafka import Consumer
from hops import CONFIGS, CORE_SECRET, FRONT_SECRET, OF_TENANT, TENANT, Core, Sender
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SPANS = int(os.environ.get("ARC_TEST_SPANS", "2400"))
"""200,000 in `make soak`."""

MESSAGE_BYTES = 16 * 1024 * 1024
SIGNALS = ("traces", "logs", "metrics")
PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    core = Core(tmp_path_factory.mktemp("core") / "data")
    core.start()
    yield core
    core.stop()


@pytest.fixture
def topics(kafka, request):
    """The settings by which gateway and consumer meet in topics of this test, as README.md has them made."""
    names = {signal: f"{request.node.name}.{signal}" for signal in SIGNALS}
    for name in names.values():
        kafka.create_topic(name, partitions=6, max_message_bytes=MESSAGE_BYTES)
    return {
        "COLLECTOR_KAFKA_BROKERS": kafka.address,
        "COLLECTOR_KAFKA_GROUP": request.node.name,
        "COLLECTOR_KAFKA_SESSION": "6s",
        **{f"COLLECTOR_KAFKA_{signal.upper()}": name for signal, name in names.items()},
    }


@pytest.fixture
def gateway(topics, tmp_path, quick_gateway):
    configs = (*quick_gateway, CONFIGS / "kafka.yaml")
    with running_collector(configs, tmp_path / "gateway", COLLECTOR_GATEWAY_SECRET=FRONT_SECRET, **topics) as running:
        yield running


@pytest.fixture
def consume(topics, core, tmp_path):
    """A consumer with these settings beside those of the test."""

    @contextmanager
    def consume(name="consumer", **env):
        given = {"COLLECTOR_ARC_URL": core.url, "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET, **topics, **env}
        with running_collector((CONFIGS / "kafka-consumer.yaml",), tmp_path / name, **given) as running:
            yield running

    return consume


def test_every_acknowledged_span_is_stored_once_though_every_hop_is_killed_and_all_is_read_again(
    kafka, gateway, consume, core, topics
):
    topic, group = topics["COLLECTOR_KAFKA_TRACES"], topics["COLLECTOR_KAFKA_GROUP"]
    senders = []

    def send():
        sender = Sender(gateway.http, SPANS // 4, OF_TENANT)
        senders.append(sender)
        sender.start()
        eventually(lambda: sender.acknowledged, within_seconds=30)
        return sender

    with consume() as consumer:
        send().join()
        eventually(lambda: sum(kafka.committed(group, topic).values()), within_seconds=60)

        sending = send()
        kafka.kill()
        gateway.kill()
        gateway.start()
        sending.join()
        kafka.start()

        sending = send()
        consumer.kill()
        sending.join()
        consumer.start()

        sending = send()
        core.kill()
        sending.join()
        core.start()

        acknowledged = set().union(*(sender.acknowledged for sender in senders))
        assert len(acknowledged) == SPANS
        everything_arrives(core, acknowledged)
        taken = consumer.count("receiver_accepted_spans")

    with consume("again", COLLECTOR_KAFKA_GROUP=f"{group}.again") as consumer:
        eventually(
            lambda: kafka.committed(f"{group}.again", topic) == kafka.ends(topic), within_seconds=60 + SPANS / 100
        )
        again = consumer.count("exporter_sent_spans")

    core.stop()
    rows = core.rows(
        "SELECT TraceId AS t, SpanId AS s, count() AS n FROM arc.spans FINAL WHERE TenantId = 'acme' GROUP BY t, s"
    )
    core.start()
    stored = {(row["t"], row["s"]): int(row["n"]) for row in rows}
    assert stored == dict.fromkeys(acknowledged, 1)
    assert again >= SPANS
    print(f"spans: {SPANS} acknowledged, {taken} read, {again} read again, {len(stored)} stored;", end=" ")
    print(
        f"messages: {sum(kafka.ends(topic).values())}; requests refused and sent again: {sum(s.refused for s in senders)}"
    )


def test_what_arc_core_refuses_is_not_skipped(kafka, gateway, consume, core, topics):
    topic, group = topics["COLLECTOR_KAFKA_TRACES"], topics["COLLECTOR_KAFKA_GROUP"]
    sender = Sender(gateway.http, 400, OF_TENANT)
    sender.run()
    with consume("refused", COLLECTOR_ARC_GATEWAY_SECRET="revoked") as refused:
        eventually(lambda: "pausing partition" in refused.text(), within_seconds=60)
    assert sum(kafka.committed(group, topic).values()) == 0

    with consume():
        everything_arrives(core, sender.acknowledged)


def test_what_does_not_fit_into_a_message_is_refused_before_it_is_acknowledged(topics, consume, core, tmp_path):
    with running_collector((CONFIGS / "agent.yaml", CONFIGS / "kafka.yaml"), tmp_path / "agent", **topics) as agent:
        # 400: whoever gets it does not try again.
        assert post(agent.http, one_span(text="x" * MESSAGE_BYTES)) == 400
        large = one_span(text=os.urandom(3 * 1024 * 1024).hex())
        assert post(agent.http, large) == 200
        with consume():
            everything_arrives(core, ids(large))


def test_a_trace_stays_in_one_partition_where_that_is_asked_for(kafka, topics, tmp_path, quick_gateway):
    configs = (*quick_gateway, CONFIGS / "kafka.yaml")
    env = {"COLLECTOR_GATEWAY_SECRET": FRONT_SECRET, "COLLECTOR_KAFKA_BY_TRACE": "true", **topics}
    with running_collector(configs, tmp_path / "gateway", **env) as gateway:
        sender = Sender(gateway.http, 400, OF_TENANT)
        sender.run()
        found = {}
        for message in messages(kafka, topics["COLLECTOR_KAFKA_TRACES"], 40):
            spans = ids(ExportTraceServiceRequest.FromString(message.value()))
            assert len({trace_id for trace_id, _ in spans}) == 1
            assert message.key().decode() == next(iter(spans))[0]
            found.setdefault(message.partition(), set()).update(spans)

    assert len(found) > 1
    assert sorted(one for spans in found.values() for one in spans) == sorted(sender.acknowledged)


def everything_arrives(core, acknowledged):
    """Every trace has as many spans as were acknowledged."""
    wanted = Counter(trace_id for trace_id, _ in acknowledged)

    def look():
        found, after = {}, ""
        while after is not None:
            page = core.get(f"/api/v1/traces?limit=200{after and f'&after={quote(after)}'}")
            found.update((trace["trace_id"], trace["spans"]) for trace in page["traces"])
            after = page["next"]
        return all(found.get(trace_id, 0) >= spans for trace_id, spans in wanted.items())

    eventually(look, within_seconds=60 + SPANS / 100)


def messages(kafka, topic, count):
    """The first `count` messages of `topic`, those of a partition in their order."""
    settings = {"bootstrap.servers": kafka.address, "group.id": "test", "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({**settings, "enable.auto.commit": False})
    consumer.subscribe([topic])
    found = []
    try:
        while len(found) < count:
            message = consumer.poll(30)
            assert message is not None, f"{len(found)} of {count} messages"
            assert message.error() is None, message.error()
            found.append(message)
    finally:
        consumer.close()
    return found


def one_span(**attributes):
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key=names.TENANT_ID).value.string_value = TENANT
    span = resource.scope_spans.add().spans.add(
        trace_id=os.urandom(16), span_id=os.urandom(8), name="large", start_time_unix_nano=1, end_time_unix_nano=2
    )  # fmt: skip
    for key, text in attributes.items():
        span.attributes.add(key=key).value.string_value = text
    return request


def post(address, request):
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", "/v1/traces", request.SerializeToString(), PROTOBUF)
        return connection.getresponse().status
    finally:
        connection.close()


def ids(request):
    return {
        (span.trace_id.hex(), span.span_id.hex())
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
