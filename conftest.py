"""Settings that every package's tests share."""

import signal

from hypothesis import settings

# Machines are shared and slow at times; speed is measured by `make bench`, not here.
settings.register_profile("arc", deadline=None)
settings.load_profile("arc")

# A shell starts what runs in its background with SIGINT ignored, and that is inherited: the programs that tests
# interrupt would never hear of it.
signal.signal(signal.SIGINT, signal.default_int_handler)
