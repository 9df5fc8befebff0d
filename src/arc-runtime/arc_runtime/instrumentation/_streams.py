"""Iterators that are watched while the user iterates: same items, same laziness, same errors."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol, Self

from arc_runtime.instrumentation._guard import Guard

__all__ = ["Watcher", "watch_async_iterator", "watch_iterator"]


class Watcher(Protocol):
    """Is told what happens to a stream; none of its methods raises, and all but `chunk` may come more than once."""

    @property
    def guard(self) -> Guard:
        """What runs the work of those who follow an answer on the watcher's behalf."""

    @property
    def chunk(self) -> Callable[[object], None]:
        """Takes each item that is handed to the user; asked for anew each time, as it may change."""

    def finished(self) -> None:
        """The stream ended by itself."""

    def broke(self, error: BaseException) -> None:
        """The stream raised `error`."""

    def answered(self, result: object) -> None:
        """The user read the answer whole, as `result`, from a response that was open until then."""

    def closed(self) -> None:
        """The user stopped: closed it, left it, or dropped it."""


class _Watched:
    """What the two kinds share: everything else is asked of the iterator inside."""

    def __init__(self, inner: object, watcher: Watcher) -> None:
        self._inner = inner
        self._watcher = watcher

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):  # also while it is copied, when there is nothing inside yet
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __del__(self) -> None:
        watcher = self.__dict__.get("_watcher")
        if watcher is not None:
            watcher.closed()


class _WatchedIterator(_Watched):
    def __init__(self, inner: Iterator[object], watcher: Watcher) -> None:
        super().__init__(inner, watcher)
        self._next = inner.__next__

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> object:
        try:
            chunk = self._next()
        except StopIteration:
            self._watcher.finished()
            raise
        except BaseException as error:
            self._watcher.broke(error)
            raise
        self._watcher.chunk(chunk)
        return chunk


class _WatchedAsyncIterator(_Watched):
    def __init__(self, inner: AsyncIterator[object], watcher: Watcher) -> None:
        super().__init__(inner, watcher)
        self._next = inner.__anext__

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> object:
        try:
            chunk = await self._next()
        except StopAsyncIteration:
            self._watcher.finished()
            raise
        except BaseException as error:
            self._watcher.broke(error)
            raise
        self._watcher.chunk(chunk)
        return chunk


def watch_iterator(inner: Iterator[object], watcher: Watcher) -> Iterator[object]:
    """An iterator over the items of `inner` that tells `watcher`."""
    return _WatchedIterator(inner, watcher)


def watch_async_iterator(inner: AsyncIterator[object], watcher: Watcher) -> AsyncIterator[object]:
    """An async iterator over the items of `inner` that tells `watcher`."""
    return _WatchedAsyncIterator(inner, watcher)
