"""What plugins of clients that Stainless generated share: hooks, calls, answers, raw bodies, headers and timeouts."""

from arc_runtime.instrumentation.stainless._answers import fields_of, watch
from arc_runtime.instrumentation.stainless._api import Api
from arc_runtime.instrumentation.stainless._call import ApiCall, body_of, options_of
from arc_runtime.instrumentation.stainless._headers import FIXES, identity
from arc_runtime.instrumentation.stainless._instrumentor import StainlessInstrumentor
from arc_runtime.instrumentation.stainless._taps import ReadBody
from arc_runtime.instrumentation.stainless._wire import (
    LazyMessages,
    arguments,
    beyond,
    finish_attributes,
    get,
    items,
    plain,
    present,
    strings,
)

__all__ = [
    "FIXES",
    "Api",
    "ApiCall",
    "LazyMessages",
    "ReadBody",
    "StainlessInstrumentor",
    "arguments",
    "beyond",
    "body_of",
    "fields_of",
    "finish_attributes",
    "get",
    "identity",
    "items",
    "options_of",
    "plain",
    "present",
    "strings",
    "watch",
]
