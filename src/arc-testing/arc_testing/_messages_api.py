"""What Anthropic's messages API answers: a message whole or as events, and an error, in its wire format."""

from collections.abc import Mapping

from arc_testing._provider import Answer, Asked

__all__ = ["message", "message_answer", "message_error", "message_events", "message_request"]

_USAGE = {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4}


def message_request() -> dict[str, object]:
    """The body of a request for a message."""
    return {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "I am jane@example.com"}]}


def message(*blocks: Mapping[str, object], reason: str = "end_turn") -> dict[str, object]:
    """A whole message of `blocks`, by default the text `Hello`."""
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-1",
        "content": list(blocks) or [{"type": "text", "text": "Hello"}],
        "stop_reason": reason, "stop_sequence": None, "usage": _USAGE,
    }  # fmt: skip


def message_events(tool: str | None = None) -> list[tuple[str, dict[str, object]]]:
    """The six events of a streamed message: the text `Hello`, or a call of `tool` with `{"a": 1}`."""
    begun: dict[str, object] = {"type": "text", "text": ""}
    delta: dict[str, object] = {"type": "text_delta", "text": "Hello"}
    if tool is not None:
        begun = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": '{"a": 1}'}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    told: list[dict[str, object]] = [
        {"type": "message_start", "message": {**message(), "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": begun},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return [(str(event["type"]), event) for event in told]


def message_answer(asked: Asked) -> Answer:
    """What the request `asked` gets: the text `Hello`, streamed where it wants that."""
    return Answer(events=message_events()) if asked.body.get("stream") else Answer(body=message())


def message_error(text: str, kind: str = "invalid_request_error") -> dict[str, object]:
    """The body of an error."""
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}
