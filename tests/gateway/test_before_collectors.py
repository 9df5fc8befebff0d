"""A gateway in front of the Collector that stamps tenants: what it says of the sender is what is stored."""

from arc_testing import eventually


def test_through_the_collector_telemetry_is_its_senders_whatever_he_says(before_collector, way):
    request = before_collector.spans()
    lies = {"x_consumer_custom_id": "bolt", "x_arc_gateway_secret": "between-gateway-and-core"}

    answer = before_collector.send(way, request, x_api_key=before_collector.key, **lies)

    assert answer.status == ("OK" if way == "grpc" else "200")
    eventually(lambda: before_collector.stored(request), within_seconds=30)
    assert not before_collector.stored(request, before_collector.other_reader)


def test_who_has_no_key_does_not_reach_the_collector(before_collector, way):
    refused, kept = before_collector.spans(), before_collector.spans()
    for key in ("", before_collector.revoked_key):
        answer = before_collector.send(way, refused, x_api_key=key, x_consumer_custom_id="bolt")
        assert answer.status == ("UNAUTHENTICATED" if way == "grpc" else "401")

    before_collector.send(way, kept, x_api_key=before_collector.key)

    eventually(lambda: before_collector.stored(kept), within_seconds=30)  # and so would the others be
    assert not before_collector.stored(refused)


def test_no_key_is_in_the_queue_or_the_log_of_the_collector(before_collector, way):
    request = before_collector.spans()
    before_collector.send(way, request, x_api_key=before_collector.key)
    eventually(lambda: before_collector.stored(request), within_seconds=30)

    secret = before_collector.key.rpartition("_")[2].encode()
    files = [file for file in before_collector.folder.rglob("*") if file.is_file()]
    assert any("queue" in file.parts for file in files)
    assert [str(file) for file in files if secret in file.read_bytes()] == []
