"""What the tests of Arc's packages and plugins share: real servers on free ports, and spans kept in memory.

The fixtures are a pytest plugin (`arc_testing.plugin`) that is there once this distribution is installed.
"""

from arc_testing._collector import RunningCollector, collector_program, free_ports, running_collector
from arc_testing._core import RunningCore, running_core
from arc_testing._fix_server import FixServer, SigningKey
from arc_testing._messages_api import message, message_answer, message_error, message_events, message_request
from arc_testing._planted import PLANTED, PLANTED_PARTS
from arc_testing._provider import Answer, Asked, Provider
from arc_testing._spans import SpanStore, tree
from arc_testing._waiting import eventually

__all__ = [
    "PLANTED",
    "PLANTED_PARTS",
    "Answer",
    "Asked",
    "FixServer",
    "Provider",
    "RunningCollector",
    "RunningCore",
    "SigningKey",
    "SpanStore",
    "collector_program",
    "eventually",
    "free_ports",
    "message",
    "message_answer",
    "message_error",
    "message_events",
    "message_request",
    "running_collector",
    "running_core",
    "tree",
]
