"""Reads metrics from standard input with Prometheus' own parser for Python and prints each sample's name, labels and value, a line each.

It judges nothing; what is no metrics is the parser's error.
"""

import sys

from prometheus_client.parser import text_string_to_metric_families

for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    for sample in family.samples:
        print(sample.name, sorted(sample.labels.items()), sample.value)
