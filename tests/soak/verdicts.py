"""What a part of the soak asserts: each claim is printed with its figure as it is made."""

import sys


class Verdicts:
    """The claims of one part."""

    def __init__(self, part: str) -> None:
        self._part = part
        self.failed = 0

    def say(self, line: str) -> None:
        """A line about how far it is."""
        sys.stdout.write(f"{self._part:<6} {line}\n")
        sys.stdout.flush()

    def claim(self, what: str, *, holds: bool, figure: object = "") -> None:
        """Print `what` with its figure and whether it holds."""
        self.failed += not holds
        self.say(f"{'holds ' if holds else 'FAILED'}  {what}  {figure}".rstrip())
