"""What the plugins of this process have each taken on, and the one handler that does it for them."""

import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from arc_runtime.instrumentation import ArcInstrumentor

if TYPE_CHECKING:
    from arc_langchain_callbacks._handler import Handler

__all__ = ["Share", "Shares", "share"]


class Share(StrEnum):
    """What a plugin writes."""

    GRAPHS = "graphs"
    """LangGraph's graphs, their nodes, and the tools in them."""
    CHAINS = "chains"
    """LangChain's chains, agents, retrievers, tools and models; graphs too, where no plugin has taken those on."""

    # That of the enum is a function in Python, and each runnable asks who writes it.
    __hash__ = str.__hash__


class Shares:
    """Who writes what; asked at each run, as plugins can be switched on and off."""

    def __init__(self) -> None:
        self._takers: dict[Share, ArcInstrumentor] = {}
        self._handler: Handler | None = None
        self._making = threading.Lock()

    def take(self, plugin: ArcInstrumentor, what: Share) -> None:
        """Have `plugin` write `what`."""
        self._takers[what] = plugin

    @property
    def chains(self) -> ArcInstrumentor | None:
        """Who writes chains and what belongs to them; None where nobody does at the moment."""
        taker = self._takers.get(Share.CHAINS)
        return taker if taker is not None and taker.active and taker.writes_spans else None

    @property
    def graphs(self) -> ArcInstrumentor | None:
        """Who writes graphs; None where nobody does at the moment."""
        taker = self._takers.get(Share.GRAPHS)
        return taker if taker is not None and taker.active and taker.writes_spans else self.chains

    def listen(self, plugin: ArcInstrumentor) -> None:
        """Register the handler, once; langchain-core is imported by now."""
        from arc_langchain_callbacks import _context, _handler, _loop, _threads, _updates

        with self._making:
            if self._handler is not None:
                return
            self._handler = _handler.Handler(self)
        _handler.register(self._handler)
        _context.follow(plugin, self._handler)
        _loop.follow(plugin, self._handler)
        _updates.follow(plugin, self._handler)
        _threads.follow(plugin, self._handler)


_SHARES: Final = Shares()
# Callbacks are registered with langchain-core for good and for the whole process: so is who writes what they say.


def share(plugin: ArcInstrumentor, what: Share, *, when_imported: str) -> None:
    """Have `plugin` write `what` from when the program imports the module `when_imported`, as long as it is active."""
    _SHARES.take(plugin, what)
    plugin.when_imported(when_imported, lambda _module: _SHARES.listen(plugin))
