"""A program that counts and observes with personal values among the attributes."""

import os

from opentelemetry import metrics
from opentelemetry.metrics import Observation

values = os.environ["SECRETS"].split("|")
meter = metrics.get_meter("own")
counter = meter.create_counter("orders")
for value in values:
    counter.add(1, {"customer": value, "route": "/orders"})
counter.add(1, {"ssn": "078051120", values[0]: "x"})
meter.create_observable_gauge("waiting", [lambda _options: [Observation(1, {"customer": value}) for value in values]])
