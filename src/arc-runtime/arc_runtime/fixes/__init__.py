"""Known failures are recognised in a request (patterns) and mended (fixes); no I/O, no waiting.

The language is the contract of `docs/reference/fixes.md`. `Registry` holds entries, `Engine` applies them: before a
request leaves, and once more when the provider has refused it. `explain` says why an entry did what it did.
"""

from arc_runtime.fixes._breaker import Breaker
from arc_runtime.fixes._bundle import Accepted, BundleError
from arc_runtime.fixes._catalogue import DEFAULT_ENTRIES, catalogue
from arc_runtime.fixes._changes import COMMANDS, without_content
from arc_runtime.fixes._engine import Engine, Mended
from arc_runtime.fixes._entry import Entry, Guardrail
from arc_runtime.fixes._explain import Explanation, Held, Reason, explain
from arc_runtime.fixes._fields import MENDABLE, REWRITABLE
from arc_runtime.fixes._learning import Learned, Learner
from arc_runtime.fixes._mend import Afterwards, Asked, Lesson, Mend
from arc_runtime.fixes._pattern import CALL_KEYS, ERROR_KEYS, OPERATORS
from arc_runtime.fixes._predicates import PREDICATES
from arc_runtime.fixes._refusal import NOT_PROCESSED, Refusal
from arc_runtime.fixes._registry import LAYERS, Registry
from arc_runtime.fixes._repair import Repair, ask_again
from arc_runtime.fixes._request import Request
from arc_runtime.fixes._rewrites import REWRITES
from arc_runtime.fixes._silent import Failure, cut_short, demands, unfit
from arc_runtime.fixes._sync import BundleClient
from arc_runtime.fixes._user_file import EntriesFileError, UserFile, entries_in

__all__ = [
    "CALL_KEYS",
    "COMMANDS",
    "DEFAULT_ENTRIES",
    "ERROR_KEYS",
    "LAYERS",
    "MENDABLE",
    "NOT_PROCESSED",
    "OPERATORS",
    "PREDICATES",
    "REWRITABLE",
    "REWRITES",
    "Accepted",
    "Afterwards",
    "Asked",
    "Breaker",
    "BundleClient",
    "BundleError",
    "Engine",
    "EntriesFileError",
    "Entry",
    "Explanation",
    "Failure",
    "Guardrail",
    "Held",
    "Learned",
    "Learner",
    "Lesson",
    "Mend",
    "Mended",
    "Reason",
    "Refusal",
    "Registry",
    "Repair",
    "Request",
    "UserFile",
    "ask_again",
    "catalogue",
    "cut_short",
    "demands",
    "entries_in",
    "explain",
    "unfit",
    "without_content",
]
