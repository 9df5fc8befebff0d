"""Check of what is redacted: a policy that can't be used keeps telemetry off."""

from collections.abc import Iterator

from arc_runtime.cli._check import Check, failed, passed, warned
from arc_runtime.redaction import Policy, PolicyError
from arc_runtime.settings import Settings

__all__ = ["check_redaction"]


def check_redaction(settings: Settings) -> Iterator[Check]:
    """Whether the policy that `settings` name can be used, and what it takes out."""
    file = settings.redaction_policy
    try:
        policy = Policy.from_file(file, level=settings.redaction, key=settings.redaction_key or "")
    except PolicyError as error:
        yield failed("redaction", f"{error}: telemetry stays off", "correct it; `arc redact --check` tries it")
        return
    told = f"{policy.level}, as {file} says" if file is not None else policy.level
    if policy.level == "off":
        advice = "unset ARC_REDACTION" if settings.redaction == "off" else "name another level in the policy"
        yield warned("redaction", f"{told}: personal data and secrets are sent as they are", advice)
    else:
        yield passed("redaction", told)
