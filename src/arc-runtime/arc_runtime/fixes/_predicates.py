"""The reviewed predicates that a pattern may name: where codes, parameters and globs can't tell an error."""

from collections.abc import Callable
from typing import Any, Final

from arc_runtime.fixes import _account
from arc_runtime.fixes._messages import choice, limits, refused
from arc_runtime.fixes._refusal import Refusal
from arc_runtime.fixes._rewrites import _content, _models, _names, _pairing, _parameters, _schemas

__all__ = ["PREDICATES"]

_ABOUT: Final[dict[str, Callable[[Refusal], bool]]] = {
    "refuses_parameter": lambda refusal: refused(refusal) is not None,
    "names_limits": lambda refusal: limits(refusal) is not None,
    "names_choices": lambda refusal: choice(refusal) is not None,
    "excludes_each_other": _parameters.is_sampler_conflict,
    "overflows_context": _parameters.is_context_overflow,
    "is_about_thinking": _parameters.is_thinking_fault,
    "misses_a_call": _parameters.is_no_call,
    "misses_tool_results": _pairing.is_unpaired,
    "misses_what_was_reasoned_for": _pairing.is_lone_reasoning,
    "misses_items": _schemas.is_bare_array,
    "misses_closed_objects": _schemas.is_open_object,
    "refuses_tool_name": _names.is_tool_name_refused,
    "misses_the_word_json": _content.is_json_word_missing,
    "refuses_system_role": _content.is_role_refused,
    "refuses_developer_role": _content.is_developer_unknown,
    "refuses_empty_content": _content.is_empty_content,
    "refuses_media": _content.is_media_refused,
    "refuses_length": _content.is_prompt_too_long,
    "refuses_tool_arguments": _content.is_tool_use_failed,
    "misses_model": _models.is_model_unknown,
    "has_replacement_for_model": _models.is_model_gone,
    "refuses_size": _content.is_larger_than_limit,
    "has_no_credit": _account.has_no_credit,
    "limits_rate": _account.is_rate_limited,
    "has_too_much_to_do": _account.is_overloaded,
    "filters_what_is_said": _account.is_filtered,
}


def _test(about: Callable[[Refusal], bool]) -> Callable[[Any, Any], bool]:
    def test(value: object, _name: object) -> bool:
        return isinstance(value, Refusal) and about(value)

    return test


PREDICATES: Final = {name: _test(about) for name, about in _ABOUT.items()}
"""By name: a test on the refusal."""
