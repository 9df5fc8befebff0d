"""The yardstick: a span written by hand, unguarded, with the attributes that Arc's span of the same call has.

Names and number come from a span of Arc's (`facts`), so that the two stay alike. What depends on the answer is read
from it; the rest is constant. Content is JSON text, and nothing is redacted.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opentelemetry.trace import SpanKind, Tracer
from workload import ASK, ASK_RESPONSES

Facts = Mapping[str, Any]
_TTFC = "gen_ai.response.time_to_first_chunk"
_READ: dict[str, Callable[[Any], Any]] = {
    "gen_ai.response.id": lambda answer: answer.id,
    "gen_ai.response.model": lambda answer: answer.model,
    "gen_ai.usage.input_tokens": lambda answer: _first(answer.usage, "prompt_tokens", "input_tokens"),
    "gen_ai.usage.output_tokens": lambda answer: _first(answer.usage, "completion_tokens", "output_tokens"),
}
_CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions")


def _first(value: Any, *names: str) -> Any:
    return next(found for name in names if (found := getattr(value, name, None)) is not None)


def _text(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text} for text in texts]}


def _chat_request() -> dict[str, str]:
    return {"gen_ai.input.messages": json.dumps([_text(one["role"], one["content"]) for one in ASK["messages"]])}


def _responses_request() -> dict[str, str]:
    return {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": ASK_RESPONSES["instructions"]}]),
        "gen_ai.input.messages": json.dumps([_text("user", ASK_RESPONSES["input"])]),
    }


def _output(text: str) -> dict[str, str]:
    return {"gen_ai.output.messages": json.dumps([{**_text("assistant", text), "finish_reason": "stop"}])}


class Hand:
    """One hand-written wrapper for one API, with content or without."""

    def __init__(self, tracer: Tracer, facts: Facts, *, responses: bool = False) -> None:
        self._tracer = tracer
        attributes = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
        self._content = any(name in attributes for name in _CONTENT)
        self._read = {name: read for name, read in _READ.items() if name in attributes}
        late = {"gen_ai.response.finish_reasons", *self._read, *_CONTENT, _TTFC}
        self._start = {name: value for name, value in attributes.items() if name not in late}
        self._reasons = attributes.get("gen_ai.response.finish_reasons", ("stop",))
        self._name = "responses gpt-4.1" if responses else "chat gpt-4.1"
        self._request = _responses_request if responses else _chat_request
        self._said = (lambda answer: answer.output[0].content[0].text) if responses else _said_in_chat

    def _end(self, answer: Any) -> dict[str, Any]:
        attributes = {name: read(answer) for name, read in self._read.items()}
        attributes["gen_ai.response.finish_reasons"] = self._reasons
        if self._content:
            attributes.update(self._request())
            attributes.update(_output(self._said(answer)))
        return attributes

    def whole(self, call: Callable[[], Any]) -> None:
        """Make `call` inside a span."""
        with self._tracer.start_as_current_span(self._name, kind=SpanKind.CLIENT, attributes=self._start) as span:
            span.set_attributes(self._end(call()))

    async def whole_async(self, call: Callable[[], Any]) -> None:
        """The same for the asynchronous client."""
        with self._tracer.start_as_current_span(self._name, kind=SpanKind.CLIENT, attributes=self._start) as span:
            span.set_attributes(self._end(await call()))

    def _streamed(self, chunks: list[Any], waited: float) -> dict[str, Any]:
        last = chunks[-1]
        attributes = {name: read(last) for name, read in self._read.items()}
        attributes["gen_ai.response.finish_reasons"] = self._reasons
        attributes[_TTFC] = waited
        if self._content:
            attributes.update(self._request())
            text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
            attributes.update(_output(text))
        return attributes

    def stream(self, call: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """The chunks of `call`, whose span ends with them."""
        begun = time.perf_counter()
        span = self._tracer.start_span(self._name, kind=SpanKind.CLIENT, attributes=self._start)
        waited = 0.0
        chunks: list[Any] = []
        for chunk in call():
            if not chunks:
                waited = time.perf_counter() - begun
            chunks.append(chunk)
            yield chunk
        span.set_attributes(self._streamed(chunks, waited))
        span.end()

    async def stream_async(self, call: Callable[[], Any]) -> Any:
        """The same for the asynchronous client."""
        begun = time.perf_counter()
        span = self._tracer.start_span(self._name, kind=SpanKind.CLIENT, attributes=self._start)
        waited = 0.0
        chunks: list[Any] = []
        async for chunk in await call():
            if not chunks:
                waited = time.perf_counter() - begun
            chunks.append(chunk)
            yield chunk
        span.set_attributes(self._streamed(chunks, waited))
        span.end()


def _said_in_chat(completion: Any) -> str:
    return completion.choices[0].message.content
