"""Stage 3: generations in, scores out; and single answers judged for notebooks and scripts."""

from __future__ import annotations

from pbench.score.answer import score_answer
from pbench.score.bertscore import BertScore, open_bertscore
from pbench.score.cache import CachedChecker
from pbench.score.find import default_output, find_runs
from pbench.score.run import score_run
from pbench.score.summary import summarise

__all__ = [
    "BertScore",
    "CachedChecker",
    "default_output",
    "find_runs",
    "open_bertscore",
    "score_answer",
    "score_run",
    "summarise",
]
