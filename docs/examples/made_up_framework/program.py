"""A program of that framework; stderr says which stages ran.

python program.py
"""

import relay
from arc_runtime import entrypoint, get_runtime_manager
from relay_plugin import RelayInstrumentor

get_runtime_manager().register_instrumentor(RelayInstrumentor())


def load(baton: str) -> str:
    return baton.strip()


def shout(baton: str) -> str:
    return baton.upper()


@entrypoint
def my_relay(baton: str) -> str:
    return relay.Relay(load, shout).run(baton)


print(my_relay(" hand on "))
