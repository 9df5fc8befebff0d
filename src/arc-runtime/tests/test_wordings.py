"""Refusals in the words of many providers, gateways and servers: what is known is mended, what is not stays untouched."""

import copy
import json

import pytest
from arc_runtime.fixes import Engine, Learner, Refusal, Registry, Request, catalogue

ENGINE = Engine(Registry(catalogue()), level="ask")
GONE = object()
ASK = [{"role": "user", "content": "hello"}]
TALK = [
    {"role": role, "content": f"{role} {turn} " + "x" * 400} for turn in range(12) for role in ("user", "assistant")
]


def openai(message, param=None, code=None, kind="invalid_request_error"):
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def anthropic(message, kind="invalid_request_error"):
    return {"type": "error", "error": {"type": kind, "message": message}}


def vllm(message, param=None):
    return {"object": "error", "message": message, "type": "BadRequestError", "param": param, "code": 400}


def litellm(message, exception="OpenAIException", kind=None):
    tail = "\nReceived Model Group=m\nAvailable Model Group Fallbacks=None"
    return openai(f"litellm.BadRequestError: {exception} - {message}{tail}", None, "400", kind)


def groq(message, param=None, code=None):
    error = {"message": message, "type": "invalid_request_error"}
    return {"error": {**error, **({"param": param} if param else {}), **({"code": code} if code else {})}}


def mistral(name, message, kind="extra_forbidden"):
    detail = [{"type": kind, "loc": ["body", name], "msg": message, "input": 1}]
    return {
        "object": "error",
        "message": {"detail": detail},
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def gemini(message):
    return [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}]


def openrouter(raw):
    inner = {"raw": raw, "provider_name": "OpenAI"}
    return {"error": {"message": "Provider returned error", "code": 400, "metadata": inner}, "user_id": "u"}


def tool(name="f", **parameters):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", **parameters}}}


NO_MAX_TOKENS = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)
RENAMED = {"max_tokens": GONE, "max_completion_tokens": 9}
CUT = "max_tokens: 21333 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229"
BOTH = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
TWO = {"temperature": 0.1, "top_p": 0.2}
ONE = {"temperature": 0.1, "top_p": GONE}
JSON = {"response_format": {"type": "json_object"}}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]}
DEVELOPER = {"messages": [{"role": "developer", "content": "be brief"}, *ASK]}


def roles(*wanted):
    return lambda body: [one["role"] for one in body["messages"]] == list(wanted)


def said_json(body):
    return "JSON" in str(body["messages"])


CHAT = {
    # --- max_tokens by another name ---
    "openai": (openai(NO_MAX_TOKENS, "max_tokens", "unsupported_parameter"), {"max_tokens": 9}, RENAMED),
    "lower case, double quotes, no dot": (openai(NO_MAX_TOKENS.lower().replace("'", '"').rstrip(".")), {"max_tokens": 9}, RENAMED),
    "back ticks": (openai(NO_MAX_TOKENS.replace("'", "`")), {"max_tokens": 9}, RENAMED),
    "curly quotes": (openai(NO_MAX_TOKENS.replace("'", "\u2019")), {"max_tokens": 9}, RENAMED),
    "two spaces and a line": (openai(NO_MAX_TOKENS.replace(". ", ".\n ")), {"max_tokens": 9}, RENAMED),
    "litellm": (litellm(NO_MAX_TOKENS), {"max_tokens": 9}, RENAMED),
    "litellm, azure": (litellm(NO_MAX_TOKENS, "AzureException"), {"max_tokens": 9}, RENAMED),
    "litellm, twice": (litellm("litellm.BadRequestError: AzureException BadRequestError - " + NO_MAX_TOKENS, "OpenAIException"), {"max_tokens": 9}, RENAMED),
    "openrouter": (openrouter(json.dumps(openai(NO_MAX_TOKENS, "max_tokens", "unsupported_parameter"))), {"max_tokens": 9}, RENAMED),
    "helpful": (openai("'max_tokens' is not supported with this model, please use 'max_completion_tokens' instead"), {"max_tokens": 9}, RENAMED),
    "deprecated": (groq("The parameter `max_tokens` is deprecated. Use `max_completion_tokens` instead."), {"max_tokens": 9}, RENAMED),
    # --- a parameter that is not taken ---
    "groq": (groq("property 'presence_penalty' is unsupported"), {"presence_penalty": 0.1}, {"presence_penalty": GONE}),
    "groq, guessing": (groq("property 'verbosity' is unsupported, did you mean 'reasoning'?"), {"verbosity": "low"}, {"verbosity": GONE}),
    "groq, below a message": (groq("`reasoning_effort` is not supported with this model"), {"reasoning_effort": "low"}, {"reasoning_effort": GONE}),
    "mistral": (mistral("frequency_penalty", "Extra inputs are not permitted"), {"frequency_penalty": 1}, {"frequency_penalty": GONE}),
    "vllm": (vllm("[{'type': 'extra_forbidden', 'loc': ('body', 'service_tier'), 'msg': 'Extra inputs are not permitted', 'input': 'flex'}]"), {"service_tier": "flex"}, {"service_tier": GONE}),
    "vllm, newer": (vllm("1 validation error:\n  {'type': 'extra_forbidden', 'loc': ('body', 'service_tier'), 'msg': 'Extra inputs are not permitted', 'input': 'flex'}"), {"service_tier": "flex"}, {"service_tier": GONE}),
    "fireworks": (openai("Extra inputs are not permitted, field: 'service_tier'"), {"service_tier": "flex"}, {"service_tier": GONE}),
    "fireworks, with the value": (openai("1 request validation errors: Extra inputs are not permitted, field: 'service_tier', value: 'flex'"), {"service_tier": "flex"}, {"service_tier": GONE}),
    "xai": ({"code": "Client specified an invalid argument", "error": "Model grok-4-0709 does not support parameter presencePenalty."}, {"presence_penalty": 1}, {"presence_penalty": GONE}),
    "xai, older": ({"code": "Client specified an invalid argument", "error": "Argument not supported on this model: stop"}, {"stop": ["x"]}, {"stop": GONE}),
    "gemini": (gemini('Invalid JSON payload received. Unknown name "frequency_penalty": Cannot find field.'), {"frequency_penalty": 1}, {"frequency_penalty": GONE}),
    "bedrock": ({"message": "Malformed input request: #: extraneous key [frequency_penalty] is not permitted, please reformat your input and try again."}, {"frequency_penalty": 1}, {"frequency_penalty": GONE}),
    "azure": (openai("Unrecognized request argument supplied: parallel_tool_calls", None, None), {"parallel_tool_calls": True}, {"parallel_tool_calls": GONE}),
    "two at once": (openai("Unrecognized request arguments supplied: verbosity, seed"), {"verbosity": "low", "seed": 1}, {"verbosity": GONE, "seed": GONE}),
    "litellm's own": (openai("litellm.UnsupportedParamsError: openai does not support parameters: ['temperature', 'seed'], for model=o1-mini. To drop these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n. \n If you want to use these params dynamically send allowed_openai_params=['temperature'] in your request.", None, "400", None), {"temperature": 0.1, "seed": 1}, {"temperature": GONE, "seed": GONE}),
    "logprobs": (openai("You are not allowed to request logprobs from this model."), {"logprobs": True}, {"logprobs": GONE}),
    "logprobs of reasoning": (openai("logprobs are not supported with reasoning models."), {"logprobs": True}, {"logprobs": GONE}),
    "no default": (openai("Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) value is supported.", "temperature", "unsupported_value"), {"temperature": 0.0}, {"temperature": GONE}),
    "default, another server": (openai("Unsupported value: `temperature` does not support 0.2 with this model. Only the default (1.0) value is supported"), {"temperature": 0.2}, {"temperature": GONE}),
    "only the default": (openai("Invalid value for 'temperature': this model only supports the default value 1."), {"temperature": 0.2}, {"temperature": GONE}),
    "moonshot": (openai("invalid temperature: only 1 is allowed for this model"), {"temperature": 0.2}, {"temperature": GONE}),
    "beta": (openai("This model has beta-limitations, temperature, top_p and n are fixed at 1, while presence_penalty and frequency_penalty are fixed at 0.", None, "unsupported_value"), {"temperature": 0.3, "top_p": 1, "presence_penalty": 0.2}, {"temperature": GONE, "presence_penalty": GONE}),
    # --- numbers ---
    "openai, above": (openai("Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.5 instead.", "top_p", "decimal_above_max_value"), {"top_p": 1.5}, {"top_p": 1}),
    "openai, jsonschema": (openai("3 is greater than the maximum of 2 - 'temperature'"), {"temperature": 3}, {"temperature": 2}),
    "vllm, numbers": (vllm("top_p must be in (0, 1], got 1.5."), {"top_p": 1.5}, {"top_p": 1}),
    "vllm, at least": (vllm("max_tokens must be at least 1, got 0."), {"max_tokens": 0}, {"max_tokens": 1}),
    "vllm, list": (vllm("[{'type': 'less_than_equal', 'loc': ('body', 'temperature'), 'msg': 'Input should be less than or equal to 2', 'input': 3, 'ctx': {'le': 2.0}}]"), {"temperature": 3}, {"temperature": 2}),
    "mistral, number": (mistral("temperature", "Input should be less than or equal to 1.5", "less_than_equal"), {"temperature": 1.7}, {"temperature": 1.5}),
    "groq, number": (groq("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model"), {"max_tokens": 9000}, {"max_tokens": 8192}),
    "groq, colon": (groq("'temperature' : number must be at most 2"), {"temperature": 3}, {"temperature": 2}),
    "deepseek": (openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), {"max_tokens": 9000}, {"max_tokens": 8192}),
    "deepseek, temperature": (openai("Invalid temperature value, the valid range of temperature is [0, 2.0]"), {"temperature": 3}, {"temperature": 2}),
    "qwen": (openai("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]", None, "invalid_parameter_error"), {"max_tokens": 9000}, {"max_tokens": 8192}),
    "vertex": (gemini("Unable to submit request because it has a temperature value of 3 but the supported range is from 0 (inclusive) to 2 (inclusive). Update the value and try again."), {"temperature": 3}, {"temperature": 2}),
    "vertex, exclusive": (gemini("Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 8193 (exclusive). Update the value and try again."), {"max_tokens": 100000}, {"max_tokens": 8192}),
    "bedrock, number": ({"message": "Malformed input request: #/temperature: 1.5 is not less or equal to 1, please reformat your input and try again."}, {"temperature": 1.5}, {"temperature": 1}),
    "bedrock, cap": ({"message": "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096."}, {"max_tokens": 9000}, {"max_tokens": 4095}),
    "bedrock by litellm": (litellm(json.dumps({"message": f"The model returned the following errors: {CUT}"}), "BedrockException"), {"max_tokens": 21333}, {"max_tokens": 4096}),
    "anthropic by litellm": (litellm(json.dumps(anthropic(CUT)), "AnthropicException"), {"max_tokens": 21333}, {"max_tokens": 4096}),
    "anthropic by litellm, as bytes": (litellm(f"b'{json.dumps(anthropic(CUT))}'", "AnthropicException"), {"max_tokens": 21333}, {"max_tokens": 4096}),
    "cap, other words": (openai("max_tokens is too large: 99999. This model supports at most 16384 output tokens, whereas you provided 99999.", "max_tokens"), {"max_completion_tokens": 99999}, {"max_completion_tokens": 16384}),
    "cap, by the new name": (openai("max_completion_tokens is too large: 99999. This model supports at most 32768 completion tokens, whereas you provided 99999.", "max_completion_tokens", "invalid_value"), {"max_completion_tokens": 99999}, {"max_completion_tokens": 32768}),
    # --- two that exclude each other ---
    "samplers": (litellm("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "AnthropicException"), TWO, ONE),
    "samplers of bedrock": ({"message": f"The model returned the following errors: {BOTH}"}, TWO, ONE),
    "samplers, quoted": (openai(BOTH.replace("`", "'")), TWO, ONE),
    "samplers, bare": (openai("temperature and top_p cannot both be set for this model"), TWO, ONE),
    "limits": (openai("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."), {"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": GONE, "max_completion_tokens": 6}),
    # --- room ---
    "with functions": (openai("This model's maximum context length is 8192 tokens. However, you requested 8692 tokens (300 in the messages, 200 in the functions, and 8192 in the completion). Please reduce the length of the messages, functions, or completion.", "messages", "context_length_exceeded"), {"max_tokens": 8192}, {"max_tokens": 8192 - 500 - 16}),
    "older": (openai("This model's maximum context length is 4097 tokens, however you requested 4122 tokens (122 in your prompt; 4000 for the completion). Please reduce your prompt; or completion length."), {"max_tokens": 4000}, {"max_tokens": 4097 - 122 - 16}),
    "openrouter, room": ({"error": {"code": 400, "message": "This endpoint's maximum context length is 131072 tokens. However, you requested about 140064 tokens (8000 of text input, 64 of tool input, 132000 in the output). Please reduce the length of either one, or use the \"middle-out\" transform to compress your prompt automatically."}}, {"max_tokens": 132000}, {"max_tokens": 131072 - 8064 - 16}),
    "vllm, room": (vllm("'max_tokens' or 'max_completion_tokens' is too large: 4000. This model's maximum context length is 4096 tokens and your request has 1000 input tokens (4000 > 4096 - 1000)."), {"max_tokens": 4000}, {"max_tokens": 4096 - 1000 - 16}),
    "vllm, param": (vllm("max_tokens and max_completion_tokens is too large: 4000. This model's maximum context length is 4096 tokens and your request has 1000 input tokens (4000 > 4096 - 1000). (parameter=max_tokens, value=4000)", "max_tokens"), {"max_tokens": 4000}, {"max_tokens": 4096 - 1000 - 16}),
    "sglang": (vllm("Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 9000 tokens: 1000 tokens from the input messages and 8000 tokens for the completion. Please reduce the number of tokens in the input messages or the completion to fit within the limit."), {"max_tokens": 8000}, {"max_tokens": 8192 - 1000 - 16}),
    "together": (openai("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 3000 `inputs` tokens and 2000 `max_new_tokens`"), {"max_tokens": 2000}, {"max_tokens": 4097 - 3000 - 16}),
    "tgi": ({"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 3000 `inputs` tokens and 2000 `max_new_tokens`", "error_type": "validation"}, {"max_tokens": 2000}, {"max_tokens": 4097 - 3000 - 16}),
    # --- too long ---
    "too long": (openai("This model's maximum context length is 8192 tokens. However, your messages resulted in 9056 tokens (8000 in the messages, 1056 in the functions). Please reduce the length of the messages or functions.", "messages", "context_length_exceeded"), {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "gpt-5": (openai("Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300006 tokens. Please reduce the length of the messages.", "messages", "context_length_exceeded"), {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "mistral, too long": ({"object": "error", "message": "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "type": "invalid_request_prompt", "param": None, "code": "3051"}, {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "gemini, too long": (gemini("The input token count (1050000) exceeds the maximum number of tokens allowed (1048576)."), {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "groq, too long": (groq("Please reduce the length of the messages or completion.", "messages", "context_length_exceeded"), {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "llama.cpp": ({"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096}}, {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "vllm, too long": (vllm("This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the length of the input messages."), {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    # --- tools and results ---
    "results": (openai("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1", "messages.[1].role"), {"messages": [*ASK, CALL, *ASK]}, roles("user", "assistant", "tool", "user")),
    "qwen, results": (openai('<400> InternalError.Algo.InvalidParameter: An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id". The following tool_call_ids did not have response messages: message[2].role', None, "invalid_parameter_error"), {"messages": [*ASK, CALL, *ASK]}, roles("user", "assistant", "tool", "user")),
    "deepseek, results": (openai("Messages with role 'tool' must be a response to a preceding message with 'tool_calls'", None, "invalid_request_error"), {"messages": [*ASK, {"role": "tool", "tool_call_id": "x", "content": "1"}]}, roles("user")),
    "mistral, results": ({"object": "error", "message": "Not the same number of function calls and responses", "type": "invalid_request_message_order", "param": None, "code": "3230"}, {"messages": [*ASK, CALL, *ASK]}, roles("user", "assistant", "tool", "user")),
    "gemini, results": (gemini("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."), {"messages": [*ASK, CALL, *ASK]}, roles("user", "assistant", "tool", "user")),
    "anthropic by litellm, results": (litellm('{"type":"error","error":{"type":"invalid_request_error","message":"messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: call_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message."}}', "AnthropicException"), {"messages": [*ASK, CALL, *ASK]}, roles("user", "assistant", "tool", "user")),
    # --- schemas ---
    "array": (openai("Invalid schema for function 'f': In context=('properties', 'x'), array schema missing items.", "tools[0].function.parameters", "invalid_function_parameters"), {"tools": [tool(properties={"x": {"type": "array"}})]}, lambda b: "items" in b["tools"][0]["function"]["parameters"]["properties"]["x"]),
    "array, odd name": (openai("Invalid schema for function 'my tool/1': array schema missing items", "tools[0].function.parameters", "invalid_function_parameters"), {"tools": [tool(properties={"x": {"type": "array"}})]}, lambda b: "items" in b["tools"][0]["function"]["parameters"]["properties"]["x"]),
    "array, gemini": (gemini("* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[x].items: missing field.\n"), {"tools": [tool(properties={"x": {"type": "array"}})]}, lambda b: "items" in b["tools"][0]["function"]["parameters"]["properties"]["x"]),
    "required": (openai("Invalid schema for response_format 'r': In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'a'.", "response_format", None), {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}}}}, lambda b: b["response_format"]["json_schema"]["schema"]["required"] == ["a"]),
    "strict, groq": (groq("invalid JSON schema for response_format: 'r': /: `additionalProperties:false` must be set on every object", "response_format"), {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}}}, lambda b: b["response_format"]["json_schema"]["schema"]["additionalProperties"] is False),
    "strict tool": (openai("Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false.", "tools[0].function.parameters", "invalid_function_parameters"), {"tools": [{"type": "function", "function": {**tool(properties={})["function"], "strict": True}}]}, lambda b: b["tools"][0]["function"]["parameters"]["additionalProperties"] is False),
    # --- the word JSON ---
    "json": (openai("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.", "messages"), JSON, said_json),
    "json, deepseek": (openai("Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."), JSON, said_json),
    "json, qwen": (openai("<400> InternalError.Algo.InvalidParameter: 'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.", None, "invalid_parameter_error"), JSON, said_json),
    # --- names ---
    "name": (openai("Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].function.name", "invalid_value"), {"tools": [tool("a.b")]}, lambda b: b["tools"][0]["function"]["name"] == "a_b"),
    "name too long": (openai("Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.", "tools[0].function.name", "string_above_max_length"), {"tools": [tool("a" * 70)]}, lambda b: len(b["tools"][0]["function"]["name"]) == 64),
    "name, older": (openai("'a.b' does not match '^[a-zA-Z0-9_-]{1,64}$' - 'tools.0.function.name'"), {"tools": [tool("a.b")]}, lambda b: b["tools"][0]["function"]["name"] == "a_b"),
    "name, gemini": (gemini("* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.) or dashes (-), with a maximum length of 64."), {"tools": [tool("1a")]}, lambda b: b["tools"][0]["function"]["name"] == "_1a"),
    "name, mistral": ({"object": "error", "message": "Function name was a.b but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64.", "type": "invalid_request_function", "param": None, "code": "3310"}, {"tools": [tool("a.b")]}, lambda b: b["tools"][0]["function"]["name"] == "a_b"),
    "name, anthropic by litellm": (litellm('{"type":"error","error":{"type":"invalid_request_error","message":"tools.0.custom.name: String should match pattern \'^[a-zA-Z0-9_-]{1,128}$\'"}}', "AnthropicException"), {"tools": [tool("a.b")]}, lambda b: b["tools"][0]["function"]["name"] == "a_b"),
    # --- words and levels ---
    "effort": (openai("Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low', 'medium', and 'high'.", "reasoning_effort", "unsupported_value"), {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}),
    "effort, value first": (openai("Invalid value: 'xhigh'. Supported values are: 'low', 'medium', and 'high'.", "reasoning_effort", "invalid_value"), {"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
    "verbosity": (openai("Unsupported value: 'low' is not supported with the 'gpt-5.1-chat-latest' model. Supported values are: 'medium'.", "verbosity", "unsupported_value"), {"verbosity": "low"}, {"verbosity": "medium"}),
    "effort, groq": (groq("`reasoning_effort` must be one of `low`, `medium`, or `high`"), {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}),
    "effort, none or default": (groq("`reasoning_effort` must be one of `none` or `default`"), {"reasoning_effort": "high"}, {"reasoning_effort": "default"}),
    "effort, vllm": (vllm("[{'type': 'literal_error', 'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\", 'input': 'xhigh', 'ctx': {'expected': \"'low', 'medium' or 'high'\"}}]"), {"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
    # --- roles ---
    "role": (openai("Unsupported value: 'messages[0].role' does not support 'developer' with this model.", "messages[0].role", "unsupported_value"), DEVELOPER, roles("user")),
    "role, older": (openai("Invalid value: 'developer'. Supported values are: 'system', 'assistant', 'user', 'function', and 'tool'.", "messages[0].role", "invalid_value"), DEVELOPER, roles("system", "user")),
    "role, deepseek": (openai("Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool` at line 1 column 62"), DEVELOPER, roles("system", "user")),
    "role, qwen": (openai("'developer' is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.0.role'"), DEVELOPER, roles("system", "user")),
    "role, groq": (groq("'messages.0' : discriminator property 'role' has invalid value"), DEVELOPER, roles("system", "user")),
    "role, gemma": (vllm("System role not supported"), {"messages": [{"role": "system", "content": "be brief"}, *ASK]}, roles("user")),
    "role, google": (gemini("Developer instruction is not enabled for models/gemma-3-27b-it"), {"messages": [{"role": "system", "content": "be brief"}, *ASK]}, roles("user")),
    # --- nothing said ---
    "empty, moonshot": (openai("Invalid request: the message at position 1 with role 'user' must not be empty"), {"messages": [*ASK, {"role": "assistant", "content": "x"}, {"role": "user", "content": ""}]}, lambda b: b["messages"][-1]["content"] == "(no content)"),
    "empty, by litellm": (litellm('{"type":"error","error":{"type":"invalid_request_error","message":"messages: text content blocks must be non-empty"}}', "AnthropicException"), {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]}]}, lambda b: len(b["messages"][0]["content"]) == 1),
    # --- tools called wrongly ---
    "no call": (groq("Tool choice is required, but model did not call a tool", None, "tool_use_failed"), {"tools": [tool()], "tool_choice": "required"}, {"tool_choice": "auto"}),
    "wrong call": (groq("tool call validation failed: parameters for tool f did not match schema: errors: [missing properties: 'name']", None, "tool_use_failed"), {"tools": [tool()]}, lambda b: "missing properties" in b["messages"][-1]["content"]),
    "failed call": (groq("Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.", None, "tool_use_failed"), {"tools": [tool()]}, lambda b: b["temperature"] == 0),
    "call of no tool": (groq("Tool call validation failed: attempted to call tool 'g' which was not in request.tools", None, "tool_use_failed"), {"tools": [tool()]}, lambda b: "not in request.tools" in b["messages"][-1]["content"]),
    # --- media ---
    "picture": (openai("Invalid content type. image_url is only supported by certain models.", "messages.[0].content.[1].type"), {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "http://x"}}]}]}, lambda b: b["messages"][0]["content"][1]["type"] == "text"),
    "picture, late": (openai("Timeout while downloading https://x.test/a.png.", None, "invalid_image_url"), {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}]}, lambda b: b["messages"][0]["content"][0]["type"] == "text"),
}  # fmt: skip

MODELS = {
    "retired": (404, openai("The model `gpt-3.5-turbo-0613` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations", None, "model_not_found"), "gpt-3.5-turbo-0613"),
    "double quotes": (404, openai('The model "gpt-3.5-turbo-0613" does not exist or you do not have access to it.', None, "model_not_found"), "gpt-3.5-turbo-0613"),
    "gone at groq": (400, groq("The model `gpt-3.5-turbo-0613` has been decommissioned and is no longer supported. Please refer to https://console.groq.com/docs/deprecations for a recommendation on which model to use instead.", None, "model_decommissioned"), "gpt-3.5-turbo-0613"),
    "ollama": (404, openai("model 'gpt-3.5-turbo-0613' not found", None, None, "api_error"), "gpt-3.5-turbo-0613"),
    "ollama, older": (404, openai('model "gpt-3.5-turbo-0613" not found, try pulling it first', None, None, "api_error"), "gpt-3.5-turbo-0613"),
    "openrouter": (400, {"error": {"message": "gpt-3.5-turbo-0613 is not a valid model ID", "code": 400}}, "gpt-3.5-turbo-0613"),
    "openrouter, no endpoint": (404, {"error": {"message": "No endpoints found for gpt-3.5-turbo-0613.", "code": 404}}, "gpt-3.5-turbo-0613"),
    "mistral": (400, {"object": "error", "message": "Invalid model: gpt-3.5-turbo-0613", "type": "invalid_model", "param": None, "code": "1500"}, "gpt-3.5-turbo-0613"),
    "xai": (404, {"code": "Some requested entity was not found", "error": "The model gpt-3.5-turbo-0613 does not exist or your team abc-1 does not have access to it. Please ensure you're using the correct API key."}, "gpt-3.5-turbo-0613"),
    "vllm": (404, {"object": "error", "message": "The model `gpt-3.5-turbo-0613` does not exist.", "type": "NotFoundError", "param": None, "code": 404}, "gpt-3.5-turbo-0613"),
    "voyage": (400, {"detail": "Model gpt-3.5-turbo-0613 is not supported. Supported models are ['a', 'b']."}, "gpt-3.5-turbo-0613"),
    "misspelt": (404, openai("The model `gpt-4.1-mimi` does not exist or you do not have access to it.", None, "model_not_found"), "gpt-4.1-mimi"),
}  # fmt: skip

TRAPS = {
    "quoted": (openai(f"Upstream said: {NO_MAX_TOKENS}"), {"max_tokens": 9}),
    "quoted, in quotes": (openai(f'The log has "{NO_MAX_TOKENS}"'), {"max_tokens": 9}),
    "with another cause behind it": (openai(NO_MAX_TOKENS + " That was yesterday; today your plan has ended."), {"max_tokens": 9}),
    "an error of the gateway's own": (openai(f"litellm.InternalServerError: could not route: {NO_MAX_TOKENS}"), {"max_tokens": 9}),
    "an exception that says more": (litellm(f"while handling '{NO_MAX_TOKENS}' the router failed"), {"max_tokens": 9}),
    "a relayed error that is text": (openrouter(f"upstream: {NO_MAX_TOKENS}"), {"max_tokens": 9}),
    "a relayed error of another code": (openrouter(json.dumps(openai(NO_MAX_TOKENS, None, "policy_violation"))), {"max_tokens": 9}),
    "another code": (openai(NO_MAX_TOKENS, "max_tokens", "policy_violation"), {"max_tokens": 9}),
    "another kind": (openai(NO_MAX_TOKENS, "max_tokens", None, "server_error"), {"max_tokens": 9}),
    "another parameter": (openai(NO_MAX_TOKENS, "temperature"), {"max_tokens": 9}),
    "two errors in a list": ([openai(NO_MAX_TOKENS)] * 2, {"max_tokens": 9}),
    "a prompt that quotes an error": (openai("Your prompt was flagged: 'messages' must contain the word 'json' in some form"), JSON),
    "a field not sent": (openai("Unsupported parameter: 'seed' is not supported with this model."), {"max_tokens": 9}),
    "tools": (openai("This model does not support the tools parameter."), {"tools": [tool()]}),
    "the form of the answer": (openai("This model does not support the response_format parameter."), JSON),
    "streams": (openai("Unsupported parameter: 'stream' is not supported with this model.", "stream"), {"stream": True}),
    "what is kept": (openai("Extra inputs are not permitted, field: 'store'"), {"store": True}),
    "several, all of them kept": (openai("Unrecognized request arguments supplied: stream, store"), {"stream": True, "store": True}),
    "a deployment's name": (openai("The API deployment for this resource does not exist.", None, "DeploymentNotFound"), {}),
    "a policy": (openai("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "prompt", "content_filter", None), {}),
    "a system message where developers are unknown": (openai("Invalid value: 'assistent'. Supported values are: 'system', 'assistant', and 'user'.", "messages[0].role", "invalid_value"), {}),
    "a role of the user's own": (groq("'messages.0' : discriminator property 'role' has invalid value"), {"messages": [{"role": "usr", "content": "x"}]}),
    "too long and all of it needed": (openai("This model's maximum context length is 8192 tokens. However, your messages resulted in 9056 tokens.", "messages", "context_length_exceeded"), {"messages": ASK}),
    "no room for an answer": (openai("This model's maximum context length is 8192 tokens. However, you requested 8256 tokens (8192 in the messages, 64 in the completion).", "messages", "context_length_exceeded"), {"max_tokens": 64}),
    "a range that is kept": (openai("Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.", "temperature", "decimal_above_max_value"), {"temperature": 1}),
    "nested without end": ({"error": {"message": "Provider returned error", "metadata": {"raw": "[" * 5000}}}, {"max_tokens": 9}),
    "envelopes without end": (openai("litellm.BadRequestError: OpenAIException - " * 200 + NO_MAX_TOKENS), {"max_tokens": 9}),
}  # fmt: skip

NO_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "1"}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 100}, "max_tokens": 900}
MESSAGES = {
    "cap": (anthropic(CUT), {"max_tokens": 21333}, {"max_tokens": 4096}),
    "cap of bedrock": ({"message": f"The model returned the following errors: {CUT}"}, {"max_tokens": 21333}, {"max_tokens": 4096}),
    "range": (anthropic("temperature: range: 0..1"), {"temperature": 1.5}, {"temperature": 1}),
    "pydantic": (anthropic("temperature: Input should be less than or equal to 1"), {"temperature": 1.5}, {"temperature": 1}),
    "jsonschema": (anthropic("#/temperature: 1.5 is not less or equal to 1, please reformat your input and try again."), {"temperature": 1.5}, {"temperature": 1}),
    "samplers": (anthropic(BOTH), TWO, ONE),
    "samplers, vertex": ([{"error": {"code": 400, "message": BOTH, "status": "INVALID_ARGUMENT"}}], TWO, ONE),
    "deprecated": (anthropic("`temperature` is deprecated for this model."), {"temperature": 0.1}, {"temperature": GONE}),
    "extra": (anthropic("top_k: Extra inputs are not permitted"), {"top_k": 3}, {"top_k": GONE}),
    "effort at all": (anthropic("This model does not support the effort parameter."), {"output_config": {"effort": "low"}}, lambda b: "effort" not in b["output_config"]),
    "effort": (anthropic("This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."), {"output_config": {"effort": "xhigh"}}, {"output_config": {"effort": "high"}}),
    "effort, literal": (anthropic("output_config.effort: Input should be 'low', 'medium', 'high' or 'max'"), {"output_config": {"effort": "xhigh"}}, {"output_config": {"effort": "high"}}),
    "budget": (anthropic("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"), THINKING, {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}),
    "budget, above": (anthropic("`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"), {"thinking": {"type": "enabled", "budget_tokens": 5000}, "max_tokens": 900}, {"max_tokens": 6024}),
    "budget, of bedrock": ({"message": "The model returned the following errors: max_tokens must be greater than thinking.budget_tokens"}, {"thinking": {"type": "enabled", "budget_tokens": 5000}, "max_tokens": 900}, {"max_tokens": 6024}),
    "temperature": (anthropic("`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at https://docs.claude.com/x"), {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 9000, "temperature": 0.3}, {"temperature": GONE}),
    "results": (anthropic("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message."), {"messages": [*ASK, USE, *ASK]}, lambda b: b["messages"][2]["content"][0]["tool_use_id"] == "toolu_1"),
    "results, with the place": (anthropic("messages.1.content.0: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1, toolu_2."), {"messages": [*ASK, USE, *ASK]}, lambda b: b["messages"][2]["content"][0]["tool_use_id"] == "toolu_1"),
    "orphan": (anthropic("messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."), {"messages": [{"role": "user", "content": [NO_RESULT, {"type": "text", "text": "x"}]}]}, {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
    "twice": (anthropic("messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` blocks with id: toolu_1"), {"messages": [*ASK, USE, {"role": "user", "content": [NO_RESULT, dict(NO_RESULT)]}]}, lambda b: len(b["messages"][2]["content"]) == 1),
    "orphan of the server": (anthropic("messages.1.content.1: unexpected `tool_use_id` found in `web_search_tool_result` blocks: srvtoolu_1. Each `web_search_tool_result` block must have a corresponding `server_tool_use` block before it."), {"messages": [*ASK, {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}]}]}, lambda b: len(b["messages"][1]["content"]) == 1),
    "empty": (anthropic("messages.0: all messages must have non-empty content except for the optional final assistant message"), {"messages": [{"role": "user", "content": ""}]}, lambda b: b["messages"][0]["content"] == "(no content)"),
    "empty, newer": (anthropic("messages.0: user messages must have non-empty content"), {"messages": [{"role": "user", "content": ""}]}, lambda b: b["messages"][0]["content"] == "(no content)"),
    "blank": (anthropic("messages: text content blocks must contain non-whitespace text"), {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}, {"type": "text", "text": "x"}]}]}, lambda b: len(b["messages"][0]["content"]) == 1),
    "cached": (anthropic("messages.0.content.0.text: cache_control cannot be set for empty text blocks"), {"messages": [{"role": "user", "content": [{"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "x"}]}]}, lambda b: len(b["messages"][0]["content"]) == 1),
    "blank, bedrock": ({"message": "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again."}, {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]}]}, lambda b: len(b["messages"][0]["content"]) == 1),
    "name": (anthropic("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"), {"tools": [{"name": "a.b", "input_schema": {}}]}, lambda b: b["tools"][0]["name"] == "a_b"),
    "name of a frontend": (anthropic("tools.0.FrontendRemoteMcpToolDefinition.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"), {"tools": [{"name": "a.b", "input_schema": {}}]}, lambda b: b["tools"][0]["name"] == "a_b"),
    "role": (anthropic('messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'), {"messages": [{"role": "system", "content": "s"}, *ASK]}, {"system": "s"}),
    "too long": (anthropic("prompt is too long: 208310 tokens > 200000 maximum"), {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "too long, bedrock": ({"message": "Input is too long for requested model."}, {"messages": TALK}, lambda b: len(b["messages"]) < len(TALK)),
    "room": (anthropic("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"), {"max_tokens": 20000}, {"max_tokens": 200000 - 190000 - 16}),
    "strict": (anthropic("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"), {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}}}, lambda b: b["output_config"]["format"]["schema"]["additionalProperties"] is False),
}  # fmt: skip

FUNCTION_CALL = {"type": "function_call", "call_id": "call-a", "name": "read", "arguments": "{}"}
RESPONSES = {
    "below": (openai("Unsupported parameter: 'reasoning.effort' is not supported with this model.", "reasoning.effort", "unsupported_parameter"), {"reasoning": {"effort": "low"}}, lambda b: "effort" not in b.get("reasoning", {})),
    "least": (openai("Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 5 instead.", "max_output_tokens", "integer_below_min_value"), {"max_output_tokens": 5}, {"max_output_tokens": 16}),
    "verbosity": (openai("Unsupported value: 'low' is not supported with the 'gpt-5.1-chat-latest' model. Supported values are: 'medium'.", "text.verbosity", "unsupported_value"), {"text": {"verbosity": "low"}}, {"text": {"verbosity": "medium"}}),
    "json": (openai("Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.", "input"), {"text": {"format": {"type": "json_object"}}, "input": "hi"}, lambda b: "JSON" in str(b["input"])),
    "output": (openai("No tool output found for function call call-a.", "input"), {"input": [FUNCTION_CALL, *ASK]}, lambda b: b["input"][1] == {"type": "function_call_output", "call_id": "call-a", "output": "no result was recorded"}),
    "orphan": (openai("No tool call found for function call output with call_id call-b.", "input"), {"input": [*ASK, {"type": "function_call_output", "call_id": "call-b", "output": "1"}]}, {"input": ASK}),
    "alone": (openai("Item 'rs_1' of type 'reasoning' was provided without its required following item.", "input"), {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}, *ASK]}, {"input": ASK}),
    "name": (openai("Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].name", "invalid_value"), {"tools": [{"type": "function", "name": "a.b", "parameters": {}}]}, lambda b: b["tools"][0]["name"] == "a_b"),
    "name of a call": (openai("Invalid 'input[1].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "input[1].name", "invalid_value"), {"tools": [{"type": "function", "name": "a.b", "parameters": {}}], "input": [{**FUNCTION_CALL, "name": "a.b"}]}, lambda b: b["input"][0]["name"] == "a_b"),
    "strict": (openai("Invalid schema for response_format 'r': In context=('properties', 'a'), 'additionalProperties' is required to be supplied and to be false.", "text.format.schema", "invalid_json_schema"), {"text": {"format": {"type": "json_schema", "name": "r", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}}}}}, lambda b: b["text"]["format"]["schema"]["properties"]["a"]["additionalProperties"] is False),
}  # fmt: skip


LARGE = "Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 31538. The input or output tokens must be reduced in order to run successfully. Visit https://platform.openai.com/account/rate-limits to learn more."
LARGE_OF_GROQ = "Request too large for model `llama-3.1-8b-instant` in organization `org_1` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
TOLD_OF = {
    "rate": (429, openai("Rate limit reached for gpt-4 in organization org-1 on tokens per min (TPM): Limit 10000, Used 9348, Requested 5086. Please try again in 26.604s.", None, "rate_limit_exceeded", "tokens"), "arc.rate_limit_retry"),
    "rate, azure": (429, {"error": {"code": "429", "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-06-01 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 20 seconds."}}, "arc.rate_limit_retry"),
    "rate, mistral": (429, {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "param": None, "code": "1300"}, "arc.rate_limit_retry"),
    "relayed": (429, {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "m is temporarily rate-limited upstream."}}}, None),
    "credit": (429, openai("You exceeded your current quota, please check your plan and billing details.", None, "insufficient_quota", "insufficient_quota"), "arc.insufficient_quota"),
    "credit, by litellm": (429, openai("litellm.RateLimitError: OpenAIException - You exceeded your current quota, please check your plan and billing details.", None, "429", "throttling_error"), "arc.insufficient_quota"),
    "credit, deepseek": (402, openai("Insufficient Balance", None, "invalid_request_error", "unknown_error"), "arc.insufficient_quota"),
    "credit, anthropic": (400, anthropic("Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."), "arc.insufficient_quota"),
    "busy": (529, anthropic("Overloaded", "overloaded_error"), "arc.overloaded"),
    "busy, openai": (503, openai("The engine is currently overloaded, please try again later", None, None, "server_error"), "arc.overloaded"),
    "an error of the server": (500, openai("The server had an error while processing your request.", None, None, "server_error"), None),
    "filter": (400, openai("The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.", "prompt", "content_filter", None), "arc.content_filter"),
    "filter, deepseek": (400, openai("Content Exists Risk"), "arc.content_filter"),
    "filter, qwen": (400, openai("<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.", None, "data_inspection_failed"), "arc.content_filter"),
    "large": (429, openai(LARGE, None, "rate_limit_exceeded", "tokens"), "arc.request_larger_than_limit"),
    "large, groq": (413, groq(LARGE_OF_GROQ, None, "rate_limit_exceeded"), "arc.request_larger_than_limit"),
    "key": (401, openai("Incorrect API key provided: sk-1.", None, "invalid_api_key"), "arc.invalid_api_key"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD_OF)
def test_what_only_a_person_can_mend_is_told_by_one_entry(case):
    status, error, entry_id = TOLD_OF[case]
    outcome = Engine(Registry(catalogue())).after_error(asked("chat.completions", status, error, {}))
    assert (outcome.suggested if outcome else ()) == ((entry_id,) if entry_id else ())
    assert entry_id is None or outcome.advice
    assert entry_id is None or not outcome.sends


@pytest.mark.parametrize("case", ["large", "large, groq"])
def test_a_request_larger_than_a_minute_allows_is_sent_shorter_where_the_user_lets_arc(case):
    status, error, _ = TOLD_OF[case]
    outcome = mended("chat.completions", status, error, {"messages": TALK})
    assert outcome.sends
    assert len(outcome.body["messages"]) < len(TALK)


def asked(api, status, error, given):
    field = "input" if api == "responses" else "messages"
    body = {"model": "some-model", field: ASK, **given}
    request = Request(body, provider="openai", api=api, host="h", stream=False)
    return request.refused(body, Refusal.of(status, error))


def mended(api, status, error, given):
    request = asked(api, status, error, given)
    before = copy.deepcopy(request.body)
    outcome = ENGINE.after_error(request)
    assert request.body == before
    return outcome


def check(api, error, given, wanted):
    for status in (400, 422):
        outcome = mended(api, status, error, given)
        if wanted is None:
            assert outcome is None or not outcome.sends
            continue
        assert outcome is not None
        assert outcome.sends
        if callable(wanted):
            assert wanted(outcome.body)
        else:
            assert {name: outcome.body.get(name, GONE) for name in wanted} == wanted
        for processed in (200, 401, 403, 408, 409, 429, 500, 502, 503, 529):
            other = mended(api, processed, error, given)
            assert other is None or not other.sends


@pytest.mark.parametrize("case", CHAT)
def test_chat_completions(case):
    check("chat.completions", *CHAT[case])


@pytest.mark.parametrize("case", TRAPS)
def test_what_is_not_known_as_a_whole_is_left_alone(case):
    check("chat.completions", *TRAPS[case], None)


@pytest.mark.parametrize("case", MESSAGES)
def test_messages(case):
    check("messages", *MESSAGES[case])


@pytest.mark.parametrize("case", RESPONSES)
def test_responses(case):
    check("responses", *RESPONSES[case])


@pytest.mark.parametrize("case", MODELS)
def test_models_that_are_gone_or_misspelt(case):
    status, error, model = MODELS[case]
    outcome = mended("chat.completions", status, error, {"model": model})
    assert outcome.sends
    assert outcome.body["model"] != model


def test_ids_that_a_server_counts_anew_each_turn_keep_their_own_results():
    def turn(result):
        return [CALL, {"role": "tool", "tool_call_id": "call_1", "content": result}]

    error = openai("Messages with role 'tool' must be a response to a preceding message with 'tool_calls'")
    orphan = {"role": "tool", "tool_call_id": "call_9", "content": "x"}
    talk = [*ASK, *turn("a"), *ASK, *turn("b")]
    outcome = mended("chat.completions", 400, error, {"messages": [*talk, orphan]})
    assert outcome.body["messages"] == talk
    late = mended("chat.completions", 400, error, {"messages": [*ASK, CALL, *ASK, *turn("b")[1:]]})
    assert [one.get("content") for one in late.body["messages"]] == ["hello", None, "b", "hello"]


def test_what_belongs_together_in_a_conversation_is_left_out_together():
    calls = [{**FUNCTION_CALL, "call_id": f"call-{n}", "arguments": "x" * 400} for n in range(2)]
    outputs = [{"type": "function_call_output", "call_id": f"call-{n}", "output": "x" * 400} for n in range(2)]
    turn = [{"type": "reasoning", "id": "rs_1", "summary": []}, *calls, *outputs]
    first = {"role": "user", "content": [{"type": "input_text", "text": "x" * 400}]}
    error = openai(
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "input",
        "context_length_exceeded",
    )
    outcome = mended("responses", 400, error, {"input": [first, *turn * 4, *ASK]})
    kept = outcome.body["input"]
    assert len(kept) < 22
    assert [one["type"] for one in kept[0]["content"]] == ["input_text", "input_text"]
    assert {
        kind: sum(one.get("type") == kind for one in kept) % count
        for kind, count in (("reasoning", 1), ("function_call", 2), ("function_call_output", 2))
    } == {"reasoning": 0, "function_call": 0, "function_call_output": 0}
    assert sum(one.get("type") == "function_call" for one in kept) == sum(
        one.get("type") == "function_call_output" for one in kept
    )


def learned_from(api, status, error, given):
    request = asked(api, status, error, given)
    registry = Registry(catalogue())
    engine = Engine(registry, level="ask", learner=Learner(registry))
    outcome = engine.after_error(request)
    engine.succeeded(request, outcome)
    return engine, outcome


CONTENT_DEPENDENT = {
    "with functions",
    "older",
    "openrouter, room",
    "vllm, room",
    "vllm, param",
    "sglang",
    "together",
    "tgi",
}
"""Kinds of which nothing can be told about the next request: it has another prompt."""
EACH_TIME_ANEW = {
    "no call",
    "wrong call",
    "failed call",
    "call of no tool",
    "picture",
    "picture, late",
    *CONTENT_DEPENDENT,
}


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CHAT
        if case not in EACH_TIME_ANEW and "too long" not in case and case not in ("gpt-5", "too long", "llama.cpp")
    ],
)
def test_the_next_request_of_that_kind_is_mended_before_it_leaves(case):
    error, given, _ = CHAT[case]
    engine, outcome = learned_from("chat.completions", 400, error, given)
    before = engine.before(
        Request({"model": "some-model", "messages": ASK, **given}, "openai", "chat.completions", "h", stream=False)
    )
    assert before.body == outcome.body


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_is_gone_is_replaced_before_the_next_request_leaves(case):
    status, error, model = MODELS[case]
    engine, outcome = learned_from("chat.completions", status, error, {"model": model})
    before = engine.before(Request({"model": model, "messages": ASK}, "openai", "chat.completions", "h", stream=False))
    assert before.body == outcome.body


def test_whoever_asks_for_all_the_room_there_is_is_not_refused_twice():
    error = openai(
        "This model's maximum context length is 8192 tokens. However, you requested 8256 tokens (64 in the messages, 8192 in the completion). Please reduce the length of the messages or completion.",
        "messages",
        "context_length_exceeded",
    )
    engine, _ = learned_from("chat.completions", 400, error, {"max_tokens": 8192})
    for given, sent in ((8192, 7168), (9000, 7168), (8000, None)):
        before = engine.before(
            Request({"model": "some-model", "max_tokens": given}, "openai", "chat.completions", "h", stream=False)
        )
        assert (before.body["max_tokens"] if before else None) == sent
