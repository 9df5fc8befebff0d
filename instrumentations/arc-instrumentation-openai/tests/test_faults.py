"""Every function of ours that a model call reaches is made to raise: the call is as without Arc, nothing raw is sent.

What Arc mends or asks for once more is as without it, or as with all of it.
"""

import asyncio
import builtins
import contextvars
import gc
import importlib
import inspect
import json
import pkgutil
import sys
from functools import partial
from types import FunctionType

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_openai import _call

MAIL, CARD = "jane.roe@example.com", "4111 1111 1111 1111"
ASK = {"model": "gpt-4.1", "temperature": 0.95, "messages": [{"role": "user", "content": f"I am {MAIL}"}]}
SAID = f"{MAIL} pays with {CARD}"
WHOLE = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-x",
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": SAID,
                 "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}  # fmt: skip
CALL = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
CHUNKS = [
    {"data": {"id": "c2", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-x",
              "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}}
    for delta, reason in (({"content": SAID}, None), ({"tool_calls": [CALL]}, None), ({}, "tool_calls"))
] + [{"data": "[DONE]"}]  # fmt: skip
TEXT = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": SAID, "annotations": []}]}  # fmt: skip
ANSWER = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4.1-x", "status": "completed",
    "output": [TEXT, {"id": "fc_1", "type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
               {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": SAID}]}],
    "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10,
              "input_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 1}},
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
}  # fmt: skip
EVENTS = [
    {"event": kind, "data": {"type": kind, "sequence_number": number, **fields}}
    for number, (kind, fields) in enumerate((
        ("response.created", {"response": {**ANSWER, "status": "in_progress", "output": [], "usage": None}}),
        ("response.output_text.delta", {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": [],
                                        "delta": SAID}),
        ("response.completed", {"response": ANSWER}),
    ))
]  # fmt: skip
REFUSED = {"error": {"message": f"no {MAIL}", "type": "invalid_request_error", "code": "bad", "param": "messages"}}
PROMPT = {"model": "text", "prompt": f"I am {MAIL}"}
COMPLETION = {"id": "cmpl", "object": "text_completion", "created": 1, "model": "text-x", "usage": WHOLE["usage"],
              "choices": [{"index": 0, "finish_reason": "stop", "text": SAID}]}  # fmt: skip
VECTORS = {"object": "list", "model": "e-x", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
           "usage": {"prompt_tokens": 4, "total_tokens": 4}}  # fmt: skip
PICKY = {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                   "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter"}}  # fmt: skip
ODD_NAME = {"error": {"message": "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                      "type": "invalid_request_error", "param": "tools[0].function.name", "code": "invalid_value"}}  # fmt: skip
TOOLS = [{"type": "function", "function": {"name": "math.add", "parameters": {"type": "object", "properties": {}}}}]
ADDS = {"index": 0, "id": "t", "type": "function", "function": {"name": "math_add", "arguments": "{}"}}
ADDED = {**WHOLE, "choices": [{"index": 0, "finish_reason": "tool_calls",
                               "message": {"role": "assistant", "content": None, "tool_calls": [ADDS]}}]}  # fmt: skip
ADDING = [{"data": {**CHUNKS[0]["data"], "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}}
          for delta, reason in (({"tool_calls": [ADDS]}, None), ({}, "tool_calls"))] + [{"data": "[DONE]"}]  # fmt: skip
FORM = {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object", "required": ["a"]}}}


def text(said):
    return {
        **WHOLE,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
    }


EXCHANGES = [
    {"match": {"model": "picky", "max_tokens": 9}, "status": 400, "response": PICKY},
    {"match": {"model": "picky", "max_tokens": None, "stream": True}, "response_sse": CHUNKS},
    {"match": {"model": "picky", "max_tokens": None, "stream": None}, "response": WHOLE},
    {"match": {"model": "named", "tools.0.function.name": "math.add"}, "status": 400, "response": ODD_NAME},
    {"match": {"model": "named", "tools.0.function.name": "math_add", "stream": True}, "response_sse": ADDING},
    {"match": {"model": "named", "tools.0.function.name": "math_add", "stream": None}, "response": ADDED},
    {"match": {"model": "formed", "messages": ASK["messages"]}, "response": text("Sure!")},
    {"match": {"model": "formed", "messages.1.role": "user"}, "response": text('{"a": 1}')},
    {"match": {"model": "refused"}, "status": 400, "response": REFUSED},
    {"match": {"model": "gpt-4.1", "stream": True}, "response_sse": CHUNKS},
    {"match": {"model": "gpt-4.1", "stream": None}, "response": WHOLE},
    {"url_path": "/v1/responses", "match": {"stream": True}, "response_sse": EVENTS},
    {"url_path": "/v1/responses", "match": {"stream": None}, "response": ANSWER},
    {"url_path": "/v1/completions", "match": {"stream": True}, "response_sse": [{"data": COMPLETION}, {"data": "[DONE]"}]},
    {"url_path": "/v1/completions", "match": {"stream": None}, "response": COMPLETION},
    {"url_path": "/v1/embeddings", "response": VECTORS},
]  # fmt: skip


# --- the matrix of calls ---------------------------------------------------------------------------------------------


def told(call):
    """What the caller gets of `call`: values, or the whole of an exception."""
    try:
        return call()
    except Exception as error:
        return type(error), error.args, getattr(error, "body", None), repr(error.__cause__)


def left_early(stream):
    with stream as chunks:
        return next(iter(chunks)).model_dump()


def dropped(stream):
    first = next(stream).model_dump()
    del stream
    return first


def read_open(manager, read):
    with manager as response:
        return read(response)


def dumped(stream):
    return [one.model_dump() for one in stream]


def sync_calls(client):
    """Calls in every mode, by name."""
    chat, responses, texts = client.chat.completions, client.responses, client.completions
    ask = {"model": "gpt-4.1", "input": f"I am {MAIL}", "instructions": "be brief", "temperature": 0.95}
    agent = {"extra_headers": {"X-Agent-Name": "loan"}}
    opened = chat.with_streaming_response.create
    return {
        "whole": lambda: chat.create(**ASK, **agent).model_dump(),
        "refused": lambda: chat.create(model="refused", messages=[]),
        "stream": lambda: dumped(chat.create(**ASK, stream=True)),
        "closed stream": lambda: left_early(chat.create(**ASK, stream=True)),
        "dropped stream": lambda: dropped(chat.create(**ASK, stream=True)),
        "raw": lambda: chat.with_raw_response.create(**ASK).parse().model_dump(),
        "raw stream": lambda: dumped(chat.with_raw_response.create(**ASK, stream=True).parse()),
        "open, parsed": lambda: read_open(opened(**ASK), lambda response: response.parse().model_dump()),
        "open, unread": lambda: read_open(opened(**ASK), lambda response: response.status_code),
        "open stream, lines": lambda: read_open(
            opened(**ASK, stream=True), lambda response: list(response.iter_lines())
        ),
        "open stream, parsed": lambda: read_open(opened(**ASK, stream=True), lambda response: dumped(response.parse())),
        "response": lambda: responses.create(**ask).model_dump(),
        "response stream": lambda: dumped(responses.create(**ask, stream=True)),
        "closed response stream": lambda: left_early(responses.create(**ask, stream=True)),
        "text": lambda: texts.create(**PROMPT).model_dump(),
        "text stream": lambda: dumped(texts.create(**PROMPT, stream=True)),
        "embedding": lambda: client.embeddings.create(model="e", input=MAIL, encoding_format="float").model_dump(),
    }


def again(client):
    """Calls that make two requests where Arc is on, by name."""
    create = client.chat.completions.create
    said = ASK["messages"]
    return {
        "mended": lambda **how: create(model="picky", messages=said, max_tokens=9, **how),
        "renamed": lambda **how: create(model="named", messages=said, tools=TOOLS, **how),
        "repaired": lambda **how: create(model="formed", messages=said, response_format=FORM, **how),
    }


def sync_again(client):
    """Those of them that are whole, and streamed."""
    made = again(client)
    whole = {name: lambda call=call: call().model_dump() for name, call in made.items()}
    streamed = {f"{name} stream": lambda name=name: dumped(made[name](stream=True)) for name in ("mended", "renamed")}
    return {**whole, **streamed}


def async_again(client):
    """The same with the asynchronous client; functions that return coroutines."""

    async def awaited(call):
        return (await call()).model_dump()

    return {f"async {name}": partial(awaited, call) for name, call in again(client).items()}


def async_calls(client):
    """The same with the asynchronous client; functions that return coroutines."""
    chat = client.chat.completions

    async def whole():
        return (await chat.create(**ASK)).model_dump()

    async def stream():
        return [one.model_dump() async for one in await chat.create(**ASK, stream=True)]

    async def closed():
        async with await chat.create(**ASK, stream=True) as stream:
            return (await anext(stream)).model_dump()

    async def parsed():
        async with chat.with_streaming_response.create(**ASK) as response:
            return (await response.parse()).model_dump()

    async def lines():
        async with chat.with_streaming_response.create(**ASK, stream=True) as response:
            return [line async for line in response.iter_lines()]

    async def refused():
        await chat.create(model="refused", messages=[])

    return {f"async {one.__name__}": one for one in (whole, stream, closed, parsed, lines, refused)}


@pytest.fixture
def clients():
    """The same of both kinds for all calls, over one server; and what runs the asynchronous one."""
    with ReplayServer(EXCHANGES) as server, asyncio.Runner() as runner:
        client = openai.OpenAI(base_url=server.url, api_key="k", max_retries=0)
        asynchronous = openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0)
        yield client, asynchronous, runner
        client.close()
        runner.run(asynchronous.close())


@pytest.fixture
def calls(clients):
    """Calls by name; each returns what its caller gets."""
    client, asynchronous, runner = clients
    made = {name: partial(told, call) for name, call in {**sync_calls(client), **sync_again(client)}.items()}
    for name, call in {**async_calls(asynchronous), **async_again(asynchronous)}.items():
        made[name] = partial(told, lambda call=call: runner.run(call()))
    return made


# --- the seams -------------------------------------------------------------------------------------------------------

PACKAGES = ("arc_instrumentation_openai", "arc_runtime")
GUARDED = {
    # The guard itself, and what does nothing but hand work to it: where a fault ends, not where one begins.
    "arc_runtime.instrumentation._guard": {"Guard.attempt", "Guard.at_work"},
    "arc_runtime.instrumentation._instrumentor": {"ArcInstrumentor._boarded", "ArcInstrumentor.active"},
    "arc_runtime.instrumentation._model_call": {
        "Flight.__enter__", "Flight.__exit__", "Flight.landed", "Flight.broke", "Flight.refused", "Flight.refused_again", "Flight.unfit", "Flight.better", "Flight.no_better", "Flight.closed", "Flight.finished",
        "Flight._first_chunk", "Flight._further_chunk", "Flight._end", "Flight._folded", "_ignored",
    },
    "arc_runtime.instrumentation._streams": {
        "_WatchedIterator.__next__", "_WatchedAsyncIterator.__anext__", "_Watched.__del__", "_WatchedIterator.__iter__",
        "_WatchedAsyncIterator.__aiter__", "_Watched.__getattr__",
    },
    "arc_runtime.instrumentation.stainless._instrumentor": {"StainlessInstrumentor._around_headers"},
    "arc_runtime.instrumentation.stainless._restoring": {"_Edited.__next__", "_Edited.__iter__", "_Edited.__getattr__"},
    "arc_runtime.instrumentation.stainless._answers": {"_closing", "_parsing", "_awaited"},
    "arc_runtime.instrumentation.stainless._taps": {
        "_Tap._tell", "_Tap.__del__", "_SyncTap.__iter__", "_AsyncTap.__aiter__", "_SyncTap.close", "_AsyncTap.aclose",
        "_Tap.__getattr__",
    },
}  # fmt: skip


def functions_of(module):
    """Functions defined in `module`, those of its classes too, by name; and the caches to clear."""
    found, owners = (
        {},
        [("", module), *((f"{name}.", one) for name, one in vars(module).items() if inspect.isclass(one))],
    )
    for prefix, owner in owners:
        if prefix and owner.__module__ != module.__name__:
            continue
        for name, value in list(vars(owner).items()):
            method = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            function = inspect.unwrap(method) if callable(method) else None
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                found[prefix + name] = function
    return found


def our_modules():
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for info in pkgutil.walk_packages(package.__path__, f"{name}."):
            yield importlib.import_module(info.name)


def seams_of(modules, codes):
    """(name, function, calls that reach it) for each function of ours that one of the calls reaches."""
    for module in modules:
        for name, function in functions_of(module).items():
            reaching = [call for call, seen in codes.items() if function.__code__ in seen]
            if reaching and name not in GUARDED.get(module.__name__, ()):
                yield f"{module.__name__}:{name}", function, reaching


def raises(*args, **kwargs):
    raise arc_fault()  # noqa: F821 - put into the builtins, where the code finds it in any module


async def raises_awaited(*args, **kwargs):
    raise arc_fault()  # noqa: F821


def raises_iterated(*args, **kwargs):
    raise arc_fault()  # noqa: F821
    yield


def broken(function):
    kind = raises
    if inspect.iscoroutinefunction(function):
        kind = raises_awaited
    elif inspect.isgeneratorfunction(function):
        kind = raises_iterated
    return kind.__code__.replace(co_freevars=function.__code__.co_freevars)


def as_sent(result):
    """`result` with the name of the tool that was sent: where undoing that fails, the program sees it."""
    if isinstance(result, dict | list):
        return json.loads(json.dumps(result).replace("math.add", "math_add"))
    return result


def afresh(call):
    """What `call` returns; a span that a fault leaves as the current one is not that of the calls after it."""
    return contextvars.copy_context().run(call)


def clear_caches(modules, clients):
    for client in clients[:2]:
        client.__dict__.pop(_call._HELD, None)
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear") and getattr(value, "__module__", "") == module.__name__:
                value.cache_clear()


def reached(work):
    """The code objects that `work` runs in this thread."""
    codes = set()
    sys.setprofile(lambda frame, event, _: codes.add(frame.f_code) if event == "call" else None)
    try:
        work()
        gc.collect()
    finally:
        sys.setprofile(None)
    return codes


@pytest.fixture
def quick_collections():
    """What is there before the test is not looked at by each of its garbage collections."""
    gc.freeze()
    yield
    gc.unfreeze()


# A stream whose fault was logged is held by the record's traceback, and let go with that in any order.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.timeout(600)
def test_whatever_of_ours_raises_each_call_is_as_without_arc_and_nothing_raw_is_sent(
    spans, instrumented, clients, calls, monkeypatch, caplog, quick_collections
):
    hits, wrong, kinds = [], [], (RuntimeError, MemoryError, RecursionError)

    def fault():
        hits.append(None)
        return kinds[seams % len(kinds)](f"a fault in Arc: {MAIL}")

    monkeypatch.setattr(builtins, "arc_fault", fault, raising=False)
    seams = 0
    bare = {name: call() for name, call in calls.items()}
    plugin = instrumented(capture="SPAN_AND_EVENT", fixes_retry="on")
    modules = list(our_modules())
    codes = {}
    good = {}
    for name, call in calls.items():
        clear_caches(modules, clients)
        good[name] = [bare[name]]
        codes[name] = reached(lambda call=call, results=good[name]: results.append(call()))
        good[name].append(as_sent(good[name][1]))
        plugin.uninstrument()
        plugin = instrumented(capture="SPAN_AND_EVENT", fixes_retry="on")  # what it has learned is forgotten
    assert {name for name, (without, with_arc, _) in good.items() if with_arc != without} == {
        *sync_again(clients[0]),
        *async_again(clients[1]),
    }
    assert len(spans.spans) == len(calls)
    plugin.uninstrument()
    for seam, function, reaching in seams_of(modules, codes):
        seams += 1
        plugin = instrumented(capture="SPAN_AND_EVENT", fixes_retry="on")
        for one in (spans, caplog, hits):
            one.clear()
        clear_caches(modules, clients)
        whole, function.__code__ = function.__code__, broken(function)
        try:
            wrong += [(seam, name, "another answer") for name in reaching if afresh(calls[name]) not in good[name]]
            gc.collect()
        finally:
            function.__code__ = whole
        if not hits:
            wrong.append((seam, "not reached"))
        sent = "".join(
            [*(span.to_json() for span in spans.spans), *(f"{one.body} {one.attributes}" for one in spans.logs)]
        )
        wrong += [(seam, "sent", value) for value in (MAIL, CARD) if value in sent]
        said = [record.cause for record in caplog.records if record.name == "arc_runtime"]
        if len(said) != len(set(said)):
            wrong.append((seam, "said more than once", said))
        if len(spans.spans) > len(reaching):
            wrong.append((seam, "doubled", len(spans.spans)))
        plugin.uninstrument()
    assert wrong == [], "\n".join(map(str, wrong))
    assert seams > 100
