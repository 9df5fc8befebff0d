"""A program run as a child in a way that it can't tell from being run by itself.

It has this process's streams, process group, session and terminal. What is sent to this process alone is passed on;
what the terminal or somebody else sends to the whole group reached the child by itself. When it stops, this process
stops; what it ends by, this process ends by. POSIX.
"""

import ctypes
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, Self

import msgspec

from arc_runtime.cli._errors import UsageError

__all__ = ["CutShortError", "Ended", "end_alike", "replace_with", "run_as_child", "while_asked_to_stay"]

_STOPS: Final = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
_OWN: Final = frozenset({signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})
_RUNS: Final = frozenset(signal.valid_signals()) - _STOPS - _OWN
"""What is waited for: all that can be passed on, and SIGCHLD."""
_ENDS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_IGNORED_BY_PYTHON: Final = ("SIGPIPE", "SIGXFSZ")
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_MOST_DESCRIPTORS: Final = 1 << 20
_HEARD_SECONDS: Final = 0.1
"""Longest time between the first and the last process that hear of a signal to all of them."""


class Ended(msgspec.Struct, frozen=True):
    """How the program ended."""

    status: int
    """Exit status; 128 and the signal's number where it was killed by one, as shells count."""
    signal: int | None = None


class CutShortError(Exception):
    """Somebody wants this process to end, or what it does takes too long; the message says which."""


def replace_with(command: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Become `command`; raise UsageError when it can't be executed."""
    _forget_python()
    try:
        os.execve(command[0], list(command), dict(env))  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise _refusal(command[0], error) from None


def run_as_child(command: Sequence[str], env: Mapping[str, str], *, started: Callable[[], None]) -> Ended:
    """Run `command` to its end; raise UsageError when it can't be executed. `started` is called once it runs.

    The signals stay blocked, and stdin and stdout are given up: the program alone decides when they end. Call it before
    this process has threads, and end by `end_alike`.
    """
    # Others' children, too, would be forgotten by the kernel where somebody ignored SIGCHLD.
    inherited = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _RUNS)
    told, tell = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(command, env, before=before, inherited=inherited, tell=tell, parent=parent)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        failure = pipe.read()
    if failure:
        os.waitpid(pid, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise _refusal(command[0], OSError(int(failure), os.strerror(int(failure))))
    with _Listener(parent) as listener:
        _give_up_all(but=listener.pipe)
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)
        started()
        return _ended(pid, listener)


@contextmanager
def while_asked_to_stay(seconds: float) -> Iterator[None]:
    """What this process does for itself once the program has ended: CutShortError at a signal, or after `seconds`.

    Signals are heard from here on, and are blocked again at the end.
    """

    def cut(number: int, _: object) -> None:
        late = f"it took more than {seconds:.0f} s"
        raise CutShortError(late if number == signal.SIGALRM else f"{signal.Signals(number).name} came")

    heard = {number for number in _ENDS if signal.getsignal(number) != signal.SIG_IGN} | {signal.SIGALRM}
    for number in heard:
        signal.signal(number, cut)
    for number in _STOPS:
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, heard)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, heard)
        signal.setitimer(signal.ITIMER_REAL, 0)


def end_alike(ended: Ended) -> NoReturn:
    """End this process as the program ended."""
    if ended.signal is not None:
        # The program left its core file, where it leaves one.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with suppress(OSError, ValueError):  # ValueError: SIGKILL has no handler to put back
            signal.signal(ended.signal, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {ended.signal})
        os.kill(os.getpid(), ended.signal)
    # Also where the first process of a container is not killed by what it does not handle.
    os._exit(ended.status)


def _become(  # noqa: PLR0913 - what there was before the fork
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    before: Iterable[int],
    inherited: object,
    tell: int,
    parent: int,
) -> NoReturn:
    try:
        _die_with(parent)
        if inherited == signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _forget_python()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.execve(command[0], list(command), dict(env))  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(tell, str(error.errno).encode())
    finally:
        os._exit(127)


def _forget_python() -> None:
    """What Python ignored for itself at its start is inherited by what it executes."""
    for name in _IGNORED_BY_PYTHON:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _die_with(parent: int) -> None:
    """Have a child killed when this process is killed, as the program would have been: Linux can, others can't."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def _give_up_all(*, but: int) -> None:
    """Leave what was inherited to the program, stderr excepted: a pipe is at its end when the program says so."""
    os.closerange(3, but)
    os.closerange(but + 1, _MOST_DESCRIPTORS)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    if nowhere > 2:  # noqa: PLR2004 - stderr
        os.close(nowhere)


class _Listener:
    """A process in the same group that only listens: what it hears of was sent to the whole group, not to this one."""

    def __init__(self, parent: int) -> None:
        self.pipe, tell = os.pipe()
        self._heard: list[tuple[int, float]] = []
        self._pid = os.fork() if hasattr(signal, "sigwaitinfo") else None
        if self._pid == 0:
            _listen(tell, parent)
        os.close(tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)

    def hears(self, number: int) -> bool:
        """Whether the listener hears of `number` too, within a moment."""
        until = time.monotonic() + _HEARD_SECONDS
        # One that this process had in one piece with another is of no use later.
        self._heard = [one for one in self._heard if one[1] > until - 2 * _HEARD_SECONDS]
        while True:
            for one in self._heard:
                if one[0] == number:
                    self._heard.remove(one)
                    return True
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                return False
            found = os.read(self.pipe, 64)
            if not found:
                return False
            self._heard += ((heard, time.monotonic()) for heard in found)


def _listen(tell: int, parent: int) -> NoReturn:
    try:
        _die_with(parent)
        _give_up_all(but=tell)
        os.dup2(0, 2)
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)
        while os.getppid() == parent:
            found = signal.sigtimedwait(_RUNS, 5)
            if found is not None:
                os.write(tell, bytes([found.si_signo]))
    finally:
        os._exit(0)


def _ended(pid: int, listener: _Listener) -> Ended:
    is_stopped = False
    while True:
        number, is_personal = _next_signal(listener)
        if number != signal.SIGCHLD:
            if is_personal and (number != signal.SIGCONT or is_stopped):
                os.kill(pid, number)
            continue
        for child, status in _news():
            if child != pid:
                continue
            if os.WIFSTOPPED(status):
                is_stopped = True
                _stop_too(os.WSTOPSIG(status))
            elif os.WIFCONTINUED(status):
                is_stopped = False
            else:
                code = os.waitstatus_to_exitcode(status)
                return Ended(code) if code >= 0 else Ended(128 - code, -code)


def _next_signal(listener: _Listener) -> tuple[int, bool]:
    """The next signal, and whether it was sent to this process alone."""
    if not hasattr(signal, "sigwaitinfo"):  # macOS: there is no telling, but the terminal sends these to all
        number = signal.sigwait(_RUNS)
        return number, not (number in (signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH) and os.isatty(2))
    found = signal.sigwaitinfo(_RUNS)
    if found.si_signo == signal.SIGCHLD:
        return found.si_signo, False
    # Positive codes are the kernel's own: what a terminal sends, it sends to the group; an alarm is this process's.
    is_sent = found.si_code <= 0 or found.si_signo == signal.SIGALRM
    return found.si_signo, is_sent and not listener.hears(found.si_signo)


def _news() -> list[tuple[int, int]]:
    """What became of children; one SIGCHLD may stand for several."""
    found = []
    with suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if child == 0:
                break
            found.append((child, status))
    return found


def _stop_too(number: int) -> None:
    """Stop as the program did, for the shell to see; return when this process is continued."""
    if number != signal.SIGSTOP:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    if number != signal.SIGSTOP:
        signal.signal(number, signal.SIG_IGN)


def _refusal(program: str, error: OSError) -> UsageError:
    refused = UsageError(f"{program} can't be executed: {error.strerror}")
    refused.exit_code = 127 if isinstance(error, FileNotFoundError) else 126
    return refused
