"""What the spans of one trace add up to; pure. For many traces, the statement `TRACE_TOTALS` says the same."""

from collections.abc import Iterable, Sequence

import msgspec
from arc_semconv import attributes as names

from arc_core.model import StoredSpan, StoredTrace


def summed_up(trace: StoredTrace, spans: Sequence[StoredSpan]) -> StoredTrace:
    """`trace` with the sums of `spans`, which are all of its spans, oldest first and each once."""
    calls = [span for span in spans if span.kind == "llm"]
    costs = [span.cost_usd for span in spans if span.cost_usd is not None]
    return msgspec.structs.replace(
        trace,
        spans=len(spans),
        errors=sum(span.status == "Error" for span in spans),
        input_tokens=sum(span.input_tokens for span in calls),
        output_tokens=sum(span.output_tokens for span in calls),
        cost_usd=sum(costs) if costs else None,
        unpriced_calls=sum(span.cost_usd is None for span in calls),
        fixes=sum(_is_fixed(span) for span in calls),
        redactions=sum(span.redaction_count for span in spans),
        agents=_first_seen((span.start_ns, span.agent) for span in spans if span.kind in ("run", "llm")),
        models=_first_seen((span.start_ns, span.model) for span in calls),
    )


def _is_fixed(span: StoredSpan) -> bool:
    return bool(span.fix_ids) and span.attributes.get(names.FIX_MODE, "") not in ("shadow", "control")


def _first_seen(seen: Iterable[tuple[int, str]]) -> list[str]:
    return list(dict.fromkeys(name for _, name in sorted(seen) if name))
