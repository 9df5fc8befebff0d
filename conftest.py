"""Settings that every package's tests share."""

from hypothesis import settings

# Machines are shared and slow at times; speed is measured by `make bench`, not here.
settings.register_profile("arc", deadline=None)
settings.load_profile("arc")
