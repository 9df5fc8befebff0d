"""Settings that every package's tests share."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are shared and slow at times; speed is measured by `make bench`, not here.
settings.register_profile("arc", deadline=None)
settings.load_profile("arc")

# A shell starts what runs in its background with SIGINT ignored, nohup with SIGHUP, and that is inherited: the programs
# that tests interrupt would never hear of it. What has a handler here has its default in them.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)

# A clone alone skips the tests that read recorded traffic and evaluation data; where CI lacks them, that is a failure.
SHARED = Path(__file__).parent.parent / "shared"
if "CI" in os.environ and not SHARED.is_dir():
    raise pytest.UsageError(f"CI is set and {SHARED} is missing: put it there, or unset CI to skip what reads it")
