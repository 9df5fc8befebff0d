import gzip
import json
import re
import time
from pathlib import Path

import pytest
from arc_runtime.redaction import Clean, Tally, find, redact, scrub
from hypothesis import example, given
from hypothesis import strategies as st

PII = Path(__file__).parents[4] / "shared/data/pii"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("write to jane.doe+x@mail.example.co.uk now", "write to <EMAIL> now"),
        ("q=jane%40example.com&x=1", "q=<EMAIL>&x=1"),
        ('{"to": "jörg@bücher.example"}', '{"to": "<EMAIL>"}'),
        ("card 4111 1111 1111 1111, thanks", "card <CARD>, thanks"),
        ("5555-5555-5555-4444", "<CARD>"),
        ("amex 378282246310005.", "amex <CARD>."),
        ("ssn 078-05-1120", "ssn <US_SSN>"),
        ("my social security number is 219099999", "my social security number is <US_SSN>"),
        ("call +44 20 7946 0958", "call <PHONE>"),
        ("call +1 (212) 555-0187 today", "call <PHONE> today"),
        ("tel=%2B4930901820", "tel=<PHONE>"),
        ("0049 30 901820 99", "<PHONE>"),
        ("key sk-proj-abcDEF1234567890abcDEF", "key <SECRET>"),
        ("AKIAIOSFODNN7EXAMPLE", "<SECRET>"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = <SECRET>"),
        ("token ghp_" + "a1B2" * 9, "token <SECRET>"),
        ("github_pat_" + "A1b2" * 8, "<SECRET>"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "Authorization: Bearer <SECRET>"),
        (r'{"text": "mail:\njane@example.com\n4111111111111111"}', r'{"text": "mail:\n<EMAIL>\n<CARD>"}'),
        ("a@example.com b@example.com", "<EMAIL> <EMAIL>"),
        ("4111\u00a01111\u00a01111\u00a01111 4111.1111.1111.1111", "<CARD> <CARD>"),
        ("4111 1111 1111 1111 5555 5555 5555 4444", "<CARD> <CARD>"),
        ("order 12 4111111111111111", "order 12 <CARD>"),
        ("078\u201305\u20131120", "<US_SSN>"),
        ("jane\uff20example.com", "<EMAIL>"),
        ("mailto:jane%2Bx%40example.com", "mailto:<EMAIL>"),
        ("sk-" + "abcdefgh" * 6, "<SECRET>"),
        ('"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"', '"SecretAccessKey": "<SECRET>"'),
    ],
)
def test_personal_values_and_secrets_are_replaced_by_their_type(text, clean):
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the bearer of good news",
        "git@github.com:org/repo.git",
        "4111 1111 1111 1112",  # fails the Luhn check
        "000-12-3456 666-12-3456 123-00-4567 900-12-3456",
        "2026-11-20T17:00:00.123456789Z",
        "1763650800123456789",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "0.9500000000000001 +0000 v1.2.3",
        "pip install package@1.2.3",
        "task-asking-for-something-long-and-harmless",
        "gpt-4.1-2025-04-14",
        "def f(x): return x @ y",
        "user@localhost",
    ],
)
def test_what_only_looks_like_it_stays_the_very_same_object(text):
    assert redact(text) is text


@given(st.text())
@example("@" * 500)
@example("+" + "1 " * 300)
@example("sk-" * 300)
def test_findings_are_in_order_inside_the_text_and_apart(text):
    end = 0
    for finding in find(text):
        assert end <= finding.start < finding.end <= len(text)
        end = finding.end
    assert find(redact(text)) == [] or not re.fullmatch(r"[^<>]*", text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_address_is_found_whatever_stands_round_it(before, after):
    assert "someone@example.com" not in redact(f"{before} someone@example.com {after}")


def test_every_shape_that_telemetry_has_is_gone_through():
    tally = Tally()
    value = {"a@example.com": ["4111111111111111", ("x", {"y": b"+44 20 7946 0958"})], "n": [1, 2.5, True, None]}
    assert scrub(value, tally) == {"<EMAIL>": ["<CARD>", ("x", {"y": b"<PHONE>"})], "n": [1, 2.5, True, None]}
    assert tally == {"EMAIL": 1, "CARD": 1, "PHONE": 1}


def test_a_clean_value_is_handed_back_as_it_is():
    value = {"a": ["b", ("c", 1)], "d": b"e"}
    assert scrub(value, Tally()) is value


def test_what_can_t_be_read_is_dropped_not_passed():
    deep = "a@example.com"
    for _ in range(100):
        deep = [deep]
    assert "example.com" not in repr(scrub(deep, Tally()))
    assert scrub(b"\xff\xfe", Tally()) == "<UNREADABLE>"
    assert scrub(object(), Tally()) == "<UNREADABLE>"


def test_text_marked_clean_is_counted_and_not_scanned_again():
    tally = Tally()
    text = Clean.of("<EMAIL>", Tally(EMAIL=1))
    assert scrub(text, tally) is text
    assert tally == {"EMAIL": 1}


@pytest.mark.parametrize(
    "hostile", ["@" * 20_000, "1 " * 20_000, "+1" * 20_000, "a." * 20_000 + "@", "bearer " * 5_000]
)
def test_hostile_text_takes_linear_time(hostile):
    def seconds(text):
        times = []
        for _ in range(3):
            begin = time.thread_time()
            redact(text)
            times.append(time.thread_time() - begin)
        return min(times)

    # Quadratic work would take sixteen times as long for four times the text; noise is far from that.
    assert seconds(hostile * 4) < 10 * seconds(hostile) + 0.05


needs_data = pytest.mark.skipif(not PII.is_dir(), reason="the evaluation data are not beside this clone")
OURS = {"EMAIL_ADDRESS": "EMAIL", "CREDIT_CARD": "CARD", "US_SSN": "US_SSN", "PHONE_NUMBER": "PHONE"}


def rows(name):
    with gzip.open(PII / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


@needs_data
def test_values_in_real_telemetry_carriers_are_found():
    rows_of_ours = [row for row in rows("telemetry") if row["type"] in OURS and row["expect"] == "match"]
    found = [any(one.type == OURS[row["type"]] for one in find(row["text"])) for row in rows_of_ours]
    assert sum(found) / len(found) >= 0.95


@needs_data
def test_almost_nothing_is_found_where_nothing_is():
    clean = rows("clean")
    wrongly = [one for row in clean for one in find(row["text"])]
    assert len(wrongly) <= len(clean) / 500


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("record, ATIN (U.S. Adoption Taxpayer Identification Number): 123-45-6789", "US_ATIN"),
        ("record, IMSI (International Mobile Subscriber Identity): 262011234567890", "IMSI"),
        ("H70318426", "DE_PASSPORT"),
        ("L70318424", "DE_ID_CARD"),
        ("Personalausweis H70318426", "DE_ID_CARD"),
    ],
)
def test_a_number_is_called_after_its_abbreviation_and_its_first_letter(text, type_):
    assert [finding.type for finding in find(text)] == [type_]


@pytest.mark.parametrize(
    "key", ["created_ms", "createdAt", "expires_at", "ts", "timestamp", "order_number", "invoice.number"]
)
@pytest.mark.parametrize("shape", [str, int, lambda value: [value]], ids=["text", "number", "list"])
def test_times_and_numbers_of_things_stay_whatever_they_add_up_to(key, shape):
    values = [1_712_345_678 + step * 7919 for step in range(200)]
    if not key.endswith("number"):
        values += [1_712_345_678_901 + step * 7919 for step in range(200)]
    told = {key: [shape(value) for value in values]}
    assert scrub(told, Tally()) == told


def test_the_name_of_a_list_says_what_its_items_are():
    assert scrub({"ssn": ["078051121"], "steps": ["078051121"]}, Tally()) == {
        "ssn": ["<US_SSN>"],
        "steps": ["078051121"],
    }
