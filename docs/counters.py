"""Writes counters.md: every series of GET /metrics with its kind, labels and meaning.

python docs/counters.py
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import Metric

from brightfield.runtime.telemetry import Telemetry

TARGET = Path(__file__).with_suffix(".md")
_HEAD = """# Counters

What `GET /metrics` says of the service, in Prometheus' text format. A histogram has the series
`_bucket`, `_sum` and `_count`. [Run it](how-to/run-it.md#watch-it) has a dashboard of them. This
page is written by `docs/counters.py`.

| series | kind | meaning |
|---|---|---|
"""


def text() -> str:
    """The page, one row per series in the order in which they are made."""
    return _HEAD + "".join(_row(metric) for metric in Telemetry().registry.collect())


def _row(metric: Metric) -> str:
    name = metric.name + ("_total" if metric.type == "counter" else "")
    return f"| `{name}` | {metric.type} | {metric.documentation} |\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
