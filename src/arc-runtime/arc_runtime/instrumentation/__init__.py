"""The one surface that plugins use: what to wrap, how a model call is described, and a guard round all of it.

A plugin declares targets and maps its library's objects; wrapping, guarding, streams, context, content and fixes are
done here, once.
"""

from arc_runtime.instrumentation._account import Attributes, Content, Facts, Reply, Said
from arc_runtime.instrumentation._guard import Guard
from arc_runtime.instrumentation._instrumentor import ArcInstrumentor, Target, instruments_of
from arc_runtime.instrumentation._model_call import Fold, Hold, ModelCall, also_land, land_all, land_all_at_exit
from arc_runtime.instrumentation._owners import announce
from arc_runtime.instrumentation._runtime import Pen, Providers, Runtime
from arc_runtime.instrumentation._streams import Watcher, watch_async_iterator, watch_iterator
from arc_runtime.instrumentation._versions import Untested, untested_libraries, untested_sdk

__all__ = [
    "ArcInstrumentor",
    "Attributes",
    "Content",
    "Facts",
    "Fold",
    "Guard",
    "Hold",
    "ModelCall",
    "Pen",
    "Providers",
    "Reply",
    "Runtime",
    "Said",
    "Target",
    "Untested",
    "Watcher",
    "also_land",
    "announce",
    "instruments_of",
    "land_all",
    "land_all_at_exit",
    "untested_libraries",
    "untested_sdk",
    "watch_async_iterator",
    "watch_iterator",
]
