"""An answer of the messages API that is not as the request demands, and asking for it once more."""

import asyncio

import anthropic
import pytest
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider, message, message_request

ASK = message_request()
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
TOOLS = {"tools": [{"name": "f", "input_schema": SCHEMA}]}
FORM = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}


def called(**given):
    return message({"type": "tool_use", "id": "toolu_1", "name": "f", "input": given}, reason="tool_use")


def said(text):
    return message({"type": "text", "text": text})


CASES = {
    "tool": (TOOLS, called(), called(a=1), "invalid_tool_arguments", "f: a is missing"),
    "form": (FORM, said("Sure!"), said('{"a": 1}'), "invalid_json_answer", "no JSON"),
}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_second_answer_is_the_program_s_where_it_is_as_asked(spans, instrumented, connect, ask, case, is_async):
    given, wrong, right, failure, detail = CASES[case]
    instrumented(fixes_retry="on")
    answers = iter([wrong, right])

    async def create(server):
        async with connect(server, anthropic.AsyncAnthropic) as client:
            return await client.messages.create(**ASK, extra_body=given)

    with Provider(lambda _: Answer(body=next(answers))) as server:
        result = asyncio.run(create(server)) if is_async else ask(connect(server), **given)
        assert [block.to_dict() for block in result.content] == right["content"]
        first, second = (asked.body["messages"] for asked in server.asked)
    assert second[: len(first)] == first
    assert detail in second[-1]["content"]
    attributes = spans.only.attributes
    assert (attributes[semconv.FIX_IDS], attributes[semconv.FIX_OUTCOME]) == ((f"arc.retry.{failure}",), "ok")
    assert attributes[semconv.HTTP_RESEND_COUNT] == 1
    [attempt] = [event.attributes for event in spans.only.events if event.name == semconv.EVENT_ATTEMPT]
    assert (attempt[semconv.FAILURE_TYPE], attempt[semconv.USAGE_OUTPUT_TOKENS]) == (failure, 2)


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_and_not_asked_again_by_default(spans, instrumented, connect, ask, case):
    given, wrong, _, failure, detail = CASES[case]
    instrumented()
    with Provider(lambda _: Answer(body=wrong)) as server:
        ask(connect(server), **given)
        assert len(server.asked) == 1
    attributes = spans.only.attributes
    assert (attributes[semconv.FAILURE_TYPE], attributes[semconv.FAILURE_DETAIL]) == (failure, detail)


def test_a_call_that_the_provider_made_itself_is_no_failure(spans, instrumented, connect, ask):
    instrumented(fixes_retry="on")
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {"command": "ls"}}
    tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
    with Provider(lambda _: Answer(body=message(use, {"type": "text", "text": "Done"}))) as server:
        ask(connect(server), tools=tools)
        assert len(server.asked) == 1
    assert semconv.FAILURE_TYPE not in spans.only.attributes


@pytest.mark.parametrize(
    ("reason", "failure"), [("max_tokens", "truncated_output"), ("refusal", "content_filter_finish")]
)
def test_an_answer_that_ends_early_is_told(spans, instrumented, connect, ask, reason, failure):
    instrumented(fixes_retry="on")
    with Provider(lambda _: Answer(body=message({"type": "text", "text": '{"a'}, reason=reason))) as server:
        ask(connect(server), **FORM)
        assert len(server.asked) == 1
    assert spans.only.attributes[semconv.FAILURE_TYPE] == failure
