"""Which policy is in force: one for the process, as what leaves it is one decision."""

from arc_runtime.redaction._policy import Policy

__all__ = ["enforce", "in_force"]

_held: list[Policy] = [Policy()]


def enforce(policy: Policy) -> None:
    """Have everything redacted from now on as `policy` says."""
    _held[0] = policy


def in_force() -> Policy:
    """The policy that everything is redacted by; `standard` until another is enforced."""
    return _held[0]
