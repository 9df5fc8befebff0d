"""What plugins of clients that Stainless generated share: their calls, answers, raw bodies, headers and timeouts."""

from arc_runtime.instrumentation.stainless._answers import fields_of, followed_modules, watch, wrap_class_methods
from arc_runtime.instrumentation.stainless._call import StainlessCall, body_of, options_of
from arc_runtime.instrumentation.stainless._headers import FIXES, identity, settle
from arc_runtime.instrumentation.stainless._taps import ReadBody

__all__ = [
    "FIXES",
    "ReadBody",
    "StainlessCall",
    "body_of",
    "fields_of",
    "followed_modules",
    "identity",
    "options_of",
    "settle",
    "watch",
    "wrap_class_methods",
]
