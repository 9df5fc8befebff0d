"""The same calls for every subject: a real OpenAI client, whose transport answers in the process with the same bytes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import openai

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 60}}],
    "usage": {"prompt_tokens": 400, "completion_tokens": 60, "total_tokens": 460},
}  # fmt: skip
RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4.1-2025-04-14", "status": "completed",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "word " * 60, "annotations": []}]}],
    "usage": {"input_tokens": 400, "output_tokens": 60, "total_tokens": 460,
              "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
}  # fmt: skip
ASK = {
    "model": "gpt-4.1",
    "temperature": 0.5,
    "messages": [{"role": "system", "content": "be brief " * 40}, {"role": "user", "content": "please review " * 100}],
}
PERSONAL = {
    **ASK,
    "messages": [
        *ASK["messages"],
        {"role": "user", "content": "write to jane.roe@example.com, card 4111 1111 1111 1111"},
    ],
}
ASK_RESPONSES = {
    "model": "gpt-4.1",
    "temperature": 0.5,
    "instructions": "be brief " * 40,
    "input": "please review " * 100,
}

CHUNKS = 100
_CHUNK = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4.1-2025-04-14","choices":[%s]%s}'
_WORD = _CHUNK % ('{"index":0,"delta":{"content":"word "}}', "")
_LAST = _CHUNK % ('{"index":0,"delta":{},"finish_reason":"stop"}', "")
_USAGE = _CHUNK % ("", ',"usage":{"prompt_tokens":400,"completion_tokens":60,"total_tokens":460}')
STREAM = "".join(f"data: {data}\n\n" for data in [*[_WORD] * (CHUNKS - 2), _LAST, _USAGE, "[DONE]"]).encode()
NETWORK_SECONDS = 0.05
"""How long the network takes where threads wait for it."""


def _answer(request: httpx2.Request) -> httpx2.Response:
    if b'"stream":true' in request.content:
        return httpx2.Response(200, content=STREAM, headers={"content-type": "text/event-stream"})
    return httpx2.Response(200, json=RESPONSE if request.url.path.endswith("/responses") else ANSWER)


def _answer_late(request: httpx2.Request) -> httpx2.Response:
    time.sleep(NETWORK_SECONDS)
    return _answer(request)


async def _answer_async(request: httpx2.Request) -> httpx2.Response:
    return _answer(request)


class Calls:
    """The calls that are measured; each is answered at once."""

    def __init__(self) -> None:
        self._sync = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(_answer)))
        late = httpx2.Client(transport=httpx2.MockTransport(_answer_late))
        self._late = openai.OpenAI(api_key="k", http_client=late)
        transport = httpx2.MockTransport(_answer_async)
        self._async = openai.AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=transport))
        self.loop = asyncio.new_event_loop()

    def chat(self) -> Any:
        """A chat completion."""
        return self._sync.chat.completions.create(**ASK)

    def chat_personal(self) -> Any:
        """A chat completion whose request holds an address and a card number."""
        return self._sync.chat.completions.create(**PERSONAL)

    def chat_late(self) -> Any:
        """A chat completion after NETWORK_SECONDS."""
        return self._late.chat.completions.create(**ASK)

    async def chat_async(self) -> Any:
        """A chat completion of the asynchronous client."""
        return await self._async.chat.completions.create(**ASK)

    def responses(self) -> Any:
        """A response of the Responses API."""
        return self._sync.responses.create(**ASK_RESPONSES)

    def stream(self) -> Iterator[Any]:
        """A streamed chat completion of CHUNKS chunks."""
        return self._sync.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})

    async def stream_async(self) -> AsyncIterator[Any]:
        """The same of the asynchronous client."""
        return await self._async.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})

    def warm(self) -> None:
        """Make each call once: the client imports and builds much on first use."""
        self.chat()
        self.chat_late()
        self.responses()
        list(self.stream())
        self.loop.run_until_complete(self.chat_async())
        self.loop.run_until_complete(drained(self.stream_async))


async def drained(open_stream: Callable[[], Any]) -> None:
    """Read a stream of the asynchronous client to its end."""
    async for _ in await open_stream():
        pass
