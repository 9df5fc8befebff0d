"""Personal data and secrets are found in text and replaced; pure, thread safe, no I/O.

`find` says what is where, `redact` replaces it by placeholders such as `<EMAIL>`, and `scrub` does so through every
shape that telemetry has, counting what it replaced in a `Tally`.
"""

from arc_runtime.redaction._engine import find, redact
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._values import Clean, Tally, is_clean, scrub, scrub_item, tells

__all__ = ["Clean", "Finding", "Tally", "find", "is_clean", "redact", "scrub", "scrub_item", "tells"]
