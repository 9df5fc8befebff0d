import json

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
    assert "too deep" in recorder(100_000).messages([cycle])


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_recorded_is_bounded_json(value):
    text = recorder(100).messages([value])
    json.loads(text)
    assert len(text) <= 2 * 2 * 100 + 200
