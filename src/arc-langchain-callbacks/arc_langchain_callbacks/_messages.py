"""What a model was asked and what it answered, as the GenAI conventions tell it; pure.

Source: messages, results and metadata of langchain-core 0.3 to 1.8 (`usage_metadata`, `response_metadata`, `ls_*`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from arc_runtime.capture import Recorder
from arc_semconv import attributes as semconv
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import LLMResult
from opentelemetry.util.types import AttributeValue

__all__ = ["answer_attributes", "held", "inputs", "instructions", "is_cached", "outputs", "request_attributes"]

_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "amazon_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
}
"""Names that LangChain gives providers, where the conventions have others."""
_NUMBERS: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "seed": semconv.REQUEST_SEED,
}
_ROLES: Final = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "HumanMessageChunk": "user"}
_USAGE: Final = {
    ("input_tokens",): semconv.USAGE_INPUT_TOKENS,
    ("output_tokens",): semconv.USAGE_OUTPUT_TOKENS,
    ("input_token_details", "cache_read"): semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    ("input_token_details", "cache_creation"): semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    ("input_token_details", "audio"): semconv.USAGE_AUDIO_INPUT_TOKENS,
    ("output_token_details", "reasoning"): semconv.USAGE_REASONING_OUTPUT_TOKENS,
    ("output_token_details", "audio"): semconv.USAGE_AUDIO_OUTPUT_TOKENS,
}
_RUN_NAMES: Final = ("run-", "lc_run-")
"""What the name of a message begins with that langchain-core named after the run it was given to."""
_FORMER_USAGE: Final = {
    semconv.USAGE_INPUT_TOKENS: ("prompt_tokens", "input_tokens"),
    semconv.USAGE_OUTPUT_TOKENS: ("completion_tokens", "output_tokens"),
}


def request_attributes(serialized: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """What is known of a call when it starts."""
    metadata, sent = extra.get("metadata") or {}, extra.get("invocation_params") or {}
    chat = metadata.get("ls_model_type", "chat") == "chat"
    attributes: dict[str, AttributeValue] = {
        semconv.OPERATION: "chat" if chat else "text_completion",
        semconv.PROVIDER: _provider(serialized, metadata, sent),
    }
    model = metadata.get("ls_model_name") or sent.get("model") or sent.get("model_name") or sent.get("model_id")
    if isinstance(model, str):
        attributes[semconv.REQUEST_MODEL] = model
    said = {"temperature": metadata.get("ls_temperature"), "max_tokens": metadata.get("ls_max_tokens"), **sent}
    for name, attribute in _NUMBERS.items():
        value = said.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[attribute] = value
    stop = sent.get("stop") or metadata.get("ls_stop")
    if stop:
        attributes[semconv.REQUEST_STOP_SEQUENCES] = [stop] if isinstance(stop, str) else [str(one) for one in stop]
    if (thread := metadata.get("thread_id")) is not None:
        attributes[semconv.CONVERSATION_ID] = str(thread)
    attributes.update(_server(serialized, sent))
    return attributes


def _provider(serialized: Mapping[str, Any], metadata: Mapping[str, Any], sent: Mapping[str, Any]) -> str:
    said = metadata.get("ls_provider")
    if not isinstance(said, str) or not said:
        path = serialized.get("id") or []
        said = str(sent.get("_type") or (path[-1] if path else "unknown")).partition("-")[0].lower()
    return _PROVIDERS.get(said, said)


def _server(serialized: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, AttributeValue]:
    settings = serialized.get("kwargs") or {}
    for source in (sent, settings):
        for name in ("base_url", "openai_api_base", "anthropic_api_url", "endpoint_url", "azure_endpoint"):
            url = source.get(name)
            if isinstance(url, str) and (host := urlsplit(url).hostname):
                port = urlsplit(url).port
                return {semconv.SERVER_ADDRESS: host, **({semconv.SERVER_PORT: port} if port else {})}
    return {}


# --- answers ---


def is_cached(response: LLMResult, run_id: UUID) -> bool:
    """Whether langchain-core answered the run `run_id` from its cache: nothing was asked then.

    It says so by a cost of nothing, before 0.3.73 not at all. Then the answer still bears the name of the run that it
    was given to first. (Of later versions that is no sign: a model may hand on the same message twice.)
    """
    messages = [getattr(one, "message", None) for batch in response.generations for one in batch]
    if not messages:
        return False
    if hasattr(BaseChatModel, "_convert_cached_generations"):
        return all(map(_cost_nothing, messages))
    return all(_is_another_run_s(one, run_id) for one in messages)


def _cost_nothing(message: object) -> bool:
    usage = getattr(message, "usage_metadata", None)
    return isinstance(usage, Mapping) and usage.get("total_cost") == 0


def _is_another_run_s(message: object, run_id: UUID) -> bool:
    name = getattr(message, "id", None)
    return isinstance(name, str) and name.startswith(_RUN_NAMES) and str(run_id) not in name


def held(response: LLMResult | None, recorder: Recorder) -> dict[str, Any] | None:
    """A copy of what `response` says, for later; content only where it is recorded."""
    if response is None:
        return None
    answers = [_held(one, recorder) for batch in response.generations for one in batch]
    usage = (response.llm_output or {}).get("token_usage") or (response.llm_output or {}).get("usage")
    model = (response.llm_output or {}).get("model_name")
    return {"answers": answers, "usage": recorder.hold(usage), "model": model}


def _held(generation: Any, recorder: Recorder) -> dict[str, Any]:
    message = getattr(generation, "message", None)
    known = {
        "usage": getattr(message, "usage_metadata", None),
        "metadata": {**(generation.generation_info or {}), **(getattr(message, "response_metadata", None) or {})},
    }
    held: dict[str, Any] = recorder.hold(known)
    if recorder.wanted:
        held["message"] = recorder.hold(message if message is not None else generation.text)
    return held


def answer_attributes(response: object) -> dict[str, AttributeValue]:
    """What an answer, `held`, says beside its content."""
    if not isinstance(response, Mapping):
        return {}
    attributes: dict[str, AttributeValue] = {}
    answers = response["answers"]
    metadata: list[Mapping[str, Any]] = [one["metadata"] for one in answers]
    first = metadata[0] if metadata else {}
    model = first.get("model_name") or first.get("model") or response["model"]
    named = {semconv.RESPONSE_MODEL: model, semconv.RESPONSE_ID: first.get("id")}
    attributes.update({name: value for name, value in named.items() if isinstance(value, str)})
    reasons = [one.get("finish_reason") or one.get("stop_reason") or one.get("done_reason") for one in metadata]
    if found := [str(reason) for reason in reasons if reason]:
        attributes[semconv.RESPONSE_FINISH_REASONS] = found
    attributes.update(_usage([one["usage"] for one in answers if isinstance(one["usage"], Mapping)], response["usage"]))
    return attributes


def _usage(told: Sequence[Mapping[str, Any]], former: object) -> dict[str, AttributeValue]:
    counts: dict[str, AttributeValue] = {}
    for usage in told[:1]:  # each of several answers to one question bears the usage of all of them
        for path, name in _USAGE.items():
            value: Any = usage
            for step in path:
                value = value.get(step) if isinstance(value, Mapping) else None
            if isinstance(value, int):
                counts[name] = value
    if counts or not isinstance(former, Mapping):
        return counts
    return {
        name: former[key] for name, keys in _FORMER_USAGE.items() for key in keys if isinstance(former.get(key), int)
    }


# --- content, of messages as they were copied: dicts of their fields ---


def inputs(asked: object) -> list[object]:
    """What was asked, as GenAI messages."""
    if isinstance(asked, str):
        return [{"role": "user", "parts": [{"type": "text", "content": asked}]}]
    messages = asked if isinstance(asked, Sequence) else ()
    return [_message(one) for one in messages if _field(one, "type") != "system"]


def instructions(asked: object) -> list[object]:
    """The system messages among it, as parts."""
    messages = asked if isinstance(asked, Sequence) and not isinstance(asked, str) else ()
    return [part for one in messages if _field(one, "type") == "system" for part in _parts(one)]


def outputs(response: object) -> list[object]:
    """What was answered, as GenAI messages."""
    answers = response["answers"] if isinstance(response, Mapping) else ()
    return [_message(one["message"]) for one in answers if "message" in one]


def _field(message: object, name: str) -> Any:
    return message.get(name) if isinstance(message, Mapping) else getattr(message, name, None)


def _message(message: object) -> dict[str, object]:
    if isinstance(message, str):
        return {"role": "assistant", "parts": [{"type": "text", "content": message}]}
    kind = str(_field(message, "type"))
    role = _field(message, "role") if kind == "chat" else None
    return {"role": str(role or _ROLES.get(kind, kind)), "parts": _parts(message)}


def _parts(message: object) -> list[object]:
    content = _field(message, "content")
    if _field(message, "type") == "tool":
        return [{"type": "tool_call_response", "id": _field(message, "tool_call_id"), "response": content}]
    parts: list[object] = []
    for block in [content] if isinstance(content, str) and content else content if isinstance(content, list) else []:
        if isinstance(block, str):
            parts.append({"type": "text", "content": block})
        elif isinstance(block, Mapping) and block.get("type") == "text":
            parts.append({"type": "text", "content": block.get("text")})
        elif not isinstance(block, Mapping) or block.get("type") not in ("tool_use", "tool_call"):
            parts.append(block)  # the calls are told below, for every provider alike
    parts += [
        {"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
        for call in _field(message, "tool_calls") or []
        if isinstance(call, Mapping)
    ]
    return parts
