import json

import pytest
from arc_runtime.capture import Recorder
from hypothesis import given
from hypothesis import strategies as st

MAIL = "jane@example.com"


def recorder(limit=200):
    return Recorder("SPAN_ONLY", limit)


def message(text, role="user"):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def test_content_is_redacted_when_it_is_captured():
    text = recorder().messages([message(f"I am {MAIL}")])
    assert json.loads(text) == [message("I am <EMAIL>")]
    assert text.tally == {"EMAIL": 1}


def test_where_content_goes_is_what_the_mode_says():
    modes = {mode: Recorder(mode, 10) for mode in ("NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT")}
    assert {mode: (one.on_spans, one.on_events, one.wanted) for mode, one in modes.items()} == {
        "NO_CONTENT": (False, False, False),
        "SPAN_ONLY": (True, False, True),
        "EVENT_ONLY": (False, True, True),
        "SPAN_AND_EVENT": (True, True, True),
    }


def test_long_text_is_cut_with_a_marker_that_says_how_much_is_missing():
    assert recorder(10).text("x" * 25) == "x" * 10 + "…[15 more]"


def test_a_value_across_the_cut_does_not_show_in_part():
    for shift in range(40):
        text = "x" * (180 + shift) + f" {MAIL} " + "y" * 9000
        assert "jane" not in recorder(200).text(text)
    secret = "sk-" + "a1" * 60
    for edge in range(4200, 4320, 7):
        assert "a1a1" not in recorder(200).text("z" * (edge - 60) + " " + secret)


def test_blobs_are_named_instead_of_kept():
    part = {"type": "uri", "uri": "data:image/png;base64," + "A" * 4000}
    audio = {"type": "blob", "data": "B" * 4000}
    recorded = json.loads(recorder(2000).messages([{"role": "user", "parts": [part, audio]}]))
    assert recorded[0]["parts"][0]["uri"] == "<blob image/png 3000 bytes>"
    assert recorded[0]["parts"][1]["data"] == "<blob 3000 bytes>"


def test_past_the_limit_the_first_and_the_latest_messages_stay_and_the_gap_is_named():
    history = [message("be brief", "system"), *(message(f"turn {index}") for index in range(50)), message("the last")]
    recorded = json.loads(recorder(500).messages(history))
    assert recorded[0] == history[0]
    assert recorded[-1] == history[-1]
    assert "messages left out" in recorded[1]["parts"][0]["content"]
    assert len(recorder(500).messages(history)) < 700


def test_one_enormous_message_is_bounded_too():
    many = {"role": "user", "parts": [{"type": "text", "content": "word " * 20} for _ in range(500)]}
    text = recorder(1000).messages([many])
    assert len(text) < 2500
    json.loads(text)


def test_cyclic_and_foreign_values_end():
    cycle = {"role": "user"}
    cycle["self"] = cycle
    cycle["bytes"] = b"123"
    cycle["object"] = object
    deep = []
    for _ in range(100):
        deep = [deep]
    text = recorder(100_000).messages([cycle, deep])
    assert "<cycle>" in text
    assert "<too deep>" in text


def test_work_is_bounded_however_often_a_value_is_shared():
    shared = ["word"]
    for _ in range(40):
        shared = [shared, shared]  # 2 ** 40 leaves
    assert len(recorder().text(shared)) < 400
    parents = {"name": "root", "children": []}
    for _ in range(200):
        parents["children"].append({"parent": parents, "children": parents["children"]})
    assert len(recorder().messages([parents])) < 2000


def test_messages_without_room_are_not_looked_at():
    class Untouched(dict):
        def items(self):
            raise AssertionError("this message has no room, and was read")

    history = [message("first"), *(Untouched() for _ in range(1000)), *(message("x" * 90) for _ in range(10))]
    assert "messages left out" in recorder(300).messages(history)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("card", 4111111111111111),
        ("ssn", "078051120"),
        ("aws_secret_access_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("SecretAccessKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
)
def test_a_value_is_recognised_by_its_name_and_as_a_number(key, value):
    text = recorder(2000).text({key: value, "count": 3, "id": 1763650800123})
    assert str(value) not in text
    assert '"count":3' in text
    assert "1763650800123" in text


def test_what_utf_8_has_no_form_for_is_replaced():
    recorder().text({"file": "\udcff", "b": "x" * 500 + "\ud800"}).encode()


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_recorded_is_bounded_json(value):
    text = recorder(100).messages([value])
    json.loads(text)
    assert len(text) <= 2 * 2 * 100 + 200
