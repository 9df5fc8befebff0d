"""The callback handler: what langchain-core's callbacks say, guarded, and handed to the tree of spans."""

import asyncio
import os
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Self
from uuid import UUID

from arc_runtime.instrumentation import also_land, land_all_at_exit
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from arc_langchain_callbacks._models import Models
from arc_langchain_callbacks._share import Shares
from arc_langchain_callbacks._tree import Tree

__all__ = ["Handler", "register"]


class Handler(BaseCallbackHandler):
    """Opens and closes spans as the callbacks of the process tell; a failure of its own never reaches the program."""

    run_inline = True
    ignore_chain = False  # a property in the base, which each runnable asks for twice

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self.tree = Tree(shares)
        self._models = Models(self.tree)
        self._closes_at_exit = False

    # Nodes copy and pickle the callbacks they are given; what is behind this handler (locks, exporters) is no value.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[BaseCallbackHandler], tuple[()]]:
        # A handler that does nothing, and that a process without Arc has too; one with Arc adds its own.
        return BaseCallbackHandler, ()

    @property
    def ignore_llm(self) -> bool:
        """Whether models are none of ours to write: then no token comes by here."""
        return self._shares.chains is None and not self._models.under_way

    @property
    def ignore_chat_model(self) -> bool:
        """The same."""
        return self._shares.chains is None

    @property
    def ignore_retriever(self) -> bool:
        """Whether retrievers are none of ours to write."""
        return self._shares.chains is None

    # --- graphs, nodes, chains ---

    def on_chain_start(  # noqa: PLR0913 - what langchain-core says
        self,
        serialized: dict[str, Any] | None,
        inputs: object,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: Sequence[str] | None = None,
        metadata: dict[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """A graph, a node, a chain, or something inside one starts."""
        del serialized, inputs, kwargs
        writer = self._shares.graphs
        if writer is None:
            return
        try:  # Guard.attempt, written out: this is the way of every runnable
            self.tree.start(writer, (run_id, parent_run_id), name, tags or (), metadata or {})
            if not self._closes_at_exit:
                self._close_at_exit()
        except Exception as error:  # noqa: BLE001
            writer.guard.report("opening a run", error)

    def on_chain_end(self, outputs: object, *, run_id: UUID, **kwargs: Any) -> None:
        """It ended."""
        del outputs, kwargs
        try:  # as above
            self.tree.end(run_id, None)
        except Exception as error:  # noqa: BLE001
            self._report("closing a run", error)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised `error`, which may be a control flow of LangGraph's."""
        del kwargs
        self._end("closing a run", run_id, error)

    # --- tools and retrievers ---

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A tool starts."""
        if (writer := self._shares.graphs) is not None:
            arguments = kwargs.get("inputs") or input_str
            writer.guard.attempt(
                "opening a tool", self.tree.start_tool, run_id, parent_run_id, serialized or {}, arguments, kwargs
            )

    def on_tool_end(self, output: object, *, run_id: UUID, **kwargs: Any) -> None:
        """It gave `output`."""
        del kwargs
        if (writer := self.tree.writer_of(run_id)) is not None:
            writer.guard.attempt("closing a tool", self.tree.tool_gave, run_id, output)
        self._end("closing a tool", run_id, None)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised `error`."""
        del kwargs
        self._end("closing a tool", run_id, error)

    def on_retriever_start(
        self,
        serialized: dict[str, Any] | None,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A retriever starts."""
        if (writer := self._shares.chains) is not None:
            writer.guard.attempt(
                "opening a retriever", self.tree.start_retriever, run_id, parent_run_id, serialized or {}, query, kwargs
            )

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **kwargs: Any) -> None:
        """It found `documents`."""
        del kwargs
        if (writer := self.tree.writer_of(run_id)) is not None:
            writer.guard.attempt("closing a retriever", self.tree.retriever_found, run_id, documents)
        self.tree.retrieved(run_id)
        self._end("closing a retriever", run_id, None)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised `error`."""
        del kwargs
        self.tree.retrieved(run_id)
        self._end("closing a retriever", run_id, error)

    # --- models ---

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A chat model is asked."""
        if (writer := self._shares.chains) is not None:
            asked = messages[0] if messages else []
            writer.guard.attempt(
                "reading the request",
                self._models.start,
                writer,
                (run_id, parent_run_id),
                serialized or {},
                asked,
                kwargs,
            )

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A model that completes text is asked."""
        if (writer := self._shares.chains) is not None:
            asked = prompts[0] if prompts else ""
            writer.guard.attempt(
                "reading the request",
                self._models.start,
                writer,
                (run_id, parent_run_id),
                serialized or {},
                asked,
                kwargs,
            )

    def on_llm_new_token(self, token: object, *, run_id: UUID, **kwargs: Any) -> None:
        """It answers, with `token` first or next."""
        del token, kwargs
        self._models.chunk(run_id)

    def on_stream_event(self, event: object, *, run_id: UUID, **kwargs: Any) -> None:
        """The same, in the protocol of content blocks."""
        del event, kwargs
        self._models.chunk(run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """It answered."""
        del kwargs
        if (writer := self._models.writer_of(run_id)) is not None:
            writer.guard.attempt("reading the answer", self._models.answered, run_id, response)
            self._close_at_exit()

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised `error`."""
        if (writer := self._models.writer_of(run_id)) is not None:
            writer.guard.attempt("closing a model call", self._models.failed, run_id, error, kwargs.get("response"))

    # --- ends ---

    def _end(self, what: str, run_id: object, error: BaseException | None) -> None:
        try:
            self.tree.end(run_id, error)
        except Exception as failure:  # noqa: BLE001
            self._report(what, failure)

    def _report(self, what: str, failure: Exception) -> None:
        if (writer := self._shares.graphs) is not None:
            writer.guard.report(what, failure)

    def _close_at_exit(self) -> None:
        # Once there is a span, its provider is there too, and has registered its own shutdown: the last in runs first.
        if not self._closes_at_exit and self.tree.has_spans:
            self._closes_at_exit = True
            also_land(self._leave)
            land_all_at_exit()

    def _leave(self) -> None:
        """End what is still open, innermost first: streams that the program holds on to and never finished."""
        for run_id in self._models.under_way:
            self.on_llm_error(asyncio.CancelledError(), run_id=run_id)
        for open_run in self.tree.under_way:
            self._end("closing a run", open_run, asyncio.CancelledError())

    def forget(self) -> None:
        """Leave what is open to the process that opened it: this one is a fork of it."""
        self._models.forget()
        self.tree.forget()


def register(handler: Handler) -> None:
    """Have langchain-core hand every callback of the process to `handler`; there is no way back, but plugins go off."""
    register_configure_hook(ContextVar("arc_langchain", default=handler), inheritable=True)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=handler.forget)
