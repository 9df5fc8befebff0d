"""What the tests of Arc's packages and plugins share: real servers on free ports, and spans kept in memory.

The fixtures are a pytest plugin (`arc_testing.plugin`) that is there once this distribution is installed.
"""

from arc_testing._core import RunningCore
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
    "RunningCore",
    "SigningKey",
    "SpanStore",
    "eventually",
    "message",
    "message_answer",
    "message_error",
    "message_events",
    "message_request",
    "tree",
]
