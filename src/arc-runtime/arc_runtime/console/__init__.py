"""What one piece of work did, in the terminal: as lines of text, as a tree with bars, as JSON.

`show` writes a summary; `summary_of` makes one of the spans of a trace, those of the SDK or those that Arc Core's API
answers. Nothing here writes to stdout on its own: who calls says where to.
"""

from arc_runtime.console._lines import LiveText, as_json, as_text, clean, short, step_as_dict
from arc_runtime.console._show import Form, show
from arc_runtime.console._spans import framework_of, summary_of
from arc_runtime.console._summary import State, Step, Summary
from arc_runtime.console._tree import as_tree

__all__ = [
    "Form",
    "LiveText",
    "State",
    "Step",
    "Summary",
    "as_json",
    "as_text",
    "as_tree",
    "clean",
    "framework_of",
    "short",
    "show",
    "step_as_dict",
    "summary_of",
]
