"""A program of a user's that makes model calls where something that Arc needs is not to be had, as its argument says."""

import logging
import os
import resource
import sys
import threading
import time

import openai

client = openai.OpenAI(max_retries=0)
seen = []


def call(**more):
    answer = client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "hello"}], **more)
    seen.append(answer.choices[0].message.content)


def nested(depth):
    return call() if depth == 0 else nested(depth - 1)


class Calling(logging.Handler):
    """Asks the model about what is logged, and fails."""

    def emit(self, _record):
        call()
        raise RuntimeError("a handler of the program's")


match sys.argv[1]:
    case "no-stderr":
        sys.stderr.close()
        call()
    case "no-streams":
        sys.stdin = sys.stdout = sys.stderr = None
        call()
    case "stderr-that-raises":

        class Raising:
            def write(self, _text):
                raise RuntimeError("no")

            flush = write

        sys.stderr = Raising()
        call()
    case "broken-pipe":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 2)
        call()
    case "clock":
        call()
        now, offset = time.time_ns, -3600 * 10**9
        time.time_ns = lambda: now() + offset
        call()
        offset = 10**18
        call()
    case "no-threads":

        def start(*_args):
            raise RuntimeError("can't start new thread")

        threading.Thread.start = start
        call()
    case "no-descriptors":
        call()
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            call()  # over the connection that is open
            time.sleep(0.3)
        for one in held:
            os.close(one)
    case "full-disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        call()
    case "handlers":
        for name in (None, "arc_runtime", "opentelemetry"):
            logging.getLogger(name).addHandler(Calling())
        call()
    case "near-the-limit":
        for depth in range(0, 960, 120):
            try:
                nested(depth)
            except RecursionError:
                seen.append("too deep")
        seen[:] = [seen[0]]  # how deep is deep enough is not the same with and without
    case "many-and-huge":
        call(user="x" * 1_000_000, extra_body={"metadata": {"image": "QUJD" * 1_000_000}})
        many = [{"role": "user", "content": f"message {number}"} for number in range(1_000)]
        client.chat.completions.create(model="gpt-4.1", messages=many)
print(len(seen), set(seen)) if sys.stdout else os.write(1, str(seen).encode())
