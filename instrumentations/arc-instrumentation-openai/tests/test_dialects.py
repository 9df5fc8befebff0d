"""What compatible servers and what stands before them really send: odd, partial, broken. Written for these tests."""

import asyncio
import gzip
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest
from arc_semconv import attributes as semconv

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
JSON, EVENTS = {"content-type": "application/json"}, {"content-type": "text/event-stream"}


class Wire(ThreadingHTTPServer):
    """Answers every POST with the bytes of `answer`: (status, headers, pieces); a None among the pieces is a reset."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = (200, JSON, [b"{}"])
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, pieces = self.server.answer
        cut, body = None in pieces, [piece for piece in pieces if piece]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(sum(map(len, body)) + 100 * cut))
        self.end_headers()
        for piece in body:
            self.wfile.write(piece)
        if cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


@pytest.fixture
def wire():
    with Wire() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def whole(message=None, usage=USAGE, finish="stop", **fields):
    message = {"role": "assistant", "content": "Hello"} if message is None else {"role": "assistant", **message}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m-x",
              "choices": [{"index": 0, "finish_reason": finish, "message": message}], "usage": usage}  # fmt: skip
    return 200, JSON, [json.dumps({**answer, **fields}).encode()]


def chunk(delta=None, finish=None, **fields):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-x", "choices": choices, **fields}


def sse(*chunks, done=True, end="\n"):
    lines = [f"data: {json.dumps(one)}{end}{end}" for one in chunks] + [f"data: [DONE]{end}{end}"] * done
    return 200, EVENTS, [line.encode() for line in lines]


def call(name, arguments, **fields):
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **fields}


def calls(*pieces):
    return sse(*(chunk({"tool_calls": list(some)}) for some in pieces), chunk({}, "tool_calls", usage=USAGE))


def error(status, body, headers=JSON):
    return status, headers, [body]


END = chunk({}, "stop", usage=USAGE)
TOLD = {"in": 5, "out": 2, "model": "m-x", "reasons": ("stop",)}
CALLED = {**TOLD, "reasons": ("tool_calls",)}
TWO = {**CALLED, "calls": [("a", {"x": 1}), ("b", {"y": 2})]}
FILTERS = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
WHOLE = {
    "usage null": (whole(usage=None), {"in": None, "out": None}),
    "usage absent": (200, JSON, [json.dumps({"id": "c", "model": "m-x", "choices": []}).encode()]),
    "usage empty": (whole(usage={}), {"in": None, "out": None}),
    "usage partial": (whole(usage={"completion_tokens": 2}), {"in": None, "out": 2}),
    "usage as text and float": (whole(usage={"prompt_tokens": "5", "completion_tokens": 2.0}), {"in": 5, "out": 2}),
    "usage of nonsense": (whole(usage={"prompt_tokens": {"a": 1}, "completion_tokens": True}), {"in": None, "out": None}),
    "usage a list": (whole(usage=[1, 2]), {"in": None}),
    "cache of DeepSeek": (whole(usage={**USAGE, "prompt_cache_hit_tokens": 4}), {**TOLD, "cached": 4}),
    "cache of Moonshot": (whole(usage={**USAGE, "cached_tokens": 3}), {**TOLD, "cached": 3}),
    "cache of Mistral": (whole(usage={**USAGE, "num_cached_tokens": 2}), {**TOLD, "cached": 2}),
    "finish null": (whole(finish=None), {"reasons": None, "in": 5}),
    "choices null": (whole(choices=None), {"reasons": None, "in": 5}),
    "choices empty": (whole(choices=[]), {"reasons": None, "in": 5}),
    "choices no list": (whole(choices={"index": 0}), {"reasons": None, "in": 5}),
    "two choices": (whole(choices=[{"index": i, "finish_reason": reason, "message": {"role": "assistant", "content": "x"},
                                    "logprobs": {"content": [{"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}]}}
                                   for i, reason in enumerate(("stop", "length"))]), {"reasons": ("stop", "length")}),
    "refusal": (whole({"content": None, "refusal": "I can't"}), {**TOLD, "said": ["refusal"]}),
    "audio": (whole({"content": None, "audio": {"id": "a", "data": "UklG" * 400, "expires_at": 1, "transcript": "Hello"}}),
              {**TOLD, "said": ["text"]}),
    "reasoning of DeepSeek": (whole({"content": "x", "reasoning_content": "hm"}), {**TOLD, "said": ["reasoning", "text"]}),
    "reasoning of OpenRouter": (whole({"content": "x", "reasoning": "hm", "reasoning_details": [{"type": "reasoning.text"}]}),
                                {**TOLD, "said": ["reasoning", "text"]}),
    "thinking of Mistral": (whole({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                                               {"type": "text", "text": "x"}]}), {**TOLD, "said": ["reasoning", "text"]}),
    "custom tool": (whole({"content": None, "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "a", "input": "x = 1"}}]},
                          finish="tool_calls"), {**CALLED, "calls": [("a", "x = 1")]}),
    "tool without id or type": (whole({"tool_calls": [{"function": {"name": "a", "arguments": {"x": 1}}}]}, finish="tool_calls"),
                                {**CALLED, "calls": [("a", {"x": 1})]}),
    "legacy function": (whole({"content": None, "function_call": {"name": "a", "arguments": '{"x": 1}'}}, finish="function_call"),
                        {**TOLD, "reasons": ("function_call",), "calls": [("a", {"x": 1})]}),
    "arguments that are no JSON": (whole({"tool_calls": [call("a", "{broken", id="1")]}, finish="tool_calls"),
                                   {**CALLED, "calls": [("a", "{broken")]}),
    "filtered by Azure": (whole(finish="content_filter", **FILTERS), {**TOLD, "reasons": ("content_filter",)}),
    "an error at 200": (200, JSON, [b'{"error": {"message": "upstream", "code": 502}, "user_id": "u"}']),
    "no object": (200, JSON, [b"[1, 2]"]),
    "null": (200, JSON, [b"null"]),
    "broken JSON": (200, JSON, [b'{"id": "c", "cho']),
    "HTML at 200": (200, {"content-type": "text/html"}, [b"<html>maintenance</html>"]),
    "empty at 200": (200, JSON, [b""]),
    "compressed": (200, {**JSON, "content-encoding": "gzip"}, [gzip.compress(whole()[2][0])]),
    "not UTF-8": (200, JSON, [whole()[2][0].replace(b"Hello", b"Hell\xff")]),
    "surrogates": (whole({"content": "\ud800 and more"}), TOLD),
    "deep": (200, JSON, [whole()[2][0][:-1] + b', "extra": ' + b"[" * 300 + b"]" * 300 + b"}"]),
    "infinite numbers": (200, JSON, [whole()[2][0][:-1] + b', "score": NaN, "other": Infinity}']),
}  # fmt: skip
STREAMED = {
    "as ever": (sse(chunk({"content": "Hel"}), chunk({"content": "lo"}), END), TOLD),
    "no [DONE]": (sse(chunk({"content": "x"}), END, done=False), TOLD),
    "CRLF": (sse(chunk({"content": "x"}), END, end="\r\n"), TOLD),
    "CR alone": (sse(chunk({"content": "x"}), END, end="\r"), TOLD),
    "comments and fields": ((200, EVENTS, [b": OPENROUTER PROCESSING\n\n", b"retry: 10\nid: 7\nevent: message\n",
                             *sse(chunk({"content": "x"}), END)[2]]), TOLD),
    "data over several lines": ((200, EVENTS, [b"data: " + json.dumps(END, indent=1).replace("\n", "\ndata: ").encode() + b"\n\n",
                                 b"data: [DONE]\n\n"]), TOLD),
    "no space behind the colon": ((200, EVENTS, [b"data:" + json.dumps(END).encode() + b"\n\ndata:[DONE]\n\n"]), TOLD),
    "byte by byte": ((200, EVENTS, [bytes([one]) for piece in sse(chunk({"content": "ü"}), END, end="\r\n")[2] for one in piece]), TOLD),
    "compressed": ((200, {**EVENTS, "content-encoding": "gzip"}, [gzip.compress(b"".join(sse(chunk({"content": "x"}), END)[2]))]), TOLD),
    "Azure's filters first": (sse(chunk(id="", model="", **FILTERS), chunk({"content": "x"}), END), TOLD),
    "usage in each chunk": (sse(chunk({"content": "x"}, usage={"prompt_tokens": 5, "completion_tokens": 1}), END), TOLD),
    "usage null, then told": (sse(chunk({"content": "x"}, usage=None), chunk({}, "stop", usage=None), chunk(usage=USAGE)), TOLD),
    "usage of Groq": (sse(chunk({"content": "x"}), chunk({}, "stop", x_groq={"id": "r", "usage": USAGE})), TOLD),
    "usage as text": (sse(chunk({}, "stop", usage={"prompt_tokens": "5", "completion_tokens": "2"})), TOLD),
    "usage empty": (sse(chunk({"content": "12345678"}), chunk({}, "stop", usage={})), {"estimated": True, "out": 2, "reasons": ("stop",)}),
    "nothing": (sse(), {"reasons": None}),
    "choices null": (sse(chunk(), {**END, "choices": None}), {"in": 5}),
    "finish null": (sse(chunk({"content": "x"}), chunk(usage=USAGE)), {"reasons": None, "in": 5}),
    "finish empty": (sse(chunk({"content": "x"}, ""), END), TOLD),
    "reasoning": (sse(chunk({"reasoning_content": "h"}), chunk({"reasoning_content": "m"}), chunk({"content": "x"}), END),
                  {**TOLD, "said": ["reasoning", "text"]}),
    "reasoning of Groq": (sse(chunk({"reasoning": "hm", "channel": "analysis"}), chunk({"content": "x"}), END),
                          {**TOLD, "said": ["reasoning", "text"]}),
    "thinking of Mistral": (sse(chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
                                chunk({"content": [{"type": "text", "text": "x"}]}), END), {**TOLD, "said": ["reasoning", "text"]}),
    "refusal": (sse(chunk({"refusal": "I "}), chunk({"refusal": "can't"}), END), {**TOLD, "said": ["refusal"]}),
    "legacy function": (sse(chunk({"function_call": {"name": "a", "arguments": ""}}), chunk({"function_call": {"arguments": '{"x": 1}'}}),
                            chunk({}, "function_call", usage=USAGE)), {"reasons": ("function_call",), "calls": [("a", {"x": 1})]}),
    "tools": (calls([call("a", "", index=0, id="1"), call("b", "", index=1, id="2")],
                    [call(None, '{"x": 1}', index=0), call(None, '{"y": 2}', index=1)]), TWO),
    "tools all at index 0": (calls([call("a", '{"x": 1}', index=0, id="1")], [call("b", '{"y": 2}', index=0, id="2")]), TWO),
    "tools without index": (calls([call("a", '{"x"', id="1")], [call(None, ": 1}")], [call("b", '{"y": 2}', id="2")]), TWO),
    "tools without index or id": (calls([call("a", '{"x": 1}')], [call("b", '{"y": 2}')]), TWO),
    "an id for each piece": (calls([call("a", '{"x"', index=0, id="1")], [call(None, ": 1}", index=0, id="2")]),
                             {**CALLED, "calls": [("a", {"x": 1})]}),
    "name in each piece": (calls([call("a", '{"x"', index=0, id="1")], [call("a", ": 1}", index=0, id="1")]),
                           {**CALLED, "calls": [("a", {"x": 1})]}),
    "arguments as values": (calls([call("a", {"x": 1}, index=0, id="1")]), {**CALLED, "calls": [("a", {"x": 1})]}),
    "custom tool": (calls([{"index": 0, "id": "1", "type": "custom", "custom": {"name": "a", "input": "x"}}],
                          [{"index": 0, "custom": {"input": "=1"}}]), {**CALLED, "calls": [("a", "x=1")]}),
    "an error on the way": (sse(chunk({"content": "x"}), {"error": {"message": "overloaded", "code": 503}}), {"error": "APIError"}),
    "an error event": ((200, EVENTS, [*sse(chunk({"content": "x"}), done=False)[2], b'event: error\ndata: {"error": {"message": "no"}}\n\n']),
                       {"error": "APIError"}),
    "no JSON on the way": ((200, EVENTS, [*sse(chunk({"content": "x"}), done=False)[2], b"data: oops\n\n"]), {"error": "JSONDecodeError"}),
    "reset on the way": ((200, EVENTS, [*sse(chunk({"content": "x"}), done=False)[2], None]), {"error": True}),
    "an error with a body": (error(429, b'{"error": {"message": "slow down", "code": "rate_limit"}}'), {"error": "RateLimitError", "status": 429}),
}  # fmt: skip
REFUSED = {
    "HTML": (error(502, b"<html><h1>Bad gateway</h1></html>", {"content-type": "text/html"}), {"error": "InternalServerError", "status": 502}),
    "empty": (error(500, b""), {"error": "InternalServerError", "status": 500}),
    "no JSON": (error(400, b"nope"), {"error": "BadRequestError", "status": 400}),
    "a list (Gemini)": (error(400, b'[{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}]'), {"error": "BadRequestError"}),
    "a string": (error(404, b'"gone"'), {"error": "NotFoundError", "status": 404}),
    "error a string": (error(400, b'{"error": "no such model"}'), {"error": "BadRequestError"}),
    "code a number": (error(402, b'{"error": {"message": "pay", "code": 402}}'), {"error": "APIStatusError", "status": 402}),
    "code an object": (error(422, b'{"error": {"message": "m", "code": {"a": 1}, "param": ["b"]}}'), {"error": "UnprocessableEntityError"}),
    "detail (vLLM, FastAPI)": (error(422, b'{"detail": [{"loc": ["body"], "msg": "required"}]}'), {"error": "UnprocessableEntityError"}),
    "not UTF-8": (error(400, b"\xff\xfe\x00"), {"error": "BadRequestError"}),
    "filtered by Azure": (error(400, b'{"error": {"code": "content_filter", "message": "m", "param": "prompt", "innererror": {}}}'),
                          {"error": "BadRequestError", "status": 400}),
    "a redirection to nowhere": (error(300, b""), {"error": "APIStatusError", "status": 300}),
    "reset": ((200, JSON, [b'{"id": ', None]), {"error": "APIConnectionError"}),
    "compression that is broken": ((200, {**JSON, "content-encoding": "gzip"}, [b"no gzip"]), {"error": True}),
}  # fmt: skip


def case(table, name):
    found = table[name]
    return found if isinstance(found[1], dict) and len(found) == 2 else (found, {})


# --- what the caller sees --------------------------------------------------------------------------------------------


def seen(value):
    return value.model_dump(warnings=False) if hasattr(value, "model_dump") else value


def failed(error):
    cause = error.__cause__
    return (
        type(error),
        error.args,
        getattr(error, "body", None),
        getattr(error, "status_code", None),
        type(cause),
        str(cause),
    )


def items(stream, read=seen):
    got = []
    try:
        got.extend(map(read, stream))  # the chunks before an error are kept
    except Exception as error:
        got.append(failed(error))
    return got


def open_lines(client, ask):
    with client.chat.completions.with_streaming_response.create(**ask) as response:
        return items(response.iter_lines(), str)


def open_parsed(client, ask):
    with client.chat.completions.with_streaming_response.create(**ask) as response:
        return items(response.parse()) if ask.get("stream") else seen(response.parse())


def raw(client, ask):
    answer = client.chat.completions.with_raw_response.create(**ask)
    return [
        items(answer.parse()) if ask.get("stream") else seen(answer.parse()),
        answer.status_code,
        answer.headers["content-type"],
    ]


def usual(client, ask):
    answer = client.chat.completions.create(**ask)
    return items(answer) if ask.get("stream") else seen(answer)


async def asynchronous(url, ask):
    async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
        answer = await client.chat.completions.create(**ask)
        if not ask.get("stream"):
            return seen(answer)
        got = []
        try:
            async for one in answer:
                got += [seen(one)]  # the chunks before an error are kept
        except Exception as error:
            got.append(failed(error))
        return got


def told(work, *args):
    try:
        return work(*args)
    except Exception as error:
        return failed(error)


def modes(client, ask):
    url = str(client.base_url)
    return {
        "usual": told(usual, client, ask),
        "raw": told(raw, client, ask),
        "open, parsed": told(open_parsed, client, ask),
        "open, lines": told(open_lines, client, ask),
        "async": told(asyncio.run, asynchronous(url, ask))
        if False
        else told(lambda: asyncio.run(asynchronous(url, ask))),
    }


# --- what the span tells ---------------------------------------------------------------------------------------------


def facts(span):
    attributes = span.attributes
    messages = json.loads(attributes.get(semconv.OUTPUT_MESSAGES, "[]"))
    parts = [part for message in messages for part in message["parts"]]
    return {
        "in": attributes.get(semconv.USAGE_INPUT_TOKENS),
        "out": attributes.get(semconv.USAGE_OUTPUT_TOKENS),
        "cached": attributes.get(semconv.USAGE_CACHE_READ_INPUT_TOKENS),
        "estimated": attributes.get(semconv.USAGE_ESTIMATED),
        "model": attributes.get(semconv.RESPONSE_MODEL),
        "reasons": attributes.get(semconv.RESPONSE_FINISH_REASONS),
        "error": attributes.get(semconv.ERROR_TYPE),
        "status": attributes.get(semconv.HTTP_STATUS_CODE),
        "calls": [(part["name"], part["arguments"]) for part in parts if part["type"] == "tool_call"],
        "said": [part["type"] for part in parts],
    }


def wrong_facts(expected, span, mode):
    told_by_span = facts(span)
    for name, value in expected.items():
        if name == "error" and (value is True or mode != "usual"):
            # Of a body that the program reads line by line it depends on the way whether it breaks, and how.
            if mode in ("usual", "async") and told_by_span["error"] is None:
                yield name, told_by_span["error"]
        elif name == "status" and mode == "open, lines" and told_by_span["status"] is None:
            yield name, None
        elif told_by_span[name] != value:
            yield name, told_by_span[name]


CASES = (
    [("whole", name) for name in WHOLE]
    + [("streamed", name) for name in STREAMED]
    + [("refused", name) for name in REFUSED]
)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_an_odd_answer_is_one_span_with_what_it_says_and_the_caller_sees_the_same(
    spans, instrumented, connect, wire, kind, name
):
    wire.answer, expected = case({"whole": WHOLE, "streamed": STREAMED, "refused": REFUSED}[kind], name)
    ask = {**ASK, "stream": True} if kind == "streamed" else ASK
    client = connect(wire)
    bare = modes(client, ask)
    plugin = instrumented(fixes="off", capture="SPAN_ONLY")
    assert modes(client, ask) == bare
    assert len(spans.spans) == len(bare)
    wrong = [
        (mode, *fact)
        for mode, span in zip(bare, spans.spans, strict=True)
        for fact in wrong_facts(expected, span, mode)
    ]
    assert wrong == []
    assert plugin.guard.failures == {}
