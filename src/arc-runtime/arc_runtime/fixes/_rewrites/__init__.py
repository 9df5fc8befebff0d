"""The named rewrites of the catalogue: pure, reviewed, each tested by itself, and without effect the second time."""

from typing import Final

from arc_runtime.fixes._mend import Rewrite
from arc_runtime.fixes._rewrites import _content, _models, _names, _pairing, _parameters, _schemas

__all__ = ["REWRITES", "Rewrite"]

_RUNS: Final = (
    (_parameters.replace_parameter, True),
    (_parameters.fit_limits, True),
    (_parameters.choose_nearest, True),
    (_parameters.drop_second_sampler, True),
    (_parameters.clamp_to_context, True),
    (_parameters.free_tool_choice, True),
    (_parameters.fit_thinking, False),
    (_parameters.cut_at_stop, False),
    (_pairing.pair_tool_calls, False),
    (_pairing.drop_lone_reasoning, False),
    (_schemas.name_items, False),
    (_schemas.close_objects, False),
    (_names.sanitize_tool_names, False),
    (_content.say_json, False),
    (_content.merge_system_role, False),
    (_content.name_system_role, False),
    (_content.drop_empty_content, False),
    (_content.replace_media, True),
    (_content.truncate_history, True),
    (_content.retry_tool_call, True),
    (_models.replace_model, False),
)

REWRITES: Final[dict[str, Rewrite]] = {
    run.__name__: Rewrite(run, " ".join((run.__doc__ or "").split()), needs_refusal) for run, needs_refusal in _RUNS
}
"""Every rewrite, by the name under which a fix asks for it."""
