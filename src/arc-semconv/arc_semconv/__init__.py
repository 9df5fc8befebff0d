"""The words and shapes that every part of Arc shares; it depends on msgspec alone.

- `arc_semconv.attributes`: names of attributes and events, as constants.
- `arc_semconv.kinds`: the five kinds of span Arc writes, and how each is named.
- `arc_semconv.others`: how the instrumentors of others mark a model call.
- `arc_semconv.fixes`: what a fix changed, as it travels on a span.
- `arc_semconv.bundle`: fixes on their way from Arc Core to a process.
- `arc_semconv.api`: what Arc Core answers under `/api/v1`.
- `arc_semconv.running`: where a running Arc Core says that it is up.
- `arc_semconv.variables`: which variables of the environment are nobody's setting.
"""

from arc_semconv import api, attributes, bundle, fixes, kinds, others, running, variables

__all__ = ["api", "attributes", "bundle", "fixes", "kinds", "others", "running", "variables"]
