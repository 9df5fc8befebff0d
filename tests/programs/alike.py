"""Programs of a user's, one a word: each does something that a wrapper might get wrong."""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path


def reads_stdin():
    for line in sys.stdin:
        print(line.upper(), end="")


def forks():
    pid = os.fork()
    if pid == 0:
        print("child", flush=True)
        os._exit(5)
    print("parent of", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print("other children:", end=" ")
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("none")
    sys.exit(4)


def exits_3():
    print("x", end="")
    sys.exit(3)


def prints_a_megabyte():
    sys.stdout.write("0123456789abcde\n" * 65536)
    sys.stderr.write("y" * 100_000 + "\n")
    sys.stdout.buffer.write(bytes(range(256)))


def uses_asyncio():
    async def main():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('sub')")
        await process.wait()
        await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(50)))
        print("done")

    asyncio.run(main())


def raises():
    print("before", flush=True)
    raise LookupError("nothing there")


def leaves_daemon_threads():
    threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
    print("main ends")


def ends_without_python_knowing():
    print("gone", flush=True)
    os._exit(9)


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def tells_where_it_is():
    print(sys.argv[1:], sys.path[0], Path.cwd(), sys.flags, sys.warnoptions)
    print([number for number in range(3, 64) if _is_open(number)], sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    print([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD, signal.SIGTSTP)])
    print(os.getpgrp(), os.getsid(0))
    print(os.nice(0), sys.stdin.isatty(), oct(os.umask(0)))


def closes_stdout():
    """A reader of its output goes on before it ends."""
    print("all said", flush=True)
    os.close(1)
    sys.stdin.read()
    sys.stdout = None


def waits():
    print("ready", flush=True)
    time.sleep(60)


def cleans_up():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(7)


def counts_signals():
    seen = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, lambda found, _: seen.append(signal.Signals(found).name))
    print("ready", os.getpgrp(), flush=True)
    sys.stdin.read()
    print(sorted(seen))


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    for word in sys.argv[1].split(","):
        globals()[word]()
