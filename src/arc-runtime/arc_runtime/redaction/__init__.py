"""Personal data and secrets are found in text and replaced; pure, thread safe, no I/O.

`find` says what is where, `redact` replaces it as a `Policy` demands, and `scrub` does so through every shape that
telemetry has, counting what it replaced in a `Tally`. Which policy is in force in this process, `enforce` says once.
"""

from arc_runtime.redaction._custom import PolicyError, Rule
from arc_runtime.redaction._engine import find
from arc_runtime.redaction._finding import Finding
from arc_runtime.redaction._force import enforce, in_force
from arc_runtime.redaction._policy import Example, Policy
from arc_runtime.redaction._values import Clean, Tally, is_clean, redact, scrub, scrub_item, tells

__all__ = [
    "Clean",
    "Example",
    "Finding",
    "Policy",
    "PolicyError",
    "Rule",
    "Tally",
    "enforce",
    "find",
    "in_force",
    "is_clean",
    "redact",
    "scrub",
    "scrub_item",
    "tells",
]
