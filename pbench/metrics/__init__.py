"""Metrics: pure functions from an answer and its reference to values in 0..1, always with `score`.

Importing the package is cheap: ROUGE, BLEU and scipy are imported when a metric asks for them.
"""

from __future__ import annotations

from pbench.metrics.parsing import (
    ANSWER_MARKER,
    extract_answer,
    judged_text,
    parse_lenient,
    parse_strict,
)
from pbench.metrics.registry import (
    METRICS,
    BertScorer,
    MetricInfo,
    MetricTools,
    Outcome,
    get_metric,
    metric_names,
    sample_info,
    score_many,
)

__all__ = [
    "ANSWER_MARKER",
    "METRICS",
    "BertScorer",
    "MetricInfo",
    "MetricTools",
    "Outcome",
    "extract_answer",
    "get_metric",
    "judged_text",
    "metric_names",
    "parse_lenient",
    "parse_strict",
    "sample_info",
    "score_many",
]
