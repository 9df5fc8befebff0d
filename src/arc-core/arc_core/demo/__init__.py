"""`arc demo`: a small multi-agent application, traced into an Arc Core of its own and shown in the terminal.

`run` is the command, `Exit` its exit statuses. `ReplayServer` plays written or recorded model traffic to any OpenAI
client; tests use it too. `loan_agents.py` is the application: it knows nothing of Arc and is run, never imported.
"""

from arc_core.demo._exit import Exit
from arc_core.demo._replay import Exchange, Received, ReplayServer
from arc_core.demo._run import run

__all__ = ["Exchange", "Exit", "Received", "ReplayServer", "run"]
