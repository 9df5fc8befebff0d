"""The plugin for it: every stage is a node."""

from collections.abc import Callable
from typing import Any

import relay
from arc_runtime import ExecutionTracker, FrameworkInstrumentor


class RelayInstrumentor(FrameworkInstrumentor):
    _original: Any = None

    @property
    def framework_name(self) -> str:
        return "relay"

    def install(self, tracker: ExecutionTracker) -> None:
        """Have every stage told to `tracker`."""
        original = self._original = relay.Relay.run_stage

        def run_stage(self: relay.Relay, stage: Callable[[str], str], baton: str) -> str:
            """The stage as it is, told as a node: its name, what it got, and its result or error."""
            name = stage.__name__
            node = tracker.start_node_execution(f"node_{name}", name, "relay", inputs={"baton": baton})
            try:
                result: str = original(self, stage, baton)
            except BaseException as error:
                tracker.end_node_execution(node, error=error)
                raise
            tracker.end_node_execution(node, outputs={"baton": result})
            return result

        relay.Relay.run_stage = run_stage  # type: ignore[method-assign]

    def uninstall(self) -> None:
        if self._original is not None:
            relay.Relay.run_stage = self._original  # type: ignore[method-assign]
            self._original = None

    def is_installed(self) -> bool:
        return self._original is not None
