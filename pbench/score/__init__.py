"""Stage 3: generations in, scores out; and single answers judged for notebooks and scripts."""

from __future__ import annotations

from pbench.score.answer import score_answer
from pbench.score.answers import TaskSamples, answers_output, answers_run
from pbench.score.bertscore import BertScore, open_bertscore
from pbench.score.cache import CachedChecker
from pbench.score.find import default_output, find_runs, unfinished
from pbench.score.many import Job, Tools, score_runs, workers_for
from pbench.score.run import needs_of, refuse_other_checker, score_run
from pbench.score.summary import summarise

__all__ = [
    "BertScore",
    "CachedChecker",
    "Job",
    "TaskSamples",
    "Tools",
    "answers_output",
    "answers_run",
    "default_output",
    "find_runs",
    "needs_of",
    "open_bertscore",
    "refuse_other_checker",
    "score_answer",
    "score_run",
    "score_runs",
    "summarise",
    "unfinished",
    "workers_for",
]
