"""The ends of a program that the SDK does not see, and flushing before one: each bounded in time."""

import _thread
import atexit
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType, ModuleType

import wrapt
from opentelemetry import _logs, metrics, trace

from arc_runtime.export._exporters import Exports

__all__ = ["flush", "flush_at_every_end"]

_KEEPING_SECONDS = 1.0
_LANDING_SECONDS = 0.5


def flush(timeout_seconds: float) -> bool:
    """Whether all that ended before this call is with its endpoint, within `timeout_seconds`.

    False: not yet. What Arc could not deliver is in the spool, or still on its way.
    """
    until = time.monotonic() + timeout_seconds

    def flush_all() -> bool:
        answers = [_flushed(provider, until) for provider in _providers()]  # each of them, whatever the first says
        return all(answers)

    return _bounded(timeout_seconds, flush_all)


def flush_at_every_end(exports: Exports, end_spans: Callable[[], None]) -> None:
    """Have everything flushed at exit, on SIGTERM, and at the end of a child of `multiprocessing` or of Celery.

    `end_spans` ends what is still under way; at exit plugins see to that themselves.
    """
    atexit.register(exports.begin_end)
    end = partial(_end, exports, end_spans)
    _flush_on_sigterm(exports, end)
    wrapt.register_post_import_hook(partial(_flush_children, end), "multiprocessing.util")
    wrapt.register_post_import_hook(partial(_flush_celery, end), "celery.signals")


def _providers() -> tuple[object, ...]:
    return trace.get_tracer_provider(), _logs.get_logger_provider(), metrics.get_meter_provider()


def _flushed(provider: object, until: float) -> bool:
    force: Callable[[int], bool] | None = getattr(provider, "force_flush", None)
    # Where no SDK is, nothing waits; some processors of others answer None.
    return force is None or force(max(1, int((until - time.monotonic()) * 1000))) is not False


def _bounded(seconds: float, work: Callable[[], object]) -> bool:
    """Whether `work` was done and true within `seconds`.

    It is done in a thread that `threading` knows nothing of: in a signal handler the main thread may hold any lock,
    those of `threading` too.
    """
    done = _thread.allocate_lock()
    done.acquire()
    answers: list[object] = []

    def run() -> None:
        try:
            answers.append(work())
        finally:
            done.release()

    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:  # there are too many, or the interpreter is shutting down
        return False
    return done.acquire(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))) and all(answers) and bool(answers)


def _end(exports: Exports, end_spans: Callable[[], None]) -> None:
    exports.clock.begin()
    _bounded(exports.clock.remaining(_LANDING_SECONDS), end_spans)
    if not flush(exports.clock.remaining(threading.TIMEOUT_MAX)):
        _bounded(_KEEPING_SECONDS, exports.keep_rest)


def _flush_on_sigterm(exports: Exports, end: Callable[[], None]) -> None:
    """Take SIGTERM where it would end the program without a word; a program that handles it is left alone."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return

    def ended(number: int, _frame: FrameType | None) -> None:
        try:
            end()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        # Still here: the first process of a container is not killed by what it does not handle.
        signal.signal(number, ended)
        exports.clock.stop()

    signal.signal(signal.SIGTERM, ended)


def _flush_children(end: Callable[[], None], util: ModuleType) -> None:
    """A forked child of multiprocessing ends by os._exit, which atexit knows nothing of."""
    util.register_after_fork(end, lambda _: util.Finalize(None, end, exitpriority=-1000))


def _flush_celery(end: Callable[[], None], signals: ModuleType) -> None:
    """A child of Celery's prefork pool ends by os._exit and runs no finalizers; it says so by this signal."""

    def ended(**_about: object) -> None:
        end()

    signals.worker_process_shutdown.connect(ended, weak=False)
