"""The one language in which traces and spans are asked for: text to a tree, the tree to SQL. Pure.

service:loans agent:credit* -status:ok duration>2s attributes.http.status_code>=500 since:24h "card declined"
"""

from arc_core.filters._parse import MAX_LENGTH, parse
from arc_core.filters._sql import SPAN_STATUS, TRACE_STATUS, Statement, needs_words, span_condition, trace_condition
from arc_core.filters._text import to_text
from arc_core.filters._tree import FIELDS, And, Attribute, Compare, Filter, Match, Not, Or, Text, When, all_of, any_of

__all__ = [
    "FIELDS",
    "MAX_LENGTH",
    "SPAN_STATUS",
    "TRACE_STATUS",
    "And",
    "Attribute",
    "Compare",
    "Filter",
    "Match",
    "Not",
    "Or",
    "Statement",
    "Text",
    "When",
    "all_of",
    "any_of",
    "needs_words",
    "parse",
    "span_condition",
    "to_text",
    "trace_condition",
]
