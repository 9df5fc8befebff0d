"""A program of a user's that calls a model in the ways its words say, then waits until its stdin ends."""

import os
import subprocess
import sys
from contextlib import suppress

import openai


def ask(model="gpt-4.1", **more):
    with openai.OpenAI(max_retries=0) as client:
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}], **more)
        return list(answer) if "stream" in more else answer


def fork():
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        ask()
        os._exit(0)


def daemon():
    """Go on as a child whose parent has ended."""
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        pass
    ask()


def junk():
    """Ask for 250 models that there are none of."""
    with openai.OpenAI(max_retries=0) as client:
        for number in range(250):
            client.chat.completions.create(model=f"made-up-{number}", messages=[])


def do(word):
    if word == "chat":
        ask(temperature=0.95)
    elif word == "stream":
        assert len(ask(stream=True)) == 3
    elif word == "error":
        with suppress(openai.BadRequestError):
            ask(model="bad")
    elif word == "fork":
        fork()
    elif word == "spawn":
        subprocess.run(
            [sys.executable, __file__, "chat"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    elif word == "daemon":
        daemon()
    elif word == "junk":
        junk()
    elif word == "modules":
        print(*sorted({"genai_prices", "prometheus_client"} & set(sys.modules)))
    else:
        ask(model=word)


parent = os.getpid()
for word in sys.argv[1:]:
    do(word)
print("done", flush=True)
sys.stdin.read()
