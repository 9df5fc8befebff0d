"""A user's program with calls of every kind of ending; prints what it holds on to after each thousand of them.

Arguments: how many calls.
"""

import asyncio
import contextlib
import gc
import json
import os
import random
import sys
import tracemalloc

import httpx2
import openai
from opentelemetry.sdk.trace import ReadableSpan

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 20}}],
    "usage": {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60},
}  # fmt: skip
CHUNK = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4.1","choices":[{"index":0,"delta":{"content":"word "}}]}'
STREAM = "".join(f"data: {data}\n\n" for data in [*[CHUNK] * 10, "[DONE]"]).encode()
ASK = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "please write to jane.roe@example.com " * 5}]}
BROKEN = {**ASK, "user": "broken"}


def answer(request):
    body = json.loads(request.content)
    if body.get("user") == "broken":
        return httpx2.Response(400, json={"error": {"message": "no such thing", "code": "bad", "type": "invalid"}})
    if body.get("user") == "unreachable":
        raise httpx2.ConnectError("nobody there")
    if body.get("stream"):
        return httpx2.Response(200, content=STREAM, headers={"content-type": "text/event-stream"})
    return httpx2.Response(200, json=ANSWER)


async def answer_async(request):
    if json.loads(request.content).get("user") == "slow":
        await asyncio.sleep(5)
    return answer(request)


sync = openai.OpenAI(
    api_key="k", max_retries=0, http_client=httpx2.Client(transport=httpx2.MockTransport(answer))
)  # fmt: skip
later = openai.AsyncOpenAI(
    api_key="k", max_retries=0, http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer_async))
)  # fmt: skip


async def whole():
    sync.chat.completions.create(**ASK)


async def whole_async():
    await later.chat.completions.create(**ASK)


async def refused():
    with contextlib.suppress(openai.BadRequestError):
        sync.chat.completions.create(**BROKEN)


async def unreachable():
    with contextlib.suppress(openai.APIConnectionError):
        await later.chat.completions.create(**ASK, user="unreachable")


async def cancelled():
    task = asyncio.create_task(later.chat.completions.create(**ASK, user="slow"))
    await asyncio.sleep(0)
    await asyncio.sleep(0.002)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def read():
    for _ in sync.chat.completions.create(**ASK, stream=True):
        pass


async def read_async():
    async for _ in await later.chat.completions.create(**ASK, stream=True):
        pass


async def closed_early():
    with sync.chat.completions.create(**ASK, stream=True) as stream:
        next(iter(stream))


async def abandoned():
    next(iter(sync.chat.completions.create(**ASK, stream=True)))


async def never_read():
    sync.chat.completions.create(**ASK, stream=True)


async def closed_early_async():
    async with await later.chat.completions.create(**ASK, stream=True) as stream:
        async for _ in stream:
            break


KINDS = [
    whole, whole, whole_async, refused, unreachable, cancelled, read, read_async, closed_early, abandoned, never_read,
    closed_early_async,
]  # fmt: skip


def resident_kb():
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def held():
    """Spans not ended, and model calls under way, that anything still refers to."""
    objects = gc.get_objects()
    live = sum(isinstance(one, ReadableSpan) and one.end_time is None for one in objects)
    flights = sum(type(one).__name__ == "Flight" and type(one).__module__.startswith("arc_runtime") for one in objects)
    return len(objects), live, flights


async def main():
    choice = random.Random(7)  # noqa: S311
    for thousand in range(int(sys.argv[1]) // 1000):
        for _ in range(1000):
            await choice.choice(KINDS)()
        with contextlib.suppress(ImportError):
            import arc_runtime

            arc_runtime.flush(10)
        for _ in range(3):  # the loop closes generators that were dropped, which drops others
            gc.collect()
            await asyncio.sleep(0.02)
        objects, live, flights = held()
        done = (thousand + 1) * 1000
        print(
            json.dumps(
                {
                    "calls": done,
                    "kb": tracemalloc.get_traced_memory()[0] / 1024,
                    "resident_kb": resident_kb(),
                    "objects": objects,
                    "live": live,
                    "flights": flights,
                }
            ),
            flush=True,
        )


asyncio.run(main())
