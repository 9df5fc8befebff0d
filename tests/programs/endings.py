"""A program of a user's that is in the middle of a model call, or of a stream, when it ends in the way told."""

import asyncio
import os
import signal
import sys
import threading
import time

import openai

ASK = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hello"}]}
client = openai.OpenAI(max_retries=0)


def interrupted_soon(number=signal.SIGINT):
    threading.Timer(0.3, os.kill, (os.getpid(), number)).start()


def stream():
    chunks = client.chat.completions.create(**ASK, stream=True)
    next(chunks)
    return chunks


async def cancelled(what):
    async with openai.AsyncOpenAI(max_retries=0) as asynchronous:

        async def work():
            answer = await asynchronous.chat.completions.create(**ASK, stream=what == "stream")
            async for _ in answer:
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0.3)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            print("cancelled")


match sys.argv[1]:
    case "unhandled":
        held = stream()
        raise RuntimeError("the program's own")
    case "exit-in-thread":
        thread = threading.Thread(target=lambda: (stream(), sys.exit(5)))
        thread.start()
        thread.join()
    case "interrupt-in-call":
        interrupted_soon()
        client.chat.completions.create(**ASK)
    case "interrupt-in-stream":
        held = stream()
        interrupted_soon()
        time.sleep(60)
    case "sigterm-in-call":
        interrupted_soon(signal.SIGTERM)
        client.chat.completions.create(**ASK)
    case "sigterm-in-stream":
        held = stream()
        interrupted_soon(signal.SIGTERM)
        time.sleep(60)
    case "exit-with-daemon":
        threading.Thread(target=client.chat.completions.create, kwargs=ASK, daemon=True).start()
        time.sleep(0.3)
    case "cancelled-call":
        asyncio.run(cancelled("call"))
    case "cancelled-stream":
        asyncio.run(cancelled("stream"))
    case "fork-in-stream":
        held = stream()
        child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        held.close()
