"""What is measured of model calls: the GenAI metrics by OpenTelemetry, and Arc's own four, on a Prometheus page too.

Nothing here is imported into the way of a call that is not measured: where nobody asked, there are no meters.
"""

from arc_runtime.metrics._counts import Counts
from arc_runtime.metrics._meters import Landed, Meters
from arc_runtime.metrics._page import open_page
from arc_runtime.metrics._redactions import count_redactions

__all__ = ["Counts", "Landed", "Meters", "count_redactions", "open_page"]
