"""An answer that is not as the request demands is asked for once more, where the user wants that."""

import asyncio
import json

import openai
import pytest
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
FORM = {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA}}
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], "response_format": FORM}
RIGHT = {"content": '{"a": 1}'}
WRONG = {"content": '{"a": "x"}'}


def called(arguments):
    return {
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}],
    }


def completion(said, reason="stop"):
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **said}}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    return Answer(body={**head, "choices": [choice], "usage": USAGE})


class Saying:
    """Answers in turn, the last one for ever; keeps what it was asked."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def __call__(self, asked):
        self.asked.append(asked)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    @property
    def bodies(self):
        return [asked.body for asked in self.asked]


def attempts(span):
    return [event.attributes for event in span.events if event.name == semconv.EVENT_ATTEMPT]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("ask", "wrong", "right", "failure", "detail"),
    [
        ({}, WRONG, RIGHT, "invalid_json_answer", "a is no integer"),
        ({"response_format": None, "tools": [TOOL]}, called("{}"), called('{"a": 1}'), "invalid_tool_arguments", "f: a is missing"),
    ],
)  # fmt: skip
def test_the_second_answer_is_the_program_s_where_it_is_as_asked(
    spans, instrumented, connect, ask, wrong, right, failure, detail, is_async
):
    instrumented(fixes_retry="on", capture="SPAN_ONLY")
    server_says = Saying(completion(wrong), completion(right))
    given = {name: value for name, value in {**ASK, **ask}.items() if value is not None}
    before = json.dumps(given)
    with Provider(server_says) as server:
        result = asyncio.run(create(server, given)) if is_async else connect(server).chat.completions.create(**given)
    said = result.choices[0].message
    assert (said.content, bool(said.tool_calls)) == (right["content"], "tool_calls" in right)
    first, second = server_says.bodies
    assert first == given
    assert json.dumps(given) == before
    assert second["messages"][:-1] == given["messages"]
    assert detail in second["messages"][-1]["content"]
    attributes = spans.only.attributes
    assert semconv.FAILURE_TYPE not in attributes
    assert attributes[semconv.FIX_IDS] == (f"arc.retry.{failure}",)
    assert (attributes[semconv.FIX_TRIGGER], attributes[semconv.FIX_OUTCOME]) == ("after_answer", "ok")
    assert attributes[semconv.HTTP_RESEND_COUNT] == 1
    [attempt] = attempts(spans.only)
    assert (attempt[semconv.FAILURE_TYPE], attempt[semconv.FAILURE_DETAIL]) == (failure, detail)
    assert attempt[semconv.USAGE_OUTPUT_TOKENS] == 5


async def create(server, given):
    async with openai.AsyncOpenAI(base_url=server.url, api_key="test", max_retries=0) as client:
        return await client.chat.completions.create(**given)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (completion(WRONG), {semconv.FAILURE_TYPE: "invalid_json_answer"}),
        (completion({"content": '{"a'}, "length"), {semconv.FAILURE_TYPE: "truncated_output"}),
        (Answer(status=500, body={"error": {"message": "no"}}), {semconv.ERROR_TYPE: "InternalServerError"}),
    ],
)
def test_the_first_answer_stays_where_the_second_is_no_better(spans, instrumented, connect, second, told):
    instrumented(fixes_retry="on")
    server_says = Saying(completion({"content": "Sure!"}), second)
    with Provider(server_says) as server:
        result = connect(server).chat.completions.create(**ASK)
    assert result.choices[0].message.content == "Sure!"
    assert len(server_says.asked) == 2
    attributes = spans.only.attributes
    assert attributes[semconv.FAILURE_TYPE] == "invalid_json_answer"
    assert semconv.FIX_IDS not in attributes
    [attempt] = attempts(spans.only)
    assert told.items() <= attempt.items()


@pytest.mark.parametrize(
    ("settings", "ask", "answer"),
    [
        ({}, {}, completion(WRONG)),
        ({"fixes_retry": "on", "fixes": "shadow"}, {}, completion(WRONG)),
        ({"fixes_retry": "on"}, {}, completion(RIGHT)),
        ({"fixes_retry": "on"}, {}, completion({"content": '{"a'}, "length")),
        ({"fixes_retry": "on"}, {"extra_headers": {"X-Arc-Fixes": "off"}}, completion(WRONG)),
        ({"fixes_retry": "on"}, {"messages": [*ASK["messages"], {"role": "assistant", "content": "{"}]}, completion(WRONG)),
        ({"fixes_retry": "on"}, {"response_format": openai.NOT_GIVEN}, completion(WRONG)),
    ],
)  # fmt: skip
def test_one_request_is_enough_otherwise(instrumented, connect, settings, ask, answer):
    instrumented(**settings)
    server_says = Saying(answer)
    with Provider(server_says) as server:
        connect(server).chat.completions.create(**{**ASK, **ask})
        connect(server).chat.completions.with_raw_response.create(**{**ASK, **ask})
    assert len(server_says.asked) == 2


def test_what_the_provider_itself_does_is_not_done_twice(instrumented, connect):
    instrumented(fixes_retry="on")
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed",
               "content": [{"type": "output_text", "text": "Sure!", "annotations": []}]}  # fmt: skip
    body = {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o",
        "output": [message],
    }
    server_says = Saying(Answer(body=body))
    form = {"format": {"type": "json_schema", "name": "r", "schema": SCHEMA}}
    with Provider(server_says) as server:
        responses = connect(server).responses
        responses.create(model="gpt-4o", input="hello", text=form, tools=[{"type": "web_search"}])
        responses.create(model="gpt-4o", input="hello", text=form, conversation="conv_1")
        assert len(server_says.asked) == 2
        responses.create(model="gpt-4o", input="hello", text=form)
    assert len(server_says.asked) == 4
    assert [item["role"] for item in server_says.bodies[-1]["input"]] == ["user", "user"]


def test_a_stream_is_never_asked_for_again(spans, instrumented, connect):
    instrumented(fixes_retry="on")
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    chunk = {**head, "choices": [{"index": 0, "delta": {"content": "Sure!"}, "finish_reason": "stop"}]}
    server_says = Saying(Answer(events=[chunk, "[DONE]"]))
    with Provider(server_says) as server:
        list(connect(server).chat.completions.create(**ASK, stream=True))
    assert len(server_says.asked) == 1
    assert spans.only.attributes[semconv.FAILURE_TYPE] == "invalid_json_answer"


def test_so_it_is_on_azure(spans, instrumented, connect):
    instrumented(fixes_retry="on")
    server_says = Saying(completion(WRONG), completion(RIGHT))
    with Provider(server_says) as server:
        client = connect(server, openai.AzureOpenAI, api_version="2025-01-01")
        assert client.chat.completions.create(**ASK).choices[0].message.content == RIGHT["content"]
    assert [asked.path.partition("?")[0] for asked in server_says.asked] == ["/deployments/gpt-4o/chat/completions"] * 2
    assert spans.only.attributes[semconv.FIX_IDS] == ("arc.retry.invalid_json_answer",)
