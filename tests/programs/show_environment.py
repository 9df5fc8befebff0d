"""Prints the names of the OTEL_* and ARC_* variables it finds."""

import os

for name in sorted(os.environ):
    if name.startswith(("OTEL_", "ARC_")):
        print(name)
