"""A made-up framework: stages that hand a baton on. It knows nothing of Arc."""

from collections.abc import Callable


class Relay:
    """Stages that run one after the other, each given what the one before gave."""

    def __init__(self, *stages: Callable[[str], str]) -> None:
        self._stages = stages

    def run(self, baton: str) -> str:
        """The baton as the last stage leaves it."""
        for stage in self._stages:
            baton = self.run_stage(stage, baton)
        return baton

    def run_stage(self, stage: Callable[[str], str], baton: str) -> str:
        """The baton as `stage` leaves it."""
        return stage(baton)
